/**
 * The page's audio graph. Microphone and response meet in the tap, which measures and records both on one clock; the
 * WebSocket mode attaches its capture and playback to the same graph.
 */
import { CallProblem } from './problems.js';

/**
 * Levels of both sides, 50 times a second.
 *
 * @typedef {Object} Levels
 * @property {number} at - the middle of the 20 ms, in seconds of the context
 * @property {number} mic - RMS, 0 to 1
 * @property {number} answer
 * @property {number} voiceEnd - when the microphone last carried a voice, in seconds of the context; -1: never
 * @property {number} answerStart - when the response last began to sound; -1: never
 */

/**
 * Both sides of a call on one clock: sample n of one is sample n of the other.
 *
 * @typedef {Object} Recording
 * @property {number} sampleRate
 * @property {number} at - when sample 0 was, in seconds of the context; it is heard the output latency later
 * @property {Float32Array} mic
 * @property {Float32Array} answer
 */

/** @type {Levels} */
const SILENCE = { at: 0, mic: 0, answer: 0, voiceEnd: -1, answerStart: -1 };

/** Owns the AudioContext and everything in it. Lives as long as the page; calls come and go. */
export class AudioGraph {
    constructor() {
        /** @type {AudioContext | null} */
        this.context = null;
        /** @type {AudioWorkletNode | null} */
        this.tap = null;
        /** @type {GainNode | null} The microphone's input to the graph, whichever device feeds it. */
        this.mic = null;
        /** @type {GainNode | null} The response's input to the graph, whichever transport feeds it; sets its volume. */
        this.answer = null;
        /** @type {Levels} */
        this.levels = SILENCE;
        /** @type {((at: number, level: number) => void) | null} Gets the response's level, and when it is heard. */
        this.onHeard = null;
        /** @type {MediaStreamAudioSourceNode | null} */
        this.micSource = null;
        /** @type {MediaStreamAudioSourceNode | null} */
        this.remoteSource = null;
        this.element = new Audio();
        this.element.autoplay = true;
        this.element.muted = true;
        /** @type {Promise<void> | null} */
        this.opening = null;
        /** @type {{mic: Float32Array, answer: Float32Array, at: number}[]} */
        this.chunks = [];
        /** @type {((value: void) => void) | null} */
        this.recorded = null;
        this.recorder = {
            start: () => this.startRecording(),
            stop: () => this.stopRecording(),
        };
    }

    /**
     * Creates or wakes the graph. Call it in a user gesture, before anything is awaited, or browsers keep it silent.
     *
     * @returns {Promise<void>}
     */
    open() {
        if (this.context === null) {
            this.context = new AudioContext({ latencyHint: 'interactive' });
            this.context.onstatechange = () => this.wake(); // a telephone call, for example, interrupts it
            this.opening = this.build(this.context);
        }
        this.wake();
        return this.opening ?? Promise.resolve();
    }

    /** @param {AudioContext} context */
    async build(context) {
        this.mic = context.createGain();
        this.answer = context.createGain();
        this.answer.connect(context.destination);
        if (context.audioWorklet === undefined) {
            return; // not a secure context: no levels and no recording, but WebRTC can be heard
        }
        await this.load(context);
        const options = { numberOfInputs: 2, numberOfOutputs: 1, channelCount: 1, channelCountMode: 'explicit' };
        this.tap = new AudioWorkletNode(context, 'visavis-tap', /** @type {AudioWorkletNodeOptions} */ (options));
        this.mic.connect(this.tap, 0, 0);
        this.answer.connect(this.tap, 0, 1);
        this.tap.connect(context.destination); // silent, but an unconnected node is not run
        this.tap.port.onmessage = (event) => this.receive(event.data);
    }

    /**
     * Loads the audio modules. If that fails, the next call begins with another context, as this one would not retry.
     *
     * @param {AudioContext} context
     * @throws {CallProblem}
     */
    async load(context) {
        const modules = ['tap-worklet.js', 'capture-worklet.js', 'playback-worklet.js'];
        try {
            await Promise.all(modules.map((name) => context.audioWorklet.addModule(new URL(name, import.meta.url))));
        } catch (error) {
            void context.close();
            this.context = null;
            throw new CallProblem('server-unreachable', String(error));
        }
    }

    /** Whether the WebSocket mode can carry sound here. */
    get worklets() {
        return this.tap !== null;
    }

    /** Whether the browser waits for a gesture before it lets sound out. */
    get blocked() {
        return this.context !== null && this.context.state !== 'running';
    }

    /**
     * @param {number} ms - to wait at most
     * @returns {Promise<boolean>} whether the browser lets sound out without a gesture
     */
    async soundsWithin(ms) {
        await this.open().catch(() => {}); // what is wrong is told when a call is made
        const { context } = this;
        if (context === null || context.state === 'running') {
            return context !== null;
        }
        return new Promise((resolve) => {
            const settle = () => {
                clearTimeout(timer);
                context.removeEventListener('statechange', changed);
                resolve(!this.blocked);
            };
            const changed = () => {
                if (!this.blocked) {
                    settle();
                }
            };
            const timer = setTimeout(settle, ms);
            context.addEventListener('statechange', changed);
        });
    }

    /** Lets sound out, if the browser allows it now. */
    wake() {
        // Both promises may wait for a gesture; a refusal shows in `blocked`, and the page asks for a tap.
        this.context?.resume().catch(() => {});
        if (this.element.srcObject !== null) {
            this.element.play().catch(() => {});
        }
    }

    /** @param {any} message */
    receive(message) {
        if (message.type === 'levels') {
            this.levels = message;
            this.onHeard?.(this.heardAt(message.at), message.answer);
        } else if (message.type === 'chunk') {
            this.chunks.push({ mic: message.mic, answer: message.answer, at: message.at });
            if (message.last) {
                this.recorded?.();
            }
        }
    }

    /** @param {MediaStream | null} stream */
    setMicrophone(stream) {
        this.micSource?.disconnect();
        this.micSource = null;
        if (stream !== null && this.context !== null && this.mic !== null) {
            this.micSource = this.context.createMediaStreamSource(stream);
            this.micSource.connect(this.mic);
        }
    }

    /**
     * @param {number} volume - of the response, 0 to 1
     * @param {number} ms - how long the change takes; an instant one would click
     */
    setAnswerVolume(volume, ms) {
        if (this.context !== null && this.answer !== null) {
            const { gain } = this.answer;
            const now = this.context.currentTime;
            gain.cancelScheduledValues(now);
            gain.setValueAtTime(gain.value, now);
            gain.linearRampToValueAtTime(volume, now + ms / 1000);
        }
    }

    /**
     * Plays the agent's stream through the graph. Chromium feeds it there only once an element plays it, muted here.
     *
     * @param {MediaStream | null} stream
     */
    setRemoteStream(stream) {
        this.remoteSource?.disconnect();
        this.remoteSource = null;
        this.element.srcObject = stream;
        if (stream !== null && this.context !== null && this.answer !== null) {
            this.remoteSource = this.context.createMediaStreamSource(stream);
            this.remoteSource.connect(this.answer);
            this.wake();
        }
    }

    /** Seconds until the graph's current output is heard. */
    get outputLatency() {
        return this.context?.outputLatency || this.context?.baseLatency || 0;
    }

    /**
     * @param {number} time - seconds of the context, as worklets count
     * @returns {number} when the output of that time is heard, as performance.now() counts
     */
    heardAt(time) {
        const { contextTime = 0, performanceTime = 0 } = this.context?.getOutputTimestamp?.() ?? {};
        if (performanceTime > 0) {
            return performanceTime + (time - contextTime) * 1000;
        }
        const made = performance.now() + (time - (this.context?.currentTime ?? 0)) * 1000;
        return made + this.outputLatency * 1000;
    }

    /** After a call: nothing sounds, nothing is measured. */
    clear() {
        this.setMicrophone(null);
        this.setRemoteStream(null);
        this.levels = SILENCE;
    }

    async startRecording() {
        await this.open();
        if (this.tap === null) {
            throw new Error('This page cannot record: audio worklets need https or localhost.');
        }
        this.chunks = [];
        this.tap.port.postMessage('start');
    }

    /** @returns {Promise<Recording>} */
    async stopRecording() {
        if (this.tap === null || this.context === null) {
            throw new Error('Nothing is being recorded: call start() first.');
        }
        const tap = this.tap;
        await new Promise((resolve) => {
            this.recorded = resolve;
            tap.port.postMessage('stop');
        });
        const { sampleRate } = this.context;
        const recording = { sampleRate, at: this.chunks[0]?.at ?? 0, mic: this.join('mic'), answer: this.join('answer') };
        this.chunks = [];
        return recording;
    }

    /**
     * @param {'mic' | 'answer'} side
     * @returns {Float32Array}
     */
    join(side) {
        const joined = new Float32Array(this.chunks.reduce((sum, chunk) => sum + chunk[side].length, 0));
        let at = 0;
        for (const chunk of this.chunks) {
            joined.set(chunk[side], at);
            at += chunk[side].length;
        }
        return joined;
    }
}
