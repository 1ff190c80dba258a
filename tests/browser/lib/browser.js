/**
 * A real Chromium with a microphone that speaks from a file.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { chromium } from 'playwright-core';

import { CHROMIUM, RESULTS, transcriber } from './env.js';
import { writeWav } from './wav.js';

const FLAGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--autoplay-policy=no-user-gesture-required',
];

/** WebGL without a GPU, which is slow and otherwise off. */
export const SOFTWARE_GL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];

/**
 * @typedef {Object} BrowserOptions
 * @property {string} [wav] - what the microphone hears; by default silence instead of Chromium's beeps
 * @property {boolean} [device] - whether there is a microphone at all
 * @property {boolean} [allow] - whether the person allows it
 * @property {string[]} [flags]
 * @property {string} [program] - the browser; by default that of the environment
 * @property {import('playwright-core').BrowserContextOptions} [context]
 */

/**
 * Runs `body` with a page of a fresh browser, and always closes the browser.
 *
 * @param {BrowserOptions} options
 * @param {(page: import('playwright-core').Page) => Promise<void>} body
 */
export async function withPage(options, body) {
    const { wav = silence(), device = true, allow = true, flags = [], program = CHROMIUM, context = {} } = options;
    const args = [...FLAGS.filter((flag) => flag !== '--disable-gpu' || !flags.includes(SOFTWARE_GL[0])), ...flags];
    if (device) {
        args.push('--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${wav}`);
    }
    const browser = await chromium.launch({ executablePath: program, args, ignoreDefaultArgs: ['--mute-audio'] });
    try {
        const permissions = allow ? ['microphone'] : [];
        const page = await (await browser.newContext({ permissions, ...context })).newPage();
        /** @type {string[]} */
        const faults = [];
        page.on('pageerror', (error) => faults.push(String(error)));
        page.on('console', (message) => {
            if (message.text().includes('Content Security Policy')) {
                faults.push(message.text());
            }
        });
        await body(page);
        if (faults.length > 0) {
            throw new Error(`The page had errors: ${[...new Set(faults)].join('; ')}`);
        }
    } finally {
        await browser.close();
    }
}

/** @returns {string} */
function silence() {
    const file = path.join(RESULTS, 'silence.wav');
    writeWav(file, { sampleRate: 16000, samples: new Float32Array(16000) });
    return file;
}

/**
 * @param {string} wav
 * @returns {Promise<string>} its words
 */
export async function transcribe(wav) {
    const [program, ...options] = transcriber().split(' ');
    const { stdout } = await promisify(execFile)(program, [...options, wav], { maxBuffer: 1 << 20 });
    return stdout.trim();
}
