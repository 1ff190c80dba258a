/**
 * The microphone's way to the server when the page, the browser or the server is in its way; against a scripted server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { openPage, seen, waitUntilLive } from './lib/call.js';
import { PEER_FLAGS, answerWebRtc } from './lib/scripted-peer.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('./lib/scripted-server.js').ScriptedServer} ScriptedServer */

test('a microphone that is chosen while the call connects is the one that is sent (webrtc)', async () => {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        await answerWebRtc(server, page);
        const answer = /** @type {NonNullable<ScriptedServer['answer']>} */ (server.answer);
        /** @type {(value?: unknown) => void} */
        let asked = () => {};
        const offered = new Promise((resolve) => (asked = resolve));
        /** @type {(value?: unknown) => void} */
        let goOn = () => {};
        const chosen = new Promise((resolve) => (goOn = resolve));
        server.answer = async (offer) => {
            asked();
            await chosen;
            return answer(offer);
        };
        await page.bringToFront();
        await openPage(page, `${server.url}/call?mode=webrtc`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await offered;
        await page.evaluate(() => /** @type {any} */ (window.visavis.events).input.open(''));
        goOn();
        await waitUntilLive(page);
        const sent = await page.evaluate(() => {
            const { input, transport } = /** @type {any} */ (window.visavis.events);
            const { track } = transport.audio.sender;
            return { state: track?.readyState, isChosen: track === input.track };
        });
        assert.deepEqual(sent, { state: 'live', isChosen: true });
        await page.evaluate(() => window.visavis.hangUp());
    }));
});

test('a server that was away at the first try gives the page its audio modules at the next', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await openPage(page, `${server.url}/call?mode=websocket`);
        server.die();
        await page.getByRole('button', { name: 'Start call' }).click();
        await page.getByText('The server cannot be reached').waitFor();
        await server.listen();
        await page.getByRole('button', { name: 'Try again' }).click();
        await server.call();
        await waitUntilLive(page);
        assert.deepEqual((await seen(page, 'problem')).map(({ code }) => code), ['server-unreachable']);
        await page.evaluate(() => window.visavis.hangUp());
    }));
});
