/**
 * A ping over the channel of a call, which the server answers whatever the call is doing.
 */
import { decodeMessage, encodeRequest } from '../protocol.js';
import { within } from './waiting.js';

const TIMEOUT_MS = 3000;

/**
 * @param {EventTarget & {send: (text: string) => void}} channel - open
 * @param {AbortSignal} signal
 * @returns {Promise<number>} ms until the answer
 */
export async function ping(channel, signal) {
    const { id, text } = encodeRequest('ping', {});
    const began = performance.now();
    /** @type {(event: Event) => void} */
    let listen = () => {};
    try {
        /** @type {number} */
        const ms = await within(TIMEOUT_MS, signal, (resolve) => {
            listen = (event) => {
                const { data } = /** @type {MessageEvent} */ (event);
                // A server that does not know pings answers with an error, which is an answer as well.
                if (typeof data === 'string' && decodeMessage(data)?.id === id) {
                    resolve(performance.now() - began);
                }
            };
            channel.addEventListener('message', listen);
            channel.send(text);
        });
        return ms;
    } finally {
        channel.removeEventListener('message', listen);
    }
}
