/**
 * How long a request takes, and how many bytes come and go in a second, over HTTP.
 */
import { Fault } from './checks.js';
import { NEEDED } from './verdict.js';
import { Late } from './waiting.js';

/** Each is sent only if the one before took little time; the last is the most that the server takes. */
const SIZES = [64 << 10, 256 << 10, 1 << 20];
/** A transfer that takes so long is worth believing. */
const ENOUGH_MS = 500;
const TIMEOUT_MS = 8000;
const ROUND_TRIPS = 5;
/** Most random bytes that browsers make at once. */
const RANDOM_BYTES = 65536;

/** @typedef {import('../signalling.js').Signalling} Signalling */

/**
 * @param {Signalling} signalling
 * @param {AbortSignal} signal
 * @returns {Promise<{value: number}>} ms, the median
 */
export async function measureRoundTrip(signalling, signal) {
    await get(signalling, 0, signal); // the connection may have to be made
    const taken = [];
    for (let i = 0; i < ROUND_TRIPS; i++) {
        taken.push(await get(signalling, 0, signal));
    }
    return { value: taken.sort((a, b) => a - b)[Math.floor(ROUND_TRIPS / 2)] };
}

/**
 * @param {Signalling} signalling
 * @param {AbortSignal} signal
 * @returns {Promise<{value: number}>} kbit/s
 */
export function measureDownload(signalling, signal) {
    return measure((size) => get(signalling, size, signal));
}

/**
 * @param {Signalling} signalling
 * @param {AbortSignal} signal
 * @returns {Promise<{value: number}>} kbit/s
 */
export function measureUpload(signalling, signal) {
    return measure((size) => exchange(signal, (inner) => {
        const init = { method: 'POST', body: noise(size), cache: /** @type {const} */ ('no-store'), signal: inner };
        return fetch(signalling.url('api/network/bytes'), init);
    }));
}

/**
 * @param {(size: number) => Promise<number>} transfer - resolves to the ms that it took
 * @returns {Promise<{value: number}>} kbit/s
 */
async function measure(transfer) {
    /** @type {number | null} */
    let value = null;
    for (const size of SIZES) {
        try {
            const ms = await transfer(size);
            value = rate(size, ms);
            if (ms >= ENOUGH_MS) {
                break;
            }
        } catch (error) {
            if (!(error instanceof Late)) {
                throw error;
            }
            if (value === null) {
                throw new Fault('too-slow', `${size >> 10} KiB took more than ${TIMEOUT_MS / 1000} s.`);
            }
            break; // the smaller transfer says how quick it is
        }
    }
    if (value === null || value < NEEDED.webrtc) {
        throw new Fault('too-slow', '', value);
    }
    return { value };
}

/**
 * @param {number} bytes
 * @param {number} ms
 * @returns {number} kbit/s
 */
export function rate(bytes, ms) {
    return (bytes * 8) / Math.max(ms, 1);
}

/**
 * @param {Signalling} signalling
 * @param {number} size
 * @param {AbortSignal} signal
 * @returns {Promise<number>} ms
 */
function get(signalling, size, signal) {
    const url = signalling.url(`api/network/bytes?n=${size}`);
    return exchange(signal, (inner) => fetch(url, { cache: 'no-store', signal: inner }));
}

/**
 * @param {AbortSignal} signal
 * @param {(inner: AbortSignal) => Promise<Response>} request
 * @returns {Promise<number>} ms until the whole response was there
 */
async function exchange(signal, request) {
    const controller = new AbortController();
    const stop = () => controller.abort(signal.reason);
    signal.addEventListener('abort', stop);
    const timer = setTimeout(() => controller.abort(new Late()), TIMEOUT_MS);
    const began = performance.now();
    try {
        signal.throwIfAborted();
        const response = await request(controller.signal);
        await response.arrayBuffer();
        if (!response.ok) {
            throw new Fault(response.status === 503 ? 'busy' : 'broken', `HTTP ${response.status}`);
        }
        return performance.now() - began;
    } catch (error) {
        controller.signal.throwIfAborted(); // with the reason, whatever the browser made of it
        throw error instanceof Fault ? error : new Fault('broken', String(error));
    } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
    }
}

/**
 * @param {number} size
 * @returns {Uint8Array<ArrayBuffer>} random, so that nothing on the way compresses it
 */
function noise(size) {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += RANDOM_BYTES) {
        crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES));
    }
    return bytes;
}
