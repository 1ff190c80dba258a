/**
 * A call, whichever way it travels: one state machine over both transports.
 *
 * ```
 * idle ──start──▶ connecting ──bot-ready──▶ listening ⇄ thinking ⇄ speaking ──▶ ended ──start──▶ connecting
 *   ▲                 │ problem               │ lost          ▲ bot-ready        ▲ no use
 *   └─────────────────┘                       └──▶ reconnecting ────────────────┘
 * ```
 */
import { AnswerVolume } from './answer-volume.js';
import { FaceSource } from './avatar/source.js';
import { waitUntilReady } from './connect.js';
import { firstAudioMs } from './first-audio.js';
import { Line } from './line.js';
import { MicrophoneInput } from './microphone-input.js';
import { RTVI_VERSION, TEXT_LIMIT, encodeClientMessage, encodeMessage } from './protocol.js';
import { CallProblem, END_TEXT, NEW_CALL_TEXT } from './problems.js';
import { Reconnect } from './reconnect.js';
import { Redial, isAccident } from './redial.js';
import { Signalling } from './signalling.js';
import { PageTools } from './tools.js';
import { Transcript } from './transcript.js';
import { Turns } from './turns.js';

const HELLO_TIMEOUT_MS = 10000;
const GOODBYE_TIMEOUT_MS = 600;
/** Of a server that may be gone; another try comes. */
const REDIAL_REQUEST_MS = 5000;

/** @typedef {'idle' | 'connecting' | 'listening' | 'thinking' | 'speaking' | 'reconnecting' | 'ended'} State */

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
        /** Of the call in progress, or of the last; each call has its own. */
        this.line = this.newLine();
        /** @type {StartOptions} Of the call in progress, or of the last. */
        this.options = {};
        /** @type {'listening' | 'thinking' | 'speaking'} What the server says that the agent does. */
        this.told = 'listening';
        /** @type {Reconnect | null} While the connection is lost. */
        this.reconnect = null;
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

    /** Whether a call is up, or is to go on as soon as there is a connection again. */
    get holds() {
        return this.live || this.state === 'reconnecting';
    }

    get transport() {
        return this.line.transport;
    }

    newLine() {
        return new Line({
            onMessage: (message) => this.receive(message),
            onTrouble: (trouble) => this.emit('reconnecting', { reconnecting: trouble !== '', trouble }),
            onLost: (cause, detail) => this.lost('connection-lost', cause, detail),
        });
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
        this.line = this.newLine();
        this.options = { ...options };
        this.told = 'listening';
        this.transcript = new Transcript(options.language);
        this.turns = new Turns();
        this.face.clear();
        this.setState('connecting');
        const audio = this.graph.open(); // before anything is awaited: this is the person's gesture
        try {
            await audio;
            await this.prepare(this.options, current.signal);
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
        await this.join({ mode: options.mode ?? 'auto', call: '' }, signalling, signal);
        this.setState('listening');
    }

    /**
     * Connects, and waits for the agent's hello.
     *
     * @param {import('./redial.js').Way} way
     * @param {Signalling} signalling
     * @param {AbortSignal} signal
     * @returns {Promise<boolean>} whether the call that was asked for goes on
     */
    async join({ mode, call }, signalling, signal) {
        const { line } = this;
        const goesOn = await line.open(mode, {
            signalling,
            call,
            graph: this.graph,
            track: this.input.track,
            language: this.options.language ?? '',
            signal,
            onFace: this.options.face === 'off' ? null : (frames) => this.face.track.push(frames),
            onPlayout: (stats) => this.emit('playout', stats),
            onNotice: (code, message) => this.emit('notice', { code, message }),
        });
        if (line.transport !== null) {
            this.face.clock = line.transport.clock;
            this.emit('transport', { transport: line.transport.name });
        }
        await this.greet(signal);
        line.watch();
        return goesOn;
    }

    /**
     * @param {AbortSignal} signal
     * @returns {Promise<void>}
     */
    greet(signal) {
        const { language } = this.options;
        return new Promise((resolve, reject) => {
            const timer = setTimeout(
                () => reject(new CallProblem('connection-failed', 'the agent did not answer in 10 s')),
                HELLO_TIMEOUT_MS,
            );
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
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
            if (this.input.muted || this.state === 'reconnecting') {
                this.send(encodeClientMessage('mute', { muted: this.input.muted }));
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
        this.line.close();
    }

    /** Calls again now, where the page waits to. */
    tryNow() {
        this.reconnect?.hurry();
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
        this.options.language = language; // a call in the place of this one begins with it
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
        if (data.type === 'state') {
            this.told = data.state;
            if (this.live) {
                this.setState(this.told);
            }
        } else if (data.type === 'notice') {
            this.emit('notice', { code: data.code, message: data.message });
        } else if (data.type === 'turn') {
            this.emit('turn', { response: data.response, marks: data.marks });
        } else if (data.type === 'call-ended') {
            this.callEnded(String(data.reason), String(data.message ?? ''));
        }
    }

    /**
     * The server has ended the call.
     *
     * @param {string} reason
     * @param {string} message
     */
    callEnded(reason, message) {
        if (this.holds && isAccident(reason)) {
            this.line.call = ''; // it cannot be gone on with
            this.lost(reason, reason === 'server-stopping' ? reason : 'lost', message);
            return;
        }
        this.greeted?.(new CallProblem('refused', message));
        if (this.holds) {
            this.end(reason, message || END_TEXT[reason] || 'The call ended.');
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
        if (this.holds) {
            this.end('fault', message || END_TEXT.fault);
        }
    }

    /**
     * @param {string} reason - for which the call ends unless it can be gone on with
     * @param {string} cause - a key of REDIAL_TEXT
     * @param {string} detail
     */
    lost(reason, cause, detail) {
        this.greeted?.(new CallProblem('connection-lost', detail));
        if (this.live && this.current !== null) {
            void this.redial(reason, cause, this.current.signal);
        }
    }

    /**
     * Calls again until the call goes on, or it is no use.
     *
     * @param {string} reason
     * @param {string} cause
     * @param {AbortSignal} signal
     */
    async redial(reason, cause, signal) {
        const { line } = this;
        const { call, transport } = line;
        line.drop();
        this.volume.reset();
        this.face.clear();
        this.setState('reconnecting');
        const { mode = 'auto' } = this.options;
        const redial = new Redial({ now: Date.now(), heardAt: line.heardAt, call, mode, way: transport?.name ?? 'webrtc' });
        const rejoin = (/** @type {import('./redial.js').Way} */ way) => this.rejoin(way, redial, signal);
        this.reconnect = new Reconnect(redial, rejoin, (step) => this.emit('redial', { ...step, cause }), signal);
        const goesOn = await this.reconnect.run();
        if (!signal.aborted) {
            this.reconnect = null;
            if (!goesOn) {
                this.end(reason, END_TEXT[reason]);
            }
        }
    }

    /**
     * One try.
     *
     * @param {import('./redial.js').Way} way
     * @param {Redial} redial
     * @param {AbortSignal} signal
     */
    async rejoin(way, redial, signal) {
        const { line } = this;
        const signalling = new Signalling(this.options.backend ?? '', REDIAL_REQUEST_MS);
        try {
            if (way.call === '') {
                await waitUntilReady(signalling, signal, (loading) => {
                    redial.loading(Date.now());
                    this.emit('loading', loading);
                });
            }
            if (!(await this.join(way, signalling, signal))) {
                this.beginAnew();
            }
        } catch (error) {
            if (signal.aborted || line.call !== way.call) {
                line.close(); // a new call that came to nothing, or one that nobody wants any more
            } else {
                line.drop();
            }
            throw error;
        }
        for (const { text } of this.transcript.unconfirmed) { // typed, and never taken in
            this.turns.typed(text);
            this.send(encodeMessage('send-text', { content: text }));
        }
        this.setState(this.told);
    }

    /** A new call goes on in the place of the one that was lost. */
    beginAnew() {
        this.told = 'listening';
        this.turns = new Turns();
        this.changed(this.transcript.newCall(NEW_CALL_TEXT));
        this.emit('new-call', {});
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
        this.line.close();
        this.reconnect = null;
        this.greeted = null;
        this.input.close();
        this.volume.reset();
        this.graph.clear();
        this.face.clear();
        this.current = null;
    }

    /** @param {string} text */
    send(text) {
        this.line.send(text);
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
