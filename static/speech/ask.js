/**
 * Asks the server to speak a text: `POST /v1/audio/speech`, as events, with the times of the words.
 */
import { originOf } from './cache.js';
import { EventReader, bytesOf } from './events.js';
import { Refused, brokenOff, explained, unreachable } from './refusal.js';

/**
 * @typedef {Object} Order
 * @property {string} text
 * @property {string} voice - empty: the usual one
 * @property {string} format
 * @property {number} speed
 */

/**
 * What becomes of it, in this order; sound and words come again and again.
 *
 * @typedef {Object} Listener
 * @property {(origin: import('./cache.js').Origin) => void} onOrigin
 * @property {(bytes: Uint8Array<ArrayBuffer>) => void} onSound - the next bytes of the file
 * @property {(words: import('./words.js').Word[]) => void} onWords - that sound in what follows
 */

/**
 * @param {Order} order
 * @param {AbortSignal} signal
 * @param {Listener} listener
 * @returns {Promise<void>} when the file is whole
 * @throws {Refused}
 */
export async function askSpeech({ text, voice, format, speed }, signal, listener) {
    const body = { input: text, response_format: format, speed, stream_format: 'sse', timestamps: ['word'], ...(voice === '' ? {} : { voice }) };
    const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), signal };
    const response = await fetch(new URL('v1/audio/speech', location.href), request).catch((error) => {
        throw signal.aborted ? error : unreachable();
    });
    if (!response.ok || response.body === null) {
        throw explained(response.status, await response.json().catch(() => null), response.headers.get('Retry-After'));
    }
    signal.throwIfAborted();
    listener.onOrigin(originOf(response.headers));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = new EventReader();
    for (;;) {
        const { done, value } = await reader.read().catch((error) => {
            throw signal.aborted ? error : brokenOff();
        });
        signal.throwIfAborted(); // what had arrived before is of no use any more
        if (done) {
            throw brokenOff();
        }
        if (events.push(value).some((event) => isLast(event, listener))) {
            return;
        }
    }
}

/**
 * @param {any} event
 * @param {Listener} listener
 * @returns {boolean} nothing follows
 */
function isLast(event, { onSound, onWords }) {
    if (event.type === 'speech.audio.delta') {
        onSound(bytesOf(event.audio));
    } else if (event.type === 'speech.words') {
        onWords(event.words ?? []);
    } else if (event.type === 'error') {
        throw new Refused('The voice failed', `${event.error?.message ?? ''} Try again, or choose another voice.`.trim());
    }
    return event.type === 'speech.audio.done';
}
