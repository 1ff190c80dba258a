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
import { Dialling } from './dialling.js';
import { Dialogue } from './dialogue.js';
import { HandOver } from './hand-over.js';
import { Keeping } from './keeping.js';
import { Line } from './line.js';
import { MicrophoneInput } from './microphone-input.js';
import { Orders } from './orders.js';
import { CallProblem, END_TEXT } from './problems.js';
import { encodeClientMessage, encodeMessage } from './protocol.js';
import { Requests } from './requests.js';
import { Rest } from './rest.js';
import { Resumption } from './resumption.js';
import { ServerMessages } from './server-messages.js';
import { SetupTimes } from './setup-times.js';
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
        this.dialling = new Dialling(this);
        this.keeping = new Keeping(this);
        /** What the person says while the connection is lost. */
        this.handOver = new HandOver(this);
        /** What the person says in writing, and chooses. */
        this.orders = new Orders(this);
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
            onResumeToken: (data) => this.keeping.keepToken(data),
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
                this.keeping.lost(reason, reason === 'server-stopping' ? reason : 'lost', message);
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
            onLost: (cause, detail) => this.keeping.lost('connection-lost', cause, detail),
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
            current.signal.throwIfAborted(); // hung up meanwhile: nothing may listen any more
            this.handOver.begin();
            const resumed = await this.dialling.call(this.options, current.signal, setup);
            this.connected(resumed, resumed ? this.dialogue.agent : 'listening');
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
     * The agent has said hello.
     *
     * @param {boolean} resumed - the call goes on over this connection
     * @param {import('./dialogue.js').AgentState} state - of the agent
     */
    connected(resumed, state) {
        this.setState(state);
        if (resumed) {
            this.keeping.wentOn();
        }
    }

    /** The call waits for another connection. */
    disconnected() {
        this.line.drop();
        this.requests.clear();
        this.volume.reset();
        this.face.clear();
        this.setState('reconnecting');
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
        this.handOver.end();
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
