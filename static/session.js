/**
 * A call: one state machine over both transports.
 *
 * ```
 * idle ──start──▶ connecting ──bot-ready──▶ listening ⇄ thinking ⇄ speaking ──▶ ended ──start──▶ connecting
 *   ▲                 │ problem               │ lost          ▲ bot-ready        ▲ no use
 *   └─────────────────┘                       └──▶ reconnecting ────────────────┘
 * ```
 */
import { AnswerVolume } from './answer-volume.js';
import { FaceSource } from './avatar/source.js';
import { joinNewCall, waitUntilReady } from './connect.js';
import { Dialogue } from './dialogue.js';
import { Line } from './line.js';
import { MicrophoneInput } from './microphone-input.js';
import { RTVI_VERSION, TEXT_LIMIT, encodeClientMessage, encodeMessage } from './protocol.js';
import { CallProblem, END_TEXT, newCallText } from './problems.js';
import { Reconnect } from './reconnect.js';
import { Refusal, Requests } from './requests.js';
import { Rest } from './rest.js';
import { Resumption } from './resumption.js';
import { ServerMessages } from './server-messages.js';
import { SetupTimes } from './setup-times.js';
import { Signalling } from './signalling.js';
import { PageTools } from './tools.js';

const GOODBYE_TIMEOUT_MS = 600;

/** @typedef {'idle' | 'connecting' | import('./dialogue.js').AgentState | 'reconnecting' | 'ended'} State */

/**
 * @typedef {Object} StartOptions
 * @property {import('./settings.js').Mode} [mode]
 * @property {string} [language] - ISO 639-1; empty: identified
 * @property {string} [voice] - of the agent, or a speaker or a mix of voices; empty: the first of each language
 * @property {string} [backend] - empty: the server that this page came from
 * @property {import('./settings.js').Settings['face']} [face] - `off`: the server sends none, for the whole call
 * @property {string | boolean} [microphone] - a device's id; `true` or empty: the default; `false`: none, for typing
 * @property {import('./resume-tokens.js').ResumeToken} [resume] - go on with this call; if that is refused a new one begins
 */

/** The page's calls, one after another. Dispatches the events that docs/page.md lists. */
export class CallSession extends EventTarget {
    /** @param {import('./audio.js').AudioGraph} graph */
    constructor(graph) {
        super();
        this.graph = graph;
        /** @type {State} */
        this.state = 'idle';
        this.dialogue = new Dialogue((type, detail) => this.emit(type, detail));
        this.tools = new PageTools((text) => this.send(text));
        this.requests = new Requests((text) => this.send(text));
        /** The voice that the server was told of in this call; empty: none. */
        this.voiceTold = '';
        this.volume = new AnswerVolume((volume, ms) => graph.setAnswerVolume(volume, ms));
        /** The agent's face as the server sends it. */
        this.face = new FaceSource();
        graph.onHeard = (at, level) => this.face.heard(at, level);
        this.input = this.newInput();
        this.messages = this.newMessages();
        /** The line of the call in progress, or of the last; each call has its own. */
        this.line = this.newLine();
        /** @type {SetupTimes | null} Of the call in progress, or of the last. */
        this.setup = null;
        /** @type {StartOptions} Of the call in progress, or of the last. */
        this.options = {};
        /** What lets this page, or the next, go on with the call. */
        this.resumption = new Resumption(() => this);
        /** The pause before the next try, of whatever is tried. */
        this.rest = new Rest();
        /** @type {AbortController | null} The call in progress; each call has its own. */
        this.current = null;
    }

    /** Whether a call is up. */
    get live() {
        return this.state === 'listening' || this.state === 'thinking' || this.state === 'speaking';
    }

    /** Whether a call is up, or waits to be reconnected. */
    get holds() {
        return this.live || this.state === 'reconnecting';
    }

    get transport() {
        return this.line.transport;
    }

    get transcript() {
        return this.dialogue.transcript;
    }

    get turns() {
        return this.dialogue.turns;
    }

    newInput() {
        return new MicrophoneInput(this.graph, {
            onAvailable: (available) => this.emit('microphone', { available }),
            onMuted: (muted) => {
                this.send(encodeClientMessage('mute', { muted }));
                this.resumption.touch();
                this.emit('muted', { muted });
            },
            onTrack: async (track) => this.transport?.setTrack(track),
            onNotice: (code, message) => this.emit('notice', { code, message }),
        });
    }

    newMessages() {
        const { graph, volume, face, tools, dialogue } = this;
        return new ServerMessages({ graph, volume, face, tools, dialogue }, {
            emit: (type, detail) => this.emit(type, detail),
            send: (text) => this.send(text),
            isLive: () => this.live,
            isHeld: () => this.holds,
            onReady: (call, resumed) => this.resumption.ready(call, resumed),
            onResumeToken: (data) => this.keepResumeToken(data),
            onResumed: () => this.line.greeted(null),
            onState: (state) => {
                if (this.live) {
                    this.setState(state);
                }
            },
            onInterrupted: (response) => this.transport?.flush(response),
            onMoved: () => this.end('moved', END_TEXT.moved),
            onAccident: (reason, message) => {
                this.line.call = ''; // it cannot be resumed
                this.lost(reason, reason === 'server-stopping' ? reason : 'lost', message);
            },
            onEnded: (reason, message) => {
                this.line.greeted(new CallProblem('refused', message));
                if (this.holds) {
                    this.end(reason, message || END_TEXT[reason] || 'The call ended.');
                }
            },
        });
    }

    newLine() {
        return new Line({
            onMessage: (message) => {
                this.requests.received(message);
                this.messages.receive(message);
            },
            onTrouble: (trouble) => this.emit('reconnecting', { reconnecting: trouble !== '', trouble }),
            onLost: (cause, detail) => this.lost('connection-lost', cause, detail),
        });
    }

    /**
     * Calls the server. Resolves when the agent is ready.
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
        const setup = new SetupTimes();
        this.setup = setup;
        this.line = this.newLine();
        this.options = { ...options };
        this.resumption.begin();
        this.dialogue.begin(options.language);
        this.input.begin(current.signal);
        this.face.clear();
        this.setState('connecting');
        const audio = this.graph.open(); // before anything is awaited: in the user gesture
        try {
            await audio;
            setup.reach('audio');
            await this.prepare(this.options, current.signal, setup);
        } catch (error) {
            if (current.signal.aborted) {
                return; // hung up meanwhile, and reported
            }
            current.abort(error); // stops everything of this attempt
            const problem = error instanceof CallProblem ? error : new CallProblem('connection-failed', String(error));
            this.resumption.failed(problem);
            this.release();
            this.setState('idle');
            this.emit('problem', problem);
            throw problem;
        }
    }

    /**
     * @param {StartOptions} options
     * @param {AbortSignal} signal
     * @param {SetupTimes} setup
     */
    async prepare(options, signal, setup) {
        const signalling = new Signalling(options.backend ?? '');
        const wanted = options.microphone ?? true;
        const microphone = wanted === false ? null : this.input.open(wanted === true ? '' : wanted);
        const onLoading = this.waits.onLoading;
        const ready = waitUntilReady(signalling, signal, onLoading);
        // Awaited below; if both fail, the microphone's problem is reported.
        ready.then(() => setup.reach('server'), () => {});
        if (microphone !== null) {
            await microphone;
            setup.reach('microphone');
        }
        await ready;
        const { resume, mode = 'auto' } = options;
        const resumed = await (resume === undefined
            ? this.dial({ mode, call: '', resume: false }, signalling, signal)
            : this.takeUp(mode, signalling, signal));
        setup.reach('ready');
        this.setState(resumed ? this.dialogue.agent : 'listening');
        if (resumed) {
            this.wentOn();
        }
    }

    /** @returns {import('./connect.js').Waits} */
    get waits() {
        return {
            onLoading: (loading) => this.emit('loading', loading),
            onQueue: (queue) => this.emit('queue', queue),
            rest: this.rest,
        };
    }

    /**
     * Calls a server that is ready.
     *
     * @param {import('./redial.js').Way} way
     * @param {Signalling} signalling
     * @param {AbortSignal} signal
     * @returns {Promise<boolean>} whether the requested call was resumed
     */
    dial(way, signalling, signal) {
        return joinNewCall(() => this.join(way, signalling, signal), signalling, signal, this.waits);
    }

    /**
     * Goes on with the call whose token is there, if the server still knows it.
     *
     * @param {import('./settings.js').Mode} mode
     * @param {Signalling} signalling
     * @param {AbortSignal} signal
     * @returns {Promise<boolean>} false: a new call has begun in its place
     */
    async takeUp(mode, signalling, signal) {
        let reason = 'resume-unknown';
        try {
            if (await this.dial({ mode, call: '', resume: true }, signalling, signal)) {
                return true;
            }
        } catch (error) {
            if (!(error instanceof CallProblem) || error.code !== 'resume-refused') {
                throw error;
            }
            reason = error.detail;
            await this.dial({ mode, call: '', resume: false }, signalling, signal);
        }
        this.dialogue.newCall(newCallText(reason));
        this.emit('new-call', { reason });
        return false;
    }

    /**
     * Connects, and waits for the agent's hello.
     *
     * @param {import('./redial.js').Way} way
     * @param {Signalling} signalling
     * @param {AbortSignal} signal
     * @returns {Promise<boolean>} whether the requested call was resumed
     */
    async join({ mode, call, resume }, signalling, signal) {
        const { line, setup, resumption } = this;
        const { tokens } = resumption;
        if (!resume) {
            tokens.clear();
        }
        const used = tokens.newest;
        resumption.helloed = false;
        const opened = await line.open(mode, {
            signalling,
            call,
            resumeToken: () => tokens.newest,
            onResumeToken: (data) => this.keepResumeToken(data),
            graph: this.graph,
            track: this.input.track,
            language: this.options.language ?? '',
            signal,
            onStage: (stage) => setup?.reach(stage),
            onFace: this.options.face === 'off' ? null : (frames) => this.face.track.push(frames),
            onPlayout: (stats) => this.emit('playout', stats),
            onCapture: (stats) => this.emit('capture', stats),
            onNotice: (code, message) => this.emit('notice', { code, message }),
        });
        if (line.transport !== null) {
            this.face.clock = line.transport.clock;
            this.emit('transport', { transport: line.transport.name });
        }
        const greeting = line.greet(() => this.hello(opened, resume), signal);
        // Another microphone may have been chosen meanwhile.
        await Promise.all([greeting, line.transport?.setTrack(this.input.track)]);
        const resumed = opened || resumption.helloed;
        if (!resumed && tokens.newest === used) {
            tokens.clear(); // the server does not know what it is
        }
        return resumed;
    }

    /**
     * Sends the first messages to the agent.
     *
     * @param {boolean} resumed - the call goes on over another connection
     * @param {boolean} byToken - or may do so, and the server may not know everything of this page
     */
    hello(resumed, byToken) {
        this.voiceTold = resumed ? this.voiceTold : '';
        const { voice = '' } = this.options;
        if (voice !== this.voiceTold) {
            void this.tellVoice(voice).catch((error) => this.lacksVoice(voice, error)); // before the greeting
        }
        const { muted } = this.input;
        const about = { library: 'visavis-page', platform: 'web' };
        const language = this.options.language || undefined;
        this.send(encodeMessage('client-ready', { version: RTVI_VERSION, about, language }));
        if (this.tools.registered.size > 0) {
            this.tools.declare();
        }
        if (muted || byToken || this.state === 'reconnecting') {
            this.send(encodeClientMessage('mute', { muted }));
        }
    }

    /** Ends the call, or cancels one that is being set up. */
    async hangUp() {
        if (this.current === null) {
            return;
        }
        if (this.live) {
            this.send(encodeMessage('disconnect-bot'));
            // The server's last messages of the call, such as its last turn, arrive before its goodbye.
            const ended = new Promise((resolve) => this.addEventListener('ended', resolve, { once: true }));
            await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, GOODBYE_TIMEOUT_MS))]);
        }
        this.end('hung-up', END_TEXT['hung-up']);
    }

    /** The page goes away: no time for goodbyes. A call with a token is left as it is, for the page may only be loaded anew. */
    abandon() {
        if (this.resumption.tokens.newest === null) {
            this.send(encodeMessage('disconnect-bot'));
            this.line.close();
        } else if (this.current !== null) {
            this.resumption.touch();
        }
    }

    /** Tries now, if the page waits to. */
    tryNow() {
        this.rest.hurry();
    }

    /**
     * Sends typed words, as if they had been spoken.
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
        this.dialogue.typed(content);
        this.send(encodeMessage('send-text', { content }));
    }

    /** Stops the agent's response. */
    interrupt() {
        if (this.live) {
            this.send(encodeClientMessage('interrupt'));
        }
    }

    /** @param {string} language - empty: identified */
    setLanguage(language) {
        this.options.language = language; // a call that replaces this one begins with it
        this.transcript.languageFixed = language !== '';
        this.send(encodeClientMessage('set-language', { language: language || null }));
    }

    /**
     * Chooses a voice for the language that it speaks, from the next response on.
     *
     * @param {string} voice - or a speaker or a mix of voices; empty: the first of each language
     * @returns {Promise<void>} resolves when the server has accepted it; without a call at once
     * @throws {Error} with words for people, and the available voices
     */
    async setVoice(voice) {
        if (this.live) {
            await this.tellVoice(voice);
        }
        this.options.voice = voice; // a call that replaces this one begins with it
    }

    /** @param {string} voice */
    async tellVoice(voice) {
        try {
            await this.requests.ask('set-voice', { voice: voice || null });
        } catch (error) {
            throw error instanceof Refusal ? new Refusal(sentence(error.message)) : error;
        }
        this.voiceTold = voice;
    }

    /**
     * The call goes on with another voice.
     *
     * @param {string} voice
     * @param {unknown} error
     */
    lacksVoice(voice, error) {
        // Without an answer the connection is at fault, and the next one tells it again.
        if (error instanceof Refusal && this.current !== null && this.options.voice === voice) {
            this.options.voice = '';
            this.emit('notice', { code: 'voice-unknown', message: `Another voice speaks: ${error.message}` });
        }
    }

    /** @param {unknown} data - of the server */
    keepResumeToken(data) {
        if (this.current !== null) {
            this.resumption.keep(data);
        }
    }

    /** The call goes on over another connection. */
    wentOn() {
        this.resumption.resumed = true;
        this.emit('resumed', { call: this.resumption.call });
    }

    /**
     * @param {string} reason - why the call ends, unless it can be resumed
     * @param {string} cause - a key of REDIAL_TEXT
     * @param {string} detail
     */
    lost(reason, cause, detail) {
        this.line.greeted(new CallProblem('connection-lost', detail));
        if (this.live && this.current !== null) {
            void this.callAgain(reason, cause, this.current.signal);
        }
    }

    /**
     * @param {string} reason
     * @param {string} cause
     * @param {AbortSignal} signal
     */
    async callAgain(reason, cause, signal) {
        const { line, dialogue, rest } = this;
        const { mode = 'auto', backend = '' } = this.options;
        const resumable = this.resumption.tokens.newest?.seconds ?? 0;
        const lost = { line, dialogue, mode, backend, signal, rest, resumable, handedOver: cause === 'server-stopping' };
        let replaced = false;
        line.drop();
        this.requests.clear();
        this.volume.reset();
        this.face.clear();
        this.setState('reconnecting');
        const reconnect = new Reconnect(lost, {
            join: (way, signalling) => this.join(way, signalling, signal),
            onStep: (step) => this.emit('redial', { ...step, cause }),
            onLoading: (loading) => this.emit('loading', loading),
            onNewCall: (why) => {
                replaced = true;
                this.resumption.resumed = false;
                this.emit('new-call', { reason: why });
            },
        });
        const reconnected = await reconnect.run();
        if (signal.aborted) {
            return; // the person gave up
        }
        if (reconnected) {
            this.setState(dialogue.agent);
            if (!replaced) {
                this.wentOn();
            }
        } else {
            const why = reconnect.redial.over || reason;
            this.end(why, END_TEXT[why] ?? END_TEXT[reason]);
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
        this.resumption.ended(reason);
        this.release();
        this.setState('ended');
        this.emit('ended', { reason, message });
    }

    /** Releases everything that the call held. */
    release() {
        this.line.close();
        this.requests.clear();
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

    /** @param {State} state */
    setState(state) {
        if (state !== this.state) {
            const previous = this.state;
            this.state = state;
            if (this.holds) {
                this.resumption.touch();
            }
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

/**
 * @param {string} fault - of a request, with the field at its beginning
 * @returns {string} for people
 */
function sentence(fault) {
    return fault.replace(/^set-voice: (d\.voice: )?/, '').replace(/^[a-z]/, (letter) => letter.toUpperCase());
}
