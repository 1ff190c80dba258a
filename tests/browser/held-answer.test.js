/**
 * An answer that may be interrupted is turned down, and then goes on or is silent at once; against a scripted server
 * that answers with an even tone, over both transports.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { startRecording, stopRecording, waitUntilLive } from './lib/call.js';
import { PEER_FLAGS, answerWebRtc } from './lib/scripted-peer.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./lib/scripted-server.js').ScriptedCall} ScriptedCall */

const BLOCK_MS = 10;
/** A busy machine's page learns this late what its audio thread plays. */
const CLOCK_MS = 130;
/** The server's last frames, as they were under way when it stopped. */
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
 * Waits for the page to take in a message, and says when in the recording that was.
 *
 * @param {Page} page
 * @param {string} type
 * @param {() => void} act - sends it
 * @returns {Promise<number>} seconds of the page's audio clock
 */
async function when(page, type, act) {
    await page.evaluate((type) => {
        const { graph } = /** @type {any} */ (window.visavis.events);
        const seen = () => Object.assign(window, { takenIn: graph.context.currentTime });
        Object.assign(window, { takenIn: 0 });
        window.visavis.events.addEventListener(type, seen, { once: true });
    }, type);
    act();
    const handle = await page.waitForFunction(() => /** @type {any} */ (window).takenIn);
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
    test(`a held answer is heard at a fifth of its volume, and resumes as it was (${mode})`, async () => {
        await inCall(mode, async (page, call, began) => {
            const tone = call.sound(2);
            await untilHeard(page);
            const held = await when(page, 'held', () => call.server({ type: 'duck', response: 2 }));
            assert.equal(await page.evaluate(() => window.visavis.held), true);
            assert.equal(await page.evaluate(() => window.visavis.state), 'speaking');
            await page.waitForTimeout(500);
            const resumed = await when(page, 'held', () => call.server({ type: 'resume', response: 2 }));
            assert.equal(await page.evaluate(() => window.visavis.held), false);
            await page.waitForTimeout(500);
            const { answer } = await stopRecording(page);
            await tone.stop();

            const levels = blocks(answer);
            const at = (/** @type {number} */ time, /** @type {number} */ ms) => Math.round(((time - began) * 1000 + ms) / BLOCK_MS);
            const full = median(levels.slice(at(held, -300), at(held, -50)));
            const low = median(levels.slice(at(held, CLOCK_MS), at(resumed, -20)));
            const after = median(levels.slice(at(resumed, CLOCK_MS), at(resumed, 400)));
            assert.ok(full > 0.05, `the tone is at ${full}`);
            assert.ok(Math.abs(low / full - 0.2) < 0.03, `held at ${low / full}`);
            assert.ok(Math.abs(after / full - 1) < 0.1, `resumed at ${after / full}`);
            const low25 = levels.findIndex((level, i) => i >= at(held, -CLOCK_MS) && level < full * 0.25);
            const high95 = levels.findLastIndex((level, i) => i < low25 && level > full * 0.95);
            assert.ok((low25 - high95) * BLOCK_MS <= 50, `turned down over ${(low25 - high95) * BLOCK_MS} ms`);
            assert.ok((low25 - at(held, 0)) * BLOCK_MS <= CLOCK_MS, `low after ${(low25 - at(held, 0)) * BLOCK_MS} ms`);
        });
    });

    test(`an interrupted answer is silent at once and stays so, and the next is heard in full (${mode})`, async () => {
        await inCall(mode, async (page, call, began) => {
            const tone = call.sound(2);
            await untilHeard(page);
            await when(page, 'held', () => call.server({ type: 'duck', response: 2 }));
            await page.waitForTimeout(150);
            const cut = await when(page, 'bot-interrupted', () => {
                call.send('bot-stopped-speaking', { response: 2 });
                call.send('bot-interrupted', { response: 2, heard: 'Aah' });
                void tone.stop(TRAILING_MS);
            });
            call.server({ type: 'resume', response: 2 }); // too late to mean anything
            assert.equal(await page.evaluate(() => window.visavis.held), false);
            await page.waitForTimeout(700);
            const next = call.sound(3);
            await untilHeard(page);
            const { answer } = await stopRecording(page);
            await next.stop();

            const levels = blocks(answer);
            const at = (/** @type {number} */ ms) => Math.round(((cut - began) * 1000 + ms) / BLOCK_MS);
            const loudest = Math.max(...levels.slice(at(CLOCK_MS), at(700)));
            assert.ok(loudest < 0.003, `${loudest} is heard after the interruption`);
            assert.ok(median(levels.slice(-20)) > 0.05, 'the next answer must not stay low');
        });
    });
}
