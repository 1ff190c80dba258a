/**
 * Sends a recording and receives its transcript, segment by segment: `POST /transcribe`. By XMLHttpRequest, as only that tells how much was sent.
 */
import { LineReader } from './events.js';
import { Refused, brokenOff, explained } from './refusal.js';

/** @typedef {import('./subtitles.js').Segment} Segment */
/** @typedef {{language: string, duration: number, times: string}} End */

/**
 * @typedef {Object} Listener
 * @property {(share: number) => void} onSent - how much of the file, 0 to 1
 * @property {(segment: Segment) => void} onSegment
 */

const LOST = () => new Refused(
    'The connection was lost',
    'The server cannot be reached, or it broke off because the file is larger than it takes (listening.largest_upload_mib). Try again, or a shorter file.',
);

/**
 * @param {File} file
 * @param {string} language - ISO 639-1; empty: it is to be identified
 * @param {AbortSignal} signal
 * @param {Listener} listener
 * @returns {Promise<End>} when all of it was heard
 * @throws {Refused}
 */
export function transcribe(file, language, signal, listener) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        const answer = new Answer(request, listener);
        const settle = (/** @type {() => void} */ how) => {
            signal.removeEventListener('abort', abort);
            how();
        };
        const abort = () => {
            request.abort();
            settle(() => reject(signal.reason));
        };
        const step = (/** @type {() => void} */ work) => {
            try {
                work();
            } catch (error) {
                request.abort();
                settle(() => reject(error));
            }
        };
        request.open('POST', new URL('transcribe', location.href));
        request.setRequestHeader('Accept', 'application/x-ndjson');
        request.upload.addEventListener('progress', ({ loaded, total }) => listener.onSent(total > 0 ? loaded / total : 0));
        request.upload.addEventListener('load', () => listener.onSent(1));
        request.addEventListener('progress', () => step(() => answer.more()));
        request.addEventListener('load', () => step(() => {
            const end = answer.end();
            settle(() => resolve(end));
        }));
        request.addEventListener('error', () => settle(() => reject(LOST())));
        signal.addEventListener('abort', abort);
        request.send(formOf(file, language));
    });
}

/**
 * @param {File} file
 * @param {string} language
 */
function formOf(file, language) {
    const form = new FormData();
    if (language !== '') {
        form.append('language', language);
    }
    form.append('file', file, file.name);
    return form;
}

/** The lines of a response, as they arrive. */
class Answer {
    /**
     * @param {XMLHttpRequest} request
     * @param {Listener} listener
     */
    constructor(request, listener) {
        this.request = request;
        this.listener = listener;
        this.reader = new LineReader();
        this.read = 0;
        /** @type {End | null} */
        this.last = null;
    }

    more() {
        if (this.request.status !== 200) {
            return; // a refusal is read once it is whole
        }
        const text = this.request.responseText.slice(this.read);
        this.read += text.length;
        for (const line of this.reader.push(text)) {
            if (line.error !== undefined) {
                throw explained(Number(line.error.status), line.error, null);
            } else if (line.segment !== undefined) {
                this.listener.onSegment({ ...line.segment, words: line.segment.words ?? [] });
            } else if (line.end !== undefined) {
                this.last = line.end;
            }
        }
    }

    /** @returns {End} */
    end() {
        const { status } = this.request;
        if (status !== 200) {
            throw explained(status, this.body(), this.request.getResponseHeader('Retry-After'));
        }
        this.more();
        if (this.last === null) {
            throw brokenOff();
        }
        return this.last;
    }

    /** @returns {any} null: it cannot be read */
    body() {
        try {
            return JSON.parse(this.request.responseText);
        } catch {
            return null;
        }
    }
}
