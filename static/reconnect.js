/**
 * Calls again after the connection was lost, until a try succeeds, the person gives up, or it is no use.
 */

/**
 * What it does at the moment: waits for so long, or tries.
 *
 * @typedef {Object} Step
 * @property {number} attempt - from 1
 * @property {boolean} trying
 * @property {number} pauseMs - until it tries
 */

export class Reconnect {
    /**
     * @param {import('./redial.js').Redial} redial
     * @param {(way: import('./redial.js').Way) => Promise<void>} connect - rejects where it fails
     * @param {(step: Step) => void} onStep
     * @param {AbortSignal} signal - the person gave up
     */
    constructor(redial, connect, onStep, signal) {
        this.redial = redial;
        this.connect = connect;
        this.onStep = onStep;
        this.signal = signal;
        /** @type {() => void} */
        this.hurry = () => {};
    }

    /** @returns {Promise<boolean>} whether the call goes on; false also when the person gave up */
    async run() {
        const { redial, signal } = this;
        while (!signal.aborted) {
            const pauseMs = redial.pause(Date.now());
            if (pauseMs === null) {
                return false;
            }
            this.onStep({ attempt: redial.tries + 1, trying: false, pauseMs });
            await this.rest(pauseMs);
            const way = signal.aborted ? null : redial.begin(Date.now());
            if (way === null) {
                return false;
            }
            this.onStep({ attempt: redial.tries, trying: true, pauseMs: 0 });
            try {
                await this.connect(way);
                return true;
            } catch (problem) {
                redial.failed(Date.now(), problem);
            }
        }
        return false;
    }

    /**
     * @param {number} ms
     * @returns {Promise<void>} when they have passed, and sooner when the person is in a hurry or gives up
     */
    rest(ms) {
        return new Promise((resolve) => {
            const done = () => {
                clearTimeout(timer);
                this.signal.removeEventListener('abort', done);
                this.hurry = () => {};
                resolve();
            };
            const timer = setTimeout(done, ms);
            this.signal.addEventListener('abort', done);
            this.hurry = done;
        });
    }
}
