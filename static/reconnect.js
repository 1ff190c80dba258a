/**
 * Redials after the connection was lost, until the call resumes, the person gives up, or it is no use.
 */
import { waitUntilReady } from './connect.js';
import { newCallText } from './problems.js';
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
 * @property {import('./rest.js').Rest} rest
 * @property {number} resumable - how long its resume token is good, in seconds; 0: there is none
 * @property {boolean} handedOver - its server ends it so that another one takes it
 */

/**
 * The current step: a wait or a try.
 *
 * @typedef {Object} Step
 * @property {number} attempt - from 1
 * @property {boolean} trying
 * @property {number} pauseMs - until the next try
 * @property {string} waitsFor - why the server takes the call later; empty: it does not say
 */

/**
 * @typedef {Object} ReconnectActions
 * @property {(way: import('./redial.js').Way, signalling: Signalling) => Promise<boolean>} join - connects; resolves to
 *     whether the requested call was resumed; otherwise a new one has begun
 * @property {(step: Step) => void} onStep
 * @property {(loading: import('./connect.js').Loading) => void} onLoading - the server can be reached, but is not ready
 * @property {(reason: string) => void} onNewCall - a new call has replaced the one that was lost; `reason`: why the server
 *     refused to go on with that one, or empty
 */

/** The tries after one loss. */
export class Reconnect {
    /**
     * @param {LostCall} lost
     * @param {ReconnectActions} actions
     */
    constructor(lost, actions) {
        const { line, mode, resumable, handedOver } = lost;
        const { heardAt, call, way } = line;
        this.lost = lost;
        this.actions = actions;
        this.redial = new Redial({ now: Date.now(), heardAt, call, mode, way, resumable, handedOver });
    }

    /** @returns {Promise<boolean>} whether a call is up again; false also when the person gave up */
    async run() {
        const { redial } = this;
        const { signal, rest } = this.lost;
        while (!signal.aborted) {
            const pauseMs = redial.pause(Date.now());
            if (pauseMs === null) {
                return false;
            }
            this.actions.onStep({ attempt: redial.tries + 1, trying: false, pauseMs, waitsFor: redial.waitsFor });
            await rest.take(pauseMs, signal);
            const way = signal.aborted ? null : redial.begin(Date.now());
            if (way === null) {
                return false;
            }
            this.actions.onStep({ attempt: redial.tries, trying: true, pauseMs: 0, waitsFor: redial.waitsFor });
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
                dialogue.newCall(newCallText(this.redial.refused));
                this.actions.onNewCall(this.redial.refused);
            }
        } catch (error) {
            if (signal.aborted || (line.call !== way.call && !line.resumed)) {
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
}
