/**
 * A response that is interrupted is silent at once; against a scripted server that responds with an even tone, over both
 * transports.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { startRecording, stopRecording, waitUntilLive } from './lib/call.js';
import { PEER_FLAGS, answerWebRtc } from './lib/scripted-peer.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./lib/scripted-call.js').ScriptedCall} ScriptedCall */

const BLOCK_MS = 10;
/** How late the page on a busy machine learns what its audio thread plays. */
const CLOCK_MS = 130;
/** The server's last frames, in flight when it stopped. */
const TRAILING_MS = 150;

/**
 * @param {import('./lib/wav.js').Sound} sound
 * @returns {number[]} RMS of every block
 */
function blocks({ sampleRate, samples }) {
    const length = Math.round((sampleRate * BLOCK_MS) / 1000);
    return Array.from({ length: Math.floor(samples.length / length) }, (_, i) => {
        const block = samples.subarray(i * length, (i + 1) * length);
        return Math.sqrt(block.reduce((sum, sample) => sum + sample * sample, 0) / length);
    });
}

/**
 * @param {number[]} levels
 * @returns {number}
 */
function median(levels) {
    return [...levels].sort((a, b) => a - b)[Math.floor(levels.length / 2)];
}

/**
 * Waits until the page has received a message, and returns when in the recording that was.
 *
 * @param {Page} page
 * @param {string} type
 * @param {() => void} act - sends it
 * @returns {Promise<number>} seconds of the page's audio clock
 */
async function when(page, type, act) {
    await page.evaluate((type) => {
        const { graph } = /** @type {any} */ (window.visavis.events);
        const seen = () => Object.assign(window, { receivedAt: graph.context.currentTime });
        Object.assign(window, { receivedAt: 0 });
        window.visavis.events.addEventListener(type, seen, { once: true });
    }, type);
    act();
    const handle = await page.waitForFunction(() => /** @type {any} */ (window).receivedAt);
    return handle.jsonValue();
}

/**
 * @param {'webrtc' | 'websocket'} mode
 * @param {(page: Page, call: ScriptedCall, began: number) => Promise<void>} body
 */
async function inCall(mode, body) {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        if (mode === 'webrtc') {
            await answerWebRtc(server, page);
        }
        await page.bringToFront();
        await page.goto(`${server.url}/call?mode=${mode}`);
        await page.getByRole('button', { name: 'Start call' }).click();
        const call = await server.call();
        await waitUntilLive(page);
        await startRecording(page);
        const began = await page.evaluate(() => /** @type {any} */ (window.visavis.events).graph.context.currentTime);
        await body(page, call, began);
        await page.evaluate(() => window.visavis.hangUp());
    }));
}

/** @param {Page} page */
async function untilHeard(page) {
    await page.waitForFunction(() => window.visavis.levels.answer > 0.05);
    await page.waitForTimeout(500);
}

for (const mode of /** @type {const} */ (['websocket', 'webrtc'])) {
    test(`an interrupted response is silent at once and stays so, and the next is heard in full (${mode})`, async () => {
        await inCall(mode, async (page, call, began) => {
            const tone = call.sound(2);
            await untilHeard(page);
            const cut = await when(page, 'bot-interrupted', () => {
                call.send('bot-stopped-speaking', { response: 2 });
                call.send('bot-interrupted', { response: 2, heard: 'Aah' });
                void tone.stop(TRAILING_MS);
            });
            await page.waitForTimeout(700);
            const next = call.sound(3);
            await untilHeard(page);
            const { answer } = await stopRecording(page);
            await next.stop();

            const levels = blocks(answer);
            const at = (/** @type {number} */ ms) => Math.round(((cut - began) * 1000 + ms) / BLOCK_MS);
            const loudest = Math.max(...levels.slice(at(CLOCK_MS), at(700)));
            assert.ok(loudest < 0.003, `${loudest} is heard after the interruption`);
            assert.ok(median(levels.slice(-20)) > 0.05, 'the next response must not stay low');
        });
    });
}
