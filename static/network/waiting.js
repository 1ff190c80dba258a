/**
 * Waiting that has an end.
 */

/** Nothing came in time. */
export class Late extends Error {}

/**
 * @template T
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {(resolve: (value: T) => void, reject: (reason: unknown) => void) => void} begin
 * @returns {Promise<T>} rejects with `Late` after that time, or with the signal's reason
 */
export function within(ms, signal, begin) {
    return new Promise((resolve, reject) => {
        const stop = () => done(() => reject(signal.reason));
        const done = (/** @type {() => void} */ settle) => {
            clearTimeout(timer);
            signal.removeEventListener('abort', stop);
            settle();
        };
        const timer = setTimeout(() => done(() => reject(new Late(`nothing in ${ms} ms`))), ms);
        signal.addEventListener('abort', stop);
        if (signal.aborted) {
            stop();
            return;
        }
        begin((value) => done(() => resolve(value)), (reason) => done(() => reject(reason)));
    });
}
