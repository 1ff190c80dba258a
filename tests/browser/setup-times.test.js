/**
 * When each stage of a call's set-up was reached; against a scripted server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SetupTimes } from '../../static/setup-times.js';
import { withPage } from './lib/browser.js';
import { openPage, startCall, waitUntilLive } from './lib/call.js';
import { PEER_FLAGS, answerWebRtc } from './lib/scripted-peer.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('../../static/setup-times.js').SetupStage} SetupStage */

/**
 * @param {import('playwright-core').Page} page
 * @param {SetupStage[]} order - stages that follow one another, the last of them `ready`
 */
async function assertReached(page, order) {
    const setup = await page.evaluate(() => window.visavis.setup);
    const shown = JSON.stringify(setup);
    const times = order.map((stage) => setup?.[stage] ?? NaN);
    times.forEach((at, index) => assert.ok(at >= (times[index - 1] ?? 0), `${order[index]}: ${shown}`));
    assert.ok(Object.values(setup ?? {}).every((at) => Number(at) <= times[times.length - 1]), shown);
}

test('a stage counts when it is reached first, and not after the set-up', () => {
    let now = 1000;
    const setup = new SetupTimes(() => now);
    now = 1020.4;
    setup.reach('open');
    now = 1050;
    setup.reach('open');
    setup.reach('ready');
    setup.reach('offered');
    assert.deepEqual(setup.reached, { open: 20, ready: 50 });
});

test('a call tells when it reached each stage (websocket)', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await openPage(page, `${server.url}/call?mode=websocket`);
        assert.equal(await page.evaluate(() => window.visavis.setup), null);
        await startCall(page);
        await assertReached(page, ['audio', 'microphone', 'open', 'ready']);
        await assertReached(page, ['server', 'open', 'ready']);
        await page.evaluate(() => window.visavis.hangUp());

        await page.evaluate(() => window.visavis.start({ microphone: false }));
        const setup = await page.evaluate(() => window.visavis.setup);
        assert.deepEqual(Object.keys(setup ?? {}).sort(), ['audio', 'open', 'ready', 'server'], 'without a microphone');
        await page.evaluate(() => window.visavis.hangUp());
    }));
});

test('a call tells when it reached each stage, and a new connection changes nothing (webrtc)', async () => {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        const peer = await answerWebRtc(server, page);
        await page.bringToFront();
        await openPage(page, `${server.url}/call?mode=webrtc`);
        await startCall(page);
        await server.call();
        await assertReached(page, ['microphone', 'offered', 'answered', 'iceConnected', 'open', 'ready']);
        await assertReached(page, ['answered', 'connected', 'ready']);
        const setup = await page.evaluate(() => window.visavis.setup);
        await peer.cut();
        await server.call();
        await waitUntilLive(page);
        assert.deepEqual(await page.evaluate(() => window.visavis.setup), setup);
        await page.evaluate(() => window.visavis.hangUp());
    }));
});
