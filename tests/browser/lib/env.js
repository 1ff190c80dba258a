/**
 * The tests' settings from the environment; docs/page.md lists them.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

/** Recordings, transcripts and screenshots go here. */
export const RESULTS = process.env.VISAVIS_RESULTS ?? path.join(root, 'test-results');
fs.mkdirSync(RESULTS, { recursive: true });

export const CHROMIUM = process.env.VISAVIS_CHROMIUM ?? '/usr/bin/chromium';

/**
 * @param {string} name
 * @param {string} what - what it must hold
 * @returns {string}
 */
function required(name, what) {
    const value = process.env[name];
    if (value === undefined || value === '') {
        throw new Error(`${name} is not set: it must hold ${what}.`);
    }
    return value;
}

/** The server under test, without a slash at its end. */
export function serverUrl() {
    return required('VISAVIS_URL', 'the address of a running server, such as http://127.0.0.1:8080').replace(/\/$/, '');
}

/** A server that is reachable only over one TCP port, if the caller has one. */
export function tcpOnlyUrl() {
    return process.env.VISAVIS_TCP_ONLY_URL?.replace(/\/$/, '') ?? null;
}

/** The server's program, for tests that start their own server. */
export function binary() {
    return process.env.VISAVIS_BINARY ?? path.join(root, 'target/release/visavis');
}

/**
 * The question that is spoken into the microphone.
 *
 * @returns {{wav: string, text: string}}
 */
export function question() {
    const folder = process.env.VISAVIS_SPEECH_DIR;
    const wav = process.env.VISAVIS_QUESTION_WAV ?? (folder && path.join(folder, 'question.wav'));
    if (!wav || !fs.existsSync(wav)) {
        throw new Error(`VISAVIS_QUESTION_WAV must name a WAV file with the spoken question, not ${wav}.`);
    }
    return { wav, text: process.env.VISAVIS_QUESTION_TEXT ?? 'What is the capital of France?' };
}

/** The program, with any options it needs, that writes a WAV file's words to its standard output. */
export function transcriber() {
    return required('VISAVIS_TRANSCRIBE', 'a program that prints the words of the WAV file named by its last argument');
}
