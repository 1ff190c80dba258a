/**
 * A server that falls silent or goes away in the middle of a call: the page says so, redials by itself, and continues;
 * against a scripted server.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { assertAccessible, assertNoSidewaysScroll, settle } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { openPage, seen, transcript, waitUntilLive } from './lib/call.js';
import { RESULTS } from './lib/env.js';
import { PEER_FLAGS, answerWebRtc } from './lib/scripted-peer.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./lib/scripted-server.js').ScriptedServer} ScriptedServer */
/** @typedef {import('./lib/scripted-call.js').ScriptedCall} ScriptedCall */

const PATIENCE = { timeout: 30000 };

/**
 * A call that has begun, on a page that counts how often it asks for the microphone.
 *
 * @param {ScriptedServer} server
 * @param {Page} page
 * @param {'webrtc' | 'websocket'} mode
 * @returns {Promise<ScriptedCall>}
 */
async function begin(server, page, mode) {
    await page.addInitScript(() => {
        const { mediaDevices } = navigator;
        const open = mediaDevices.getUserMedia.bind(mediaDevices);
        Object.assign(window, { asked: 0 });
        mediaDevices.getUserMedia = (constraints) => {
            /** @type {any} */ (window).asked += 1;
            return open(constraints);
        };
    });
    await page.bringToFront();
    await openPage(page, `${server.url}/call?mode=${mode}`);
    await page.getByRole('button', { name: 'Start call' }).press('Enter');
    const call = await server.call();
    await waitUntilLive(page);
    call.hear('How old is the universe?');
    call.send('bot-started-speaking', { response: 1 });
    call.send('bot-output', { text: 'Fourteen billion years.', spoken: true, aggregated_by: 'sentence', response: 1 });
    call.send('bot-stopped-speaking', { response: 1 });
    await page.getByText('Fourteen billion years.').first().waitFor();
    await page.waitForTimeout(1500); // the server's first answers to pings
    return call;
}

/** @param {Page} page */
function microphone(page) {
    return page.evaluate(() => {
        const { input } = /** @type {any} */ (window.visavis.events);
        return { asked: /** @type {any} */ (window).asked, open: input.track?.readyState === 'live' };
    });
}

/**
 * @param {Page} page
 * @param {import('../../static/session.js').State} state
 */
function untilState(page, state) {
    return page.waitForFunction((state) => window.visavis.state === state, state, PATIENCE);
}

/** @param {Page} page */
async function texts(page) {
    return (await transcript(page)).map(({ who, text }) => `${who}: ${text}`);
}

const NEW_CALL = /^page: .*new call began.*does not remember/;

test('a hung server is reported, and when it is back a new call continues below the old words (websocket)', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await begin(server, page, 'websocket');
        const hung = performance.now();
        server.hang();
        await page.getByLabel('Message').fill('And the sun?');
        await page.keyboard.press('Enter');
        await page.locator('#notice').getByText('The server does not answer. Reconnecting…').waitFor(PATIENCE);
        console.log(`told ${Math.round(performance.now() - hung)} ms after the server hung`);
        await untilState(page, 'reconnecting');
        console.log(`calls again ${Math.round(performance.now() - hung)} ms after the server hung`);
        assert.equal(await page.locator('#state-text').textContent(), 'Reconnecting');
        assert.match((await page.locator('#hint').textContent()) ?? '', /server does not answer/);
        assert.equal(await page.locator('#notice').textContent(), '');
        assert.equal(await page.getByLabel('Message').evaluate((box) => box === document.activeElement), true);
        assert.deepEqual(await microphone(page), { asked: 1, open: true });

        server.wake();
        const call = await server.call();
        await waitUntilLive(page);
        await untilState(page, 'listening');
        assert.deepEqual(await microphone(page), { asked: 1, open: true });
        await call.until(() => call.received.some(({ type, data }) => type === 'send-text' && data.content === 'And the sun?'));
        call.send('bot-started-speaking', { response: 1 });
        call.send('bot-output', { text: 'Five billion.', spoken: true, aggregated_by: 'sentence', response: 1 });
        call.send('bot-stopped-speaking', { response: 1 });
        await page.getByText('Five billion.').first().waitFor();
        const all = await texts(page);
        assert.deepEqual(all.filter((text) => !NEW_CALL.test(text)), [
            'user: How old is the universe?', 'agent: Fourteen billion years.', 'user: And the sun?', 'agent: Five billion.',
        ]);
        assert.match(all[3], NEW_CALL);
        assert.deepEqual(await seen(page, 'ended'), []);
    }));
});

test('a lost connection is replaced for the same call, which goes on (webrtc)', async () => {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        const peer = await answerWebRtc(server, page);
        await begin(server, page, 'webrtc');
        await peer.cut();
        const call = await server.call();
        await untilState(page, 'listening');
        const { sdp, ...offer } = server.offers[1];
        assert.deepEqual(offer, { type: 'offer', pc_id: 'scripted-1', restart_pc: true });
        assert.notEqual(/a=fingerprint:.*/.exec(sdp)?.[0], /a=fingerprint:.*/.exec(server.offers[0].sdp)?.[0]);
        call.hear('And the sun?');
        call.send('bot-started-speaking', { response: 2 });
        call.send('bot-output', { text: 'Five billion.', spoken: true, aggregated_by: 'sentence', response: 2 });
        await page.getByText('Five billion.').first().waitFor();
        assert.deepEqual(await texts(page), [
            'user: How old is the universe?', 'agent: Fourteen billion years.', 'user: And the sun?', 'agent: Five billion.',
        ]);
        assert.deepEqual(await microphone(page), { asked: 1, open: true });
    }));
});

test('a call that an operator ends while the connection is lost is not redialled', async () => {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        const peer = await answerWebRtc(server, page);
        await begin(server, page, 'webrtc');
        server.over = 'ended-by-operator';
        await peer.cut();
        await page.getByText('The call was ended on the server.').waitFor(PATIENCE);
        assert.deepEqual((await seen(page, 'ended')).map(({ reason }) => reason), ['ended-by-operator']);
        await page.waitForTimeout(1500);
        assert.equal(server.offers.length, 2, 'it was asked for once');
        assert.equal((await microphone(page)).open, false);
    }));
});

test('a server that neither sends sound nor answers is dropped, and the call resumes when it is back (webrtc)', async () => {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        const peer = await answerWebRtc(server, page);
        await begin(server, page, 'webrtc');
        const hung = performance.now();
        server.hang();
        await peer.silence();
        await page.locator('#notice').getByText('The server does not answer. Reconnecting…').waitFor(PATIENCE);
        console.log(`told ${Math.round(performance.now() - hung)} ms after the server hung`);
        await untilState(page, 'reconnecting');
        server.wake();
        await page.getByRole('button', { name: 'Try now' }).click({ timeout: 2000 }).catch(() => {}); // it may have tried by itself
        await server.call();
        await untilState(page, 'listening');
        assert.equal(server.offers.at(-1)?.pc_id, 'scripted-1');
        assert.ok((await texts(page)).every((text) => !NEW_CALL.test(text)));
    }));
});

test('sound alone is a sign of life, and so is any message', async () => {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        await answerWebRtc(server, page);
        const call = await begin(server, page, 'webrtc');
        call.awake = false; // it answers no more, but its sound goes on
        await page.waitForTimeout(5000);
        assert.equal(await page.locator('#notice').textContent(), '');
        assert.equal(await page.evaluate(() => window.visavis.state), 'listening');
    }));
});

test('a server that dies and comes back is redialled; hanging up works while it is away', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await begin(server, page, 'websocket');
        server.die();
        await untilState(page, 'reconnecting');
        await page.locator('#countdown').getByText(/Next try in [2-9] s/).waitFor(PATIENCE); // it has tried in vain
        await server.listen();
        await page.getByRole('button', { name: 'Try now' }).press('Enter');
        await server.call();
        await untilState(page, 'listening');
        assert.equal(await page.evaluate(() => document.activeElement?.id), 'stage', 'the button that had the focus is gone');
        assert.match((await texts(page)).at(-1) ?? '', NEW_CALL);

        server.die();
        await untilState(page, 'reconnecting');
        await page.getByRole('button', { name: 'Hang up' }).press('Enter');
        await page.getByRole('button', { name: 'Call again' }).waitFor();
        assert.deepEqual((await seen(page, 'ended')).map(({ reason }) => reason), ['hung-up']);
        assert.equal((await microphone(page)).open, false);
        await server.listen();
        await page.waitForTimeout(1500);
        assert.equal(server.calls.length, 0, 'a call that was hung up is not redialled');
    }));
});

test('an intended end is final; a server that restarts is redialled', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        let call = await begin(server, page, 'websocket');
        call.server({ type: 'call-ended', reason: 'ended-by-operator', message: '' });
        await page.getByText('The call was ended on the server.').waitFor();
        for (const reason of ['idle', 'agent-ended', 'hung-up', 'fault']) {
            await page.getByRole('button', { name: 'Call again' }).click();
            call = await server.call();
            await waitUntilLive(page);
            call.server({ type: 'call-ended', reason, message: `It is ${reason}.` });
            await page.getByText(`It is ${reason}.`).waitFor();
        }
        await page.getByRole('button', { name: 'Call again' }).click();
        call = await server.call();
        await waitUntilLive(page);
        call.server({ type: 'call-ended', reason: 'server-stopping', message: 'The server stops.' });
        await server.call();
        await waitUntilLive(page);
        const reasons = (await seen(page, 'ended')).map(({ reason }) => reason);
        assert.deepEqual(reasons, ['ended-by-operator', 'idle', 'agent-ended', 'hung-up', 'fault']);
    }));
});

test('a server that does not know pings is pinged once, and never blamed', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        server.pings = 'unknown';
        await begin(server, page, 'websocket');
        await page.waitForTimeout(5000);
        assert.equal(server.pinged, 1);
        assert.equal(await page.evaluate(() => window.visavis.state), 'listening');
        assert.equal(await page.locator('#notice').textContent(), '');
        assert.deepEqual(await seen(page, 'error-response'), []);
    }));
});

const LOOKS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
for (const [device, viewport] of Object.entries(LOOKS)) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
        test(`while the page redials it is accessible and fits a ${device} in ${colorScheme} colours`, async () => {
            await withScriptedServer((server) => withPage({ context: { viewport, colorScheme } }, async (page) => {
                const shoot = async (/** @type {string} */ name) => {
                    await settle(page);
                    await assertNoSidewaysScroll(page, name);
                    await page.screenshot({ path: path.join(RESULTS, `${device}-${colorScheme}-${name}.png`) });
                    await assertAccessible(page, name);
                };
                await begin(server, page, 'websocket');
                server.hang();
                await page.locator('#notice').getByText('The server does not answer').waitFor(PATIENCE);
                await shoot('silent');
                server.die();
                server.wake();
                await untilState(page, 'reconnecting');
                await page.locator('#countdown').getByText(/Next try in \d s/).waitFor(PATIENCE);
                await shoot('reconnecting');
                await server.listen(); // the page may try by itself before it is told to
                await page.getByRole('button', { name: 'Try now' }).click({ timeout: 2000 }).catch(() => {});
                await page.locator('#captions').getByText('new call began').waitFor(PATIENCE);
                await shoot('new-call');
            }));
        });
    }
}
