/**
 * Requests a clip from the server, and explains failures in plain words.
 */
import { Clip } from './clip.js';

/** What went wrong, and what to do. */
export class Refused extends Error {
    /**
     * @param {string} title
     * @param {string} text
     * @param {string} [field] - the field of the form that is at fault
     */
    constructor(title, text, field = '') {
        super(title);
        this.title = title;
        this.text = text;
        this.field = field;
    }
}

/**
 * @typedef {Object} Wishes
 * @property {string | Blob} what - a text, or a WAV file
 * @property {string} voice
 * @property {string} mood
 * @property {number} fps
 * @property {boolean} expressions
 */

const NOT_THERE = () => new Refused('The server cannot be reached', 'Check that it runs and that the network is there, then try again.');

/**
 * @param {Wishes} wishes
 * @param {AbortSignal} signal
 * @param {(clip: Clip) => void} onProgress - called as more of it arrives
 * @returns {Promise<Clip>}
 * @throws {Refused}
 */
export async function requestClip({ what, voice, mood, fps, expressions }, signal, onProgress) {
    const accept = { Accept: 'application/x-ndjson' };
    const url = new URL('../api/animate', location.href);
    /** @type {RequestInit} */
    let request;
    if (typeof what === 'string') {
        const body = JSON.stringify({ text: what, voice, mood, fps, expressions });
        request = { method: 'POST', headers: { ...accept, 'Content-Type': 'application/json' }, body, signal };
    } else {
        url.search = new URLSearchParams({ mood, fps: String(fps), expressions: String(expressions) }).toString();
        request = { method: 'POST', headers: { ...accept, 'Content-Type': 'audio/wav' }, body: what, signal };
    }
    const response = await fetch(url, request).catch((error) => {
        throw signal.aborted ? error : NOT_THERE();
    });
    if (!response.ok) {
        throw explained(await response.json().catch(() => null), response.status, response.headers.get('Retry-After'));
    }
    const clip = new Clip();
    for await (const line of lines(response, signal)) {
        if (line.error !== undefined) {
            throw explained(line.error, line.error.status, null);
        }
        clip.add(line);
        onProgress(clip);
    }
    if (!clip.whole) {
        throw new Refused('The connection was lost', 'The response broke off before its end. Try again.');
    }
    return clip;
}

/**
 * @param {any} problem - RFC 9457
 * @param {number} status
 * @param {string | null} retry - seconds
 */
function explained(problem, status, retry) {
    const detail = typeof problem?.detail === 'string' ? problem.detail : 'The server gave no reason; its log may say more.';
    if (status === 503) {
        return new Refused('The server is busy', `${detail} ${retry === null ? '' : `It asks for ${retry} seconds.`}`.trim());
    }
    if (status === 413) {
        return new Refused('That is too large', detail);
    }
    if (status >= 500) {
        return new Refused('The server failed', detail);
    }
    return new Refused('This cannot be animated', detail, problem?.field ?? '');
}

/**
 * @param {Response} response
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<any>}
 */
async function* lines(response, signal) {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    while (reader !== undefined) {
        const { done, value } = await reader.read().catch((error) => {
            throw signal.aborted ? error : new Refused('The connection was lost', 'The response broke off. Try again.');
        });
        const pieces = (rest + (value ?? '')).split('\n');
        rest = pieces.pop() ?? '';
        for (const piece of pieces) {
            yield JSON.parse(piece);
        }
        if (done) {
            return;
        }
    }
}
