/**
 * Redials after the connection was lost, until the call resumes, the person gives up, or it is no use.
 */
import { waitUntilReady } from './connect.js';
import { encodeMessage } from './protocol.js';
import { Redial } from './redial.js';
import { Signalling } from './signalling.js';

/** Short, as the server may be gone and another try follows. */
const REQUEST_TIMEOUT_MS = 5000;

/**
 * The call that was lost.
 *
 * @typedef {Object} LostCall
 * @property {import('./line.js').Line} line - without a connection
 * @property {import('./dialogue.js').Dialogue} dialogue
 * @property {import('./settings.js').Mode} mode - as the person chose it
 * @property {string} backend
 * @property {AbortSignal} signal - aborted when the person gives up
 */

/**
 * The current step: a wait or a try.
 *
 * @typedef {Object} Step
 * @property {number} attempt - from 1
 * @property {boolean} trying
 * @property {number} pauseMs - until the next try
 */

/**
 * @typedef {Object} ReconnectActions
 * @property {(way: import('./redial.js').Way, signalling: Signalling) => Promise<boolean>} join - connects; resolves to
 *     whether the requested call was resumed; otherwise a new one has begun
 * @property {(step: Step) => void} onStep
 * @property {(loading: import('./connect.js').Loading) => void} onLoading - the server can be reached, but is not ready
 * @property {() => void} onNewCall - a new call has replaced the one that was lost
 */

/** The tries after one loss. */
export class Reconnect {
    /**
     * @param {LostCall} lost
     * @param {ReconnectActions} actions
     */
    constructor(lost, actions) {
        const { line, mode } = lost;
        this.lost = lost;
        this.actions = actions;
        this.redial = new Redial({ now: Date.now(), heardAt: line.heardAt, call: line.call, mode, way: line.way });
        /** @type {() => void} */
        this.hurry = () => {};
    }

    /** @returns {Promise<boolean>} whether a call is up again; false also when the person gave up */
    async run() {
        const { redial } = this;
        const { signal } = this.lost;
        while (!signal.aborted) {
            const pauseMs = redial.pause(Date.now());
            if (pauseMs === null) {
                return false;
            }
            this.actions.onStep({ attempt: redial.tries + 1, trying: false, pauseMs });
            await this.rest(pauseMs);
            const way = signal.aborted ? null : redial.begin(Date.now());
            if (way === null) {
                return false;
            }
            this.actions.onStep({ attempt: redial.tries, trying: true, pauseMs: 0 });
            try {
                await this.rejoin(way);
                return true;
            } catch (problem) {
                redial.failed(Date.now(), problem);
            }
        }
        return false;
    }

    /**
     * One try.
     *
     * @param {import('./redial.js').Way} way
     */
    async rejoin(way) {
        const { line, dialogue, backend, signal } = this.lost;
        const signalling = new Signalling(backend, REQUEST_TIMEOUT_MS);
        try {
            if (way.call === '') {
                await waitUntilReady(signalling, signal, (loading) => {
                    this.redial.loading(Date.now());
                    this.actions.onLoading(loading);
                });
            }
            if (!(await this.actions.join(way, signalling))) {
                dialogue.newCall();
                this.actions.onNewCall();
            }
        } catch (error) {
            if (signal.aborted || line.call !== way.call) {
                line.close(); // a new call that failed, or one that is no longer wanted
            } else {
                line.drop();
            }
            throw error;
        }
        for (const content of dialogue.retype()) {
            line.send(encodeMessage('send-text', { content }));
        }
    }

    /**
     * @param {number} ms
     * @returns {Promise<void>} resolves after that time, or earlier on `hurry()` or when the person gives up
     */
    rest(ms) {
        const { signal } = this.lost;
        return new Promise((resolve) => {
            const done = () => {
                clearTimeout(timer);
                signal.removeEventListener('abort', done);
                this.hurry = () => {};
                resolve();
            };
            const timer = setTimeout(done, ms);
            signal.addEventListener('abort', done);
            this.hurry = done;
        });
    }
}
