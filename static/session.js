/**
 * A call, whichever way it travels: one state machine over both transports.
 *
 * ```
 * idle ──start──▶ connecting ──bot-ready──▶ listening ⇄ thinking ⇄ speaking ──▶ ended ──start──▶ connecting
 *   ▲                 │ problem
 *   └─────────────────┘
 * ```
 */
import { AnswerVolume } from './answer-volume.js';
import { FaceSource } from './avatar/source.js';
import { connect, waitUntilReady } from './connect.js';
import { firstAudioMs } from './first-audio.js';
import { MicrophoneInput } from './microphone-input.js';
import { RTVI_VERSION, TEXT_LIMIT, encodeClientMessage, encodeMessage } from './protocol.js';
import { CallProblem, END_TEXT } from './problems.js';
import { Signalling } from './signalling.js';
import { PageTools } from './tools.js';
import { Transcript } from './transcript.js';
import { Turns } from './turns.js';

const HELLO_TIMEOUT_MS = 10000;
const GOODBYE_TIMEOUT_MS = 600;

/** @typedef {'idle' | 'connecting' | 'listening' | 'thinking' | 'speaking' | 'ended'} State */

/**
 * @typedef {Object} StartOptions
 * @property {import('./settings.js').Mode} [mode]
 * @property {string} [language] - ISO 639-1; empty: identified
 * @property {string} [backend] - empty: the server that this page came from
 * @property {import('./settings.js').Settings['face']} [face] - `off`: the server sends none, for the whole call
 * @property {string | boolean} [microphone] - a device's id; `true` or empty: the default; `false`: none, for typing
 */

/** A call and the next one. Dispatches what docs/page.md lists. */
export class CallSession extends EventTarget {
    /** @param {import('./audio.js').AudioGraph} graph */
    constructor(graph) {
        super();
        this.graph = graph;
        /** @type {State} */
        this.state = 'idle';
        this.transcript = new Transcript();
        this.turns = new Turns();
        this.tools = new PageTools((text) => this.send(text));
        this.volume = new AnswerVolume((volume, ms) => graph.setAnswerVolume(volume, ms));
        /** The agent's face as the server sends it. */
        this.face = new FaceSource();
        graph.onHeard = (at, level) => this.face.heard(at, level);
        /** @type {import('./webrtc.js').Transport | null} */
        this.transport = null;
        this.input = new MicrophoneInput(graph, (available) => this.emit('microphone', { available }), () => this.microphoneLost());
        /** @type {AbortController | null} The call in progress; each call has its own. */
        this.current = null;
        /** @type {((problem: CallProblem | null) => void) | null} */
        this.greeted = null;
    }

    /** Whether a call is up. */
    get live() {
        return this.state === 'listening' || this.state === 'thinking' || this.state === 'speaking';
    }

    /**
     * Calls the server. Resolves when the agent is there.
     *
     * @param {StartOptions} [options]
     * @returns {Promise<void>}
     * @throws {CallProblem} also dispatched as `problem`
     */
    async start(options = {}) {
        if (this.current !== null) {
            throw new Error('A call is in progress: hangUp() first.');
        }
        const current = new AbortController();
        this.current = current;
        this.transcript = new Transcript(options.language);
        this.turns = new Turns();
        this.face.clear();
        this.setState('connecting');
        const audio = this.graph.open(); // before anything is awaited: this is the person's gesture
        try {
            await audio;
            await this.prepare(options, current.signal);
        } catch (error) {
            if (current.signal.aborted) {
                return; // hung up meanwhile, and said so
            }
            current.abort(error); // nothing of this attempt goes on
            this.release();
            this.setState('idle');
            const problem = error instanceof CallProblem ? error : new CallProblem('connection-failed', String(error));
            this.emit('problem', problem);
            throw problem;
        }
    }

    /**
     * @param {StartOptions} options
     * @param {AbortSignal} signal
     */
    async prepare(options, signal) {
        const signalling = new Signalling(options.backend ?? '');
        const wanted = options.microphone ?? true;
        const microphone = wanted === false ? null : this.input.open(wanted === true ? '' : wanted, signal);
        const ready = waitUntilReady(signalling, signal, (loading) => this.emit('loading', loading));
        ready.catch(() => {}); // awaited below; the microphone's problem comes first when there are both
        await microphone;
        await ready;
        const language = options.language ?? '';
        this.transport = await connect(options.mode ?? 'auto', {
            signalling,
            graph: this.graph,
            track: this.input.track,
            language,
            signal,
            onMessage: (message) => this.receive(message),
            onReconnecting: (reconnecting) => this.emit('reconnecting', { reconnecting }),
            onFace: options.face === 'off' ? null : (frames) => this.face.track.push(frames),
            onPlayout: (stats) => this.emit('playout', stats),
            onLost: (detail) => this.lost(detail),
            onNotice: (code, message) => this.emit('notice', { code, message }),
        });
        this.face.clock = this.transport.clock;
        this.emit('transport', { transport: this.transport.name });
        await this.greet(language, signal);
        this.setState('listening');
    }

    /**
     * @param {string} language
     * @param {AbortSignal} signal
     * @returns {Promise<void>}
     */
    greet(language, signal) {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(
                () => reject(new CallProblem('connection-failed', 'the agent did not answer in 10 s')),
                HELLO_TIMEOUT_MS,
            );
            signal.addEventListener('abort', () => reject(signal.reason));
            this.greeted = (problem) => {
                this.greeted = null;
                clearTimeout(timer);
                if (problem === null) {
                    resolve();
                } else {
                    reject(problem);
                }
            };
            const about = { library: 'visavis-page', platform: 'web' };
            this.send(encodeMessage('client-ready', { version: RTVI_VERSION, about, language: language || undefined }));
            if (this.tools.registered.size > 0) {
                this.tools.declare();
            }
            if (this.input.muted) {
                this.send(encodeClientMessage('mute', { muted: true }));
            }
        });
    }

    /** Ends the call, or gives up one that is being made. */
    async hangUp() {
        if (this.current === null) {
            return;
        }
        if (this.live) {
            this.send(encodeMessage('disconnect-bot'));
            // What the server still has to say of the call, such as its last turn, arrives before its goodbye.
            const ended = new Promise((resolve) => this.addEventListener('ended', resolve, { once: true }));
            await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, GOODBYE_TIMEOUT_MS))]);
        }
        this.end('hung-up', END_TEXT['hung-up']);
    }

    /** The page goes away: no time for goodbyes. */
    abandon() {
        this.send(encodeMessage('disconnect-bot'));
        this.transport?.close();
    }

    /**
     * Says something by typing, as if it had been spoken.
     *
     * @param {string} text
     */
    say(text) {
        const content = text.trim();
        if (content === '' || content.length > TEXT_LIMIT) {
            throw new Error(`text: 1 to ${TEXT_LIMIT} characters, not ${content.length}.`);
        }
        if (!this.live) {
            throw new Error('No call is up: start() first.');
        }
        this.turns.typed(content);
        this.changed(this.transcript.userTyped(content));
        this.send(encodeMessage('send-text', { content }));
    }

    /** Stops the agent's answer. */
    interrupt() {
        if (this.live) {
            this.send(encodeClientMessage('interrupt'));
        }
    }

    /** @param {boolean} muted */
    setMuted(muted) {
        this.input.setMuted(muted);
        this.send(encodeClientMessage('mute', { muted }));
        this.emit('muted', { muted });
    }

    /** @param {string} language - empty: identified */
    setLanguage(language) {
        this.transcript.languageFixed = language !== '';
        this.send(encodeClientMessage('set-language', { language: language || null }));
    }

    /**
     * Takes another microphone, also in the middle of a call.
     *
     * @param {string} deviceId - empty: the default
     * @throws {CallProblem}
     */
    async setMicrophone(deviceId) {
        if (this.current !== null) {
            await this.input.open(deviceId, this.current.signal);
            await this.transport?.setTrack(this.input.track);
        }
    }

    /** The microphone went away by itself; another one may be there. */
    async microphoneLost() {
        try {
            await this.setMicrophone('');
        } catch {
            this.emit('notice', {
                code: 'microphone-lost',
                message: 'The microphone is gone. Choose another one in the settings, or type.',
            });
        }
    }

    /** @param {import('./protocol.js').Message} message */
    receive(message) {
        const { type, data } = message;
        this.emit('message', message);
        this.emit(type, data);
        const { language } = this.transcript;
        const entry = this.transcript.apply(message);
        if (entry !== null) {
            this.changed(entry);
        }
        if (this.transcript.language !== language) {
            this.emit('language', { language: this.transcript.language, previous: language });
        }
        this.waterfall(this.turns.apply(message));
        switch (type) {
            case 'bot-ready':
                this.greeted?.(null);
                break;
            case 'llm-function-call-in-progress':
                this.emit('tool', { id: data.tool_call_id, name: data.function_name, running: true });
                void this.tools.call(data);
                break;
            case 'llm-function-call-stopped':
                this.emit('tool', { id: data.tool_call_id, name: data.function_name, running: false });
                break;
            case 'bot-started-speaking':
                this.volume.started(Number(data.response));
                void this.measureFirstAudio(Number(data.response));
                break;
            case 'bot-interrupted':
                this.volume.interrupted(Number(data.response));
                this.transport?.flush(Number(data.response));
                this.face.track.interrupted(Number(data.response));
                break;
            case 'error':
                this.failed(String(data.message ?? ''), data.fatal === true);
                break;
            case 'server-message':
                this.serverMessage(data);
                break;
        }
    }

    /** @param {Record<string, any>} data */
    serverMessage(data) {
        if (data.type === 'state' && this.live) {
            this.setState(data.state);
        } else if (data.type === 'notice') {
            this.emit('notice', { code: data.code, message: data.message });
        } else if (data.type === 'turn') {
            this.emit('turn', { response: data.response, marks: data.marks });
        } else if (data.type === 'call-ended') {
            this.greeted?.(new CallProblem('refused', data.message));
            if (this.live) {
                this.end(data.reason, data.message || END_TEXT[data.reason] || 'The call ended.');
            }
        }
    }

    /**
     * @param {string} message
     * @param {boolean} fatal
     */
    failed(message, fatal) {
        if (!fatal) {
            this.emit('notice', { code: 'error', message });
            return;
        }
        this.greeted?.(new CallProblem('refused', message));
        if (this.live) {
            this.end('fault', message || END_TEXT.fault);
        }
    }

    /** @param {string} detail */
    lost(detail) {
        this.greeted?.(new CallProblem('connection-lost', detail));
        if (this.live) {
            this.end('connection-lost', END_TEXT['connection-lost']);
        }
    }

    /**
     * Tells the server when its answer began to be heard, for it cannot know.
     *
     * @param {number} response
     */
    async measureFirstAudio(response) {
        // A greeting answers nothing, and typed words have no last sound.
        const ms = this.turns.answersSpeech(response) ? await firstAudioMs(this.graph, () => this.live) : null;
        if (ms !== null) {
            this.send(encodeClientMessage('first-audio', { response, ms }));
            this.emit('first-audio', { response, ms });
            const turn = this.turns.heard(response, ms);
            this.waterfall(turn);
            const entry = turn === null ? null : this.transcript.mark(response, { ...turn.marks, heard: ms });
            if (entry !== null) {
                this.changed(entry);
            }
        }
    }

    /**
     * @param {string} reason
     * @param {string} message
     */
    end(reason, message) {
        if (this.current === null) {
            return;
        }
        this.current.abort(new CallProblem('connection-failed', 'hung up'));
        this.transcript.close();
        this.release();
        this.setState('ended');
        this.emit('ended', { reason, message });
    }

    /** Gives back everything that the call held. */
    release() {
        this.transport?.close();
        this.transport = null;
        this.greeted = null;
        this.input.close();
        this.volume.reset();
        this.graph.clear();
        this.face.clear();
        this.current = null;
    }

    /** @param {string} text */
    send(text) {
        this.transport?.send(text);
    }

    /** @param {import('./transcript.js').Entry} entry */
    changed(entry) {
        this.emit('transcript', entry);
    }

    /** @param {import('./turns.js').Turn | null} turn */
    waterfall(turn) {
        if (turn !== null) {
            this.emit('waterfall', turn);
        }
    }

    /** @param {State} state */
    setState(state) {
        if (state !== this.state) {
            const previous = this.state;
            this.state = state;
            this.emit('state', { state, previous });
        }
    }

    /**
     * @param {string} type
     * @param {any} detail
     */
    emit(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}
