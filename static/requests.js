/**
 * Requests to the server during a call, each answered by a message with its id.
 */
import { encodeRequest } from './protocol.js';

const TIMEOUT_MS = 5000;

/** The server refused a request, in its own words. */
export class Refusal extends Error {}

/**
 * @typedef {Object} Waiting
 * @property {() => void} resolve
 * @property {(reason: Error) => void} reject
 * @property {ReturnType<typeof setTimeout>} timer
 */

export class Requests {
    /** @param {(text: string) => void} send */
    constructor(send) {
        this.send = send;
        /** @type {Map<string, Waiting>} */
        this.waiting = new Map();
    }

    /**
     * @param {string} topic - of the `client-message`
     * @param {Record<string, any>} data
     * @returns {Promise<void>} resolves when the server accepts it
     * @throws {Refusal | Error} a refusal, or why there is no answer
     */
    ask(topic, data) {
        const { id, text } = encodeRequest(topic, data);
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => this.settle(id)?.reject(new Error('The server did not answer.')), TIMEOUT_MS);
            this.waiting.set(id, { resolve, reject, timer });
            this.send(text);
        });
    }

    /** @param {import('./protocol.js').Message} message - any of the server's */
    received({ type, id, data }) {
        if (type === 'server-response') {
            this.settle(id)?.resolve();
        } else if (type === 'error-response') {
            this.settle(id)?.reject(new Refusal(String(data.error ?? 'The server refused.')));
        }
    }

    /** The connection that carried them is gone. */
    clear() {
        [...this.waiting.keys()].forEach((id) => this.settle(id)?.reject(new Error('The connection was lost.')));
    }

    /**
     * @param {string} id
     * @returns {Waiting | undefined}
     */
    settle(id) {
        const waiting = this.waiting.get(id);
        this.waiting.delete(id);
        clearTimeout(waiting?.timer);
        return waiting;
    }
}
