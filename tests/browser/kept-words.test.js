/**
 * Words that are said while the connection is lost reach the server, by the next connection; against a scripted server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { openPage, waitUntilLive } from './lib/call.js';
import { withScriptedServer } from './lib/scripted-server.js';
import { voiceForMicrophone } from './lib/voice.js';

const PATIENCE = { timeout: 30000 };
const PATIENCE_MS = 30000;
const LOUD = 0.05;
/** Of the voice: 0.3 s are 15 frames, and the browser's clock may cut into two more. */
const FRAMES = 15;

test('what is said while the connection is lost comes over the next one, before what is said then (websocket)', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        server.resumes = true;
        await voiceForMicrophone(page);
        await page.bringToFront();
        await openPage(page, `${server.url}/call?mode=websocket&avatar=off`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await server.call();
        await waitUntilLive(page);
        await page.waitForFunction(() => sessionStorage.getItem('visavis.resume') !== null, undefined, PATIENCE);
        await page.waitForTimeout(1000);
        // The server is away until the words are said.
        server.refusal = { status: 503, reason: 'store-unreachable', retryAfter: 1 };
        server.cut();
        await page.waitForFunction(() => window.visavis.state === 'reconnecting', undefined, PATIENCE);
        await page.evaluate(() => /** @type {any} */ (window).speak(0.1, 0.4));
        await page.waitForTimeout(1000);
        server.refusal = null;
        const call = await server.call();
        /** @type {number[]} */
        const levels = [];
        const receive = call.receiveAudio.bind(call);
        call.receiveAudio = (frame) => {
            receive(frame);
            levels.push(call.level);
        };
        await waitUntilLive(page);
        const deadline = Date.now() + PATIENCE_MS;
        while (levels.length < 100 && Date.now() < deadline) {
            await page.waitForTimeout(50);
        }
        const begin = levels.findIndex((level) => level > LOUD);
        assert.ok(begin >= 0, `none of ${levels.length} frames has the voice`);
        const loud = levels.filter((level) => level > LOUD).length;
        assert.ok(Math.abs(loud - FRAMES) <= 3, `${loud} frames of voice, where ${FRAMES} were spoken`);
        assert.ok(levels.slice(begin, begin + loud).every((level) => level > LOUD), 'the voice came in pieces');
        await page.evaluate(() => window.visavis.hangUp());
    }));
});
