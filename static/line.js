/**
 * The line of a call: its connection, whether that is alive, and the one that replaces it.
 */
import { connect } from './connect.js';
import { CallProblem } from './problems.js';
import { isPingAnswer } from './protocol.js';
import { Pulse } from './pulse.js';

const HELLO_TIMEOUT_MS = 10000;
/** What was said comes at once after the hello of a call that goes on. */
const SAID_TIMEOUT_MS = 1500;

/**
 * What is wrong with a connection that may still recover; empty: nothing.
 *
 * @typedef {'' | 'shaky' | 'silent'} Trouble
 */

/**
 * What a line tells its call.
 *
 * @typedef {Object} LineEvents
 * @property {(message: import('./protocol.js').Message) => void} onMessage
 * @property {(trouble: Trouble) => void} onTrouble
 * @property {(cause: 'lost' | 'silent', detail: string) => void} onLost - the connection is of no use any more
 */

/**
 * @typedef {Omit<import('./connect.js').ConnectOptions,
 *     'onMessage' | 'onLife' | 'onReconnecting' | 'onParked' | 'onLost'>} LineOptions
 */

export class Line {
    /** @param {LineEvents} events */
    constructor(events) {
        this.events = events;
        /** @type {import('./webrtc.js').Transport | null} */
        this.transport = null;
        /** The server's id of the call; empty: it cannot be resumed over another connection. */
        this.call = '';
        /** The connection, or the last one, is of the call that was asked for. */
        this.resumed = false;
        /** The call goes on elsewhere, or may: its connection is given up, and not hung up. */
        this.left = false;
        /** @type {import('./webrtc.js').Transport['name']} The call's transport now, or last. */
        this.way = 'webrtc';
        /** @type {import('./signalling.js').Signalling | null} */
        this.signalling = null;
        /** @type {Pulse | null} */
        this.pulse = null;
        /** When something last arrived, as Date.now() counts. */
        this.heardAt = 0;
        /** @type {(() => void)[]} Close abandoned connections; the server would take that for a hang-up while it has no other. */
        this.parked = [];
        this.shaky = false;
        /** @type {Trouble} */
        this.trouble = '';
        /** @type {((problem: CallProblem | null) => void) | null} Set while the agent's hello is awaited. */
        this.awaited = null;
    }

    /**
     * Connects.
     *
     * @param {import('./settings.js').Mode} mode
     * @param {LineOptions} options
     * @returns {Promise<boolean>} whether the requested call was resumed, as far as the answer to an offer says so
     */
    async open(mode, options) {
        const asked = [options.call, options.resumeToken()?.call ?? ''];
        this.signalling = options.signalling;
        this.resumed = false;
        const transport = await connect(mode, {
            ...options,
            onMessage: (message) => this.receive(message),
            onLife: () => this.pulse?.heard(),
            onReconnecting: (shaky) => {
                this.shaky = shaky;
                this.judge();
            },
            onParked: (close) => this.parked.push(close),
            onLost: (detail) => this.lost('lost', detail),
        });
        this.transport = transport;
        this.way = transport.name;
        this.clearParked();
        this.resumed = transport.call !== '' && asked.includes(transport.call);
        if (options.call !== '' && transport.call === '' && options.resumeToken() === null) {
            options.signalling.end(options.call); // this transport cannot resume it
        }
        this.call = transport.call;
        this.heardAt = Date.now();
        return this.resumed;
    }

    /**
     * Says hello, and waits for the agent's. From then on the connection is watched for signs of life.
     *
     * @param {() => void} hello - says it
     * @param {AbortSignal} signal - aborted when the person gives up
     */
    async greet(hello, signal) {
        signal.throwIfAborted();
        await new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
            const timer = setTimeout(
                () => reject(new CallProblem('connection-failed', 'the agent did not answer in 10 s')),
                HELLO_TIMEOUT_MS,
            );
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
            this.awaited = (problem) => {
                clearTimeout(timer);
                if (problem === null) {
                    resolve();
                } else {
                    reject(problem);
                }
            };
            hello();
        });
        if (this.transport !== null) {
            this.pulse = new Pulse(this.transport, (verdict) => this.judge(verdict));
        }
    }

    /** @param {CallProblem | null} problem - why the agent's hello fails; null: it has come */
    greeted(problem) {
        this.awaited?.(problem);
        this.awaited = null;
    }

    /** The agent's hello has come, and what was said before in the call is about to come. */
    greetedSoon() {
        const { awaited } = this;
        setTimeout(() => {
            if (this.awaited === awaited) {
                this.greeted(null);
            }
        }, SAID_TIMEOUT_MS);
    }

    /** @param {import('./protocol.js').Message} message */
    receive(message) {
        if (isPingAnswer(message)) {
            this.pulse?.answered(message);
        } else {
            this.events.onMessage(message);
        }
    }

    /** @param {import('./heartbeat.js').Verdict} [verdict] - if it has changed */
    judge(verdict) {
        if (verdict === 'dead') {
            this.lost('silent', 'the server does not answer');
            return;
        }
        const silent = this.pulse?.verdict === 'silent';
        const trouble = silent ? 'silent' : this.shaky ? 'shaky' : '';
        if (trouble !== this.trouble) {
            this.trouble = trouble;
            this.events.onTrouble(trouble);
        }
        if (verdict === 'silent') {
            void this.transport?.probe();
        }
    }

    /**
     * @param {'lost' | 'silent'} cause - as the transport sees it
     * @param {string} detail
     */
    lost(cause, detail) {
        this.events.onLost(this.trouble === 'silent' ? 'silent' : cause, detail);
    }

    /** @param {string} text */
    send(text) {
        this.transport?.send(text);
    }

    /** Gives up the connection; the call waits for another. */
    drop() {
        this.heardAt = this.pulse?.heardAt ?? this.heardAt;
        this.pulse?.stop();
        this.pulse = null;
        this.transport?.drop();
        this.transport = null;
        this.shaky = false;
        this.trouble = '';
    }

    /** Ends the call, even one that has no connection. */
    close() {
        if (this.transport !== null && !this.left) {
            this.transport.close();
        } else if (this.call !== '') {
            this.signalling?.end(this.call);
        }
        this.call = '';
        this.awaited = null;
        this.drop();
        this.clearParked();
    }

    /** The call goes on elsewhere: closing this connection must not end it. */
    leave() {
        this.left = true;
        this.call = '';
    }

    clearParked() {
        this.parked.splice(0).forEach((close) => close());
    }
}
