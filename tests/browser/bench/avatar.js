/**
 * How well the face keeps step with the voice, in a real Chromium on a real call: `bench avatar` runs it, and judges the
 * JSON document that it prints.
 */
import { parseArgs } from 'node:util';

import { withPage } from '../lib/browser.js';
import { openPage, waitUntilLive } from '../lib/call.js';
import { PEER_FLAGS } from '../lib/scripted-peer.js';
import { shiftClock, startFaceLog, takeFaceLog } from '../lib/face-log.js';
import { relayTcp, relayWebRtc } from '../lib/relay.js';
import { drift, percentile, skews } from '../lib/skew.js';

const PROMPTS = [
    'Tell me a story of ten sentences about a lighthouse keeper.',
    'Describe in ten sentences how bread is made.',
    'Explain in ten sentences how the tides come about.',
    'Tell me in ten sentences about the history of the bicycle.',
];
const SHIFT_MS = 40;
const CHECK_MS = 20000;
const ANSWER_MS = 30000;
const AUDIBLE_RMS = 0.003;
const CLOSED_JAW = 0.05;
const INTERRUPTIONS = 3;

const { values: options } = parseArgs({
    options: {
        server: { type: 'string' },
        mode: { type: 'string', default: 'webrtc' },
        minutes: { type: 'string', default: '1' },
        jitter: { type: 'string', default: '0' },
        loss: { type: 'string', default: '0' },
    },
});

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('../lib/face-log.js').FaceLog} FaceLog */

/**
 * Keeps the agent speaking, one response after another.
 *
 * @param {Page} page
 * @param {number} ms
 */
async function keepSpeaking(page, ms) {
    const end = performance.now() + ms;
    for (let i = 0; performance.now() < end; i++) {
        if ((await page.evaluate(() => window.visavis.state)) !== 'speaking') { // it may still be greeting
            await page.evaluate((text) => window.visavis.say(text), PROMPTS[i % PROMPTS.length]);
            await waitForState(page, 'speaking');
        }
        await waitForState(page, 'listening', end - performance.now());
        if ((await page.evaluate(() => window.visavis.state)) !== 'listening') {
            await page.evaluate(() => window.visavis.interrupt());
            await waitForState(page, 'listening');
        }
    }
}

/**
 * Waits for a state, or gives up: speech that is missing shows in the figures.
 *
 * @param {Page} page
 * @param {string} state
 * @param {number} [ms]
 */
async function waitForState(page, state, ms = ANSWER_MS) {
    const reached = page.waitForFunction((state) => window.visavis.state === state, state, { timeout: Math.max(1, ms) });
    await reached.catch(() => {});
}

/**
 * @param {FaceLog} log
 * @returns {import('../lib/skew.js').Point[]}
 */
function applied({ seen }) {
    return seen.map(([at, , , level]) => [at, level]);
}

/**
 * Interrupts a response.
 *
 * @param {Page} page
 * @returns {Promise<number>} ms from the last sound to the closed mouth; below 0: it was closed before
 */
async function interruption(page) {
    await page.evaluate((text) => window.visavis.say(text), PROMPTS[0]);
    await waitForState(page, 'speaking');
    await takeFaceLog(page);
    await page.waitForTimeout(3000); // the interruption may fall into a pause: the last sound is before it then
    await page.evaluate(() => window.visavis.interrupt());
    await page.waitForTimeout(1500);
    const { heard, seen } = await takeFaceLog(page);
    const sounded = heard.filter(([, level]) => level > AUDIBLE_RMS).at(-1)?.[0] ?? NaN;
    const open = seen.filter(([, , jaw]) => jaw > CLOSED_JAW).at(-1)?.[0] ?? -Infinity;
    const closed = seen.find(([at]) => at > open)?.[0] ?? Infinity;
    return closed - sounded;
}

/**
 * @param {FaceLog} log
 */
function summary(log) {
    const found = skews(log.heard, applied(log));
    const errors = found.map(({ skew }) => skew);
    const shown = log.seen.filter(([, timestamp]) => timestamp !== null).length / log.seen.length;
    const seconds = (log.seen[log.seen.length - 1][0] - log.seen[0][0]) / 1000;
    const intervals = log.seen.slice(1).map(([at], i) => at - log.seen[i][0]);
    return {
        seconds,
        speaking_seconds: seconds * shown,
        windows: found.length,
        correlation: percentile(found.map(({ correlation }) => correlation), 0.5),
        median_ms: percentile(errors, 0.5),
        p95_ms: percentile(errors.map(Math.abs), 0.95),
        worst_ms: percentile(errors.map(Math.abs), 1),
        drift_ms: drift(found),
        kbit_per_s: (log.bytes * 8) / 1000 / (seconds * shown),
        frames_per_s: 1000 / percentile(intervals, 0.5),
        frame_interval_p95_ms: percentile(intervals, 0.95),
        ...log.stats,
    };
}

/** @param {string} url */
async function measure(url) {
    const result = { mode: options.mode, report: {}, shift_ms: SHIFT_MS, measured_shift_ms: NaN, mouth_closed_ms: [NaN] };
    const weather = { jitterMs: Number(options.jitter), loss: Number(options.loss) / 100 };
    const bad = weather.jitterMs > 0 || weather.loss > 0;
    const { hostname, port } = new URL(url);
    const tcp = bad && options.mode === 'websocket' ? await relayTcp({ host: hostname, port: Number(port) }, weather) : null;
    await withPage({ flags: PEER_FLAGS }, async (page) => {
        const udp = bad && options.mode === 'webrtc' ? await relayWebRtc(page, weather) : null;
        await openPage(page, `${tcp === null ? url : `http://127.0.0.1:${tcp.port}`}/call?mode=${options.mode}&language=en&avatar=lite`);
        await page.evaluate(() => window.visavis.start({ microphone: false }));
        await waitUntilLive(page);
        await page.waitForTimeout(1000);
        await startFaceLog(page);
        await keepSpeaking(page, Number(options.minutes) * 60000);
        const log = await takeFaceLog(page);
        result.report = summary(log);

        console.error(JSON.stringify(result.report));
        await shiftClock(page, SHIFT_MS);
        await keepSpeaking(page, CHECK_MS);
        const shifted = await takeFaceLog(page);
        const errors = skews(shifted.heard, applied(shifted)).map(({ skew }) => skew);
        result.measured_shift_ms = summary(log).median_ms - percentile(errors, 0.5);
        console.error(`a shift of ${SHIFT_MS} ms was measured as ${result.measured_shift_ms} ms`);
        await shiftClock(page, 0);
        result.mouth_closed_ms = [];
        for (let i = 0; i < INTERRUPTIONS; i++) {
            result.mouth_closed_ms.push(await interruption(page));
        }
        await page.evaluate(() => window.visavis.hangUp());
        udp?.close();
    });
    tcp?.close();
    return result;
}

if (options.server === undefined) {
    throw new Error('--server http://HOST:PORT is needed');
}
process.stdout.write(`${JSON.stringify(await measure(options.server.replace(/\/$/, '')))}\n`);
