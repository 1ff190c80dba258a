/**
 * A pause before another try, which the person may cut short or give up.
 */

export class Rest {
    constructor() {
        /** @type {() => void} Ends the pause in progress. */
        this.hurry = () => {};
    }

    /**
     * @param {number} ms
     * @param {AbortSignal} signal - aborted when the person gives up
     * @returns {Promise<void>} resolves after that time, or earlier on `hurry()` or when the person gives up
     */
    take(ms, signal) {
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
