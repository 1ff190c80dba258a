/**
 * The real server, killed in the middle of a call and started again, or stopped for a while: the page soon says so, and the
 * call, or a new one, goes on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { openPage, seen, startCall, transcript, waitForTurn } from './lib/call.js';
import { withOwnServer } from './lib/own-server.js';

const TELLS = /server does not answer|connection was lost/;
/** Three seconds are intended; a busy machine may need more. */
const TOLD_MS = 15000;

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page */
function untilTold(page) {
    return page.waitForFunction((tells) => {
        const told = ['notice', 'hint'].map((id) => document.getElementById(id)?.textContent).join(' ');
        return new RegExp(tells).test(told);
    }, TELLS.source, { timeout: TOLD_MS });
}

/**
 * @param {Page} page
 * @param {string} state
 */
function untilState(page, state) {
    return page.waitForFunction((state) => window.visavis.state === state, state, { timeout: 60000 });
}

for (const mode of ['webrtc', 'websocket']) {
    test(`a killed server is reported, and after its restart the page continues by itself (${mode})`, async () => {
        await withOwnServer((server) => withPage({}, async (page) => {
            await openPage(page, `${server.url}/call?mode=${mode}&language=en&avatar=lite`);
            await startCall(page);
            await page.evaluate(() => window.visavis.say('What is the capital of France?'));
            await waitForTurn(page);
            const before = await transcript(page);
            const track = () => page.evaluate(() => /** @type {any} */ (window.visavis.events).input.track.id);
            const microphone = await track();

            const killed = performance.now();
            await server.kill();
            await untilTold(page);
            console.log(`told ${Math.round(performance.now() - killed)} ms after the kill (${mode})`);
            await untilState(page, 'reconnecting');
            console.log(`calls again ${Math.round(performance.now() - killed)} ms after the kill (${mode})`);

            server.start();
            await untilState(page, 'listening');
            console.log(`goes on ${Math.round(performance.now() - killed)} ms after the kill (${mode})`);
            const now = await transcript(page);
            assert.deepEqual(now.slice(0, before.length).map(({ text }) => text), before.map(({ text }) => text));
            assert.match(now[before.length].text, /new call began/);
            assert.equal(await track(), microphone, 'the microphone stays open');
            await page.evaluate(() => window.visavis.say('What is the capital of Italy?'));
            const { answer } = await waitForTurn(page, now[before.length].id);
            assert.notEqual(answer.text, '');
            assert.deepEqual(await seen(page, 'ended'), []);
            assert.equal(await page.evaluate(() => window.visavis.transport), mode);
        }));
    });
}

test('a server that hangs for longer than the page waits resumes the same call with its history (webrtc)', async () => {
    await withOwnServer((server) => withPage({}, async (page) => {
        await openPage(page, `${server.url}/call?mode=webrtc&language=en&avatar=lite`);
        await startCall(page);
        await page.evaluate(() => window.visavis.say('What is the capital of France?'));
        await waitForTurn(page);
        const before = await transcript(page);

        const stopped = performance.now();
        server.freeze();
        await untilTold(page);
        console.log(`told ${Math.round(performance.now() - stopped)} ms after the stop`);
        await page.evaluate(() => window.visavis.say('What is the capital of Italy?'));
        await untilState(page, 'reconnecting');
        console.log(`calls again ${Math.round(performance.now() - stopped)} ms after the stop`);
        server.thaw();
        const { question, answer } = await waitForTurn(page, before.length);
        assert.equal(question.text, 'What is the capital of Italy?');
        assert.notEqual(answer.text, '');
        assert.deepEqual((await transcript(page)).filter(({ who }) => who === 'page'), [], 'no new call began');
        assert.deepEqual(await seen(page, 'ended'), []);
    }));
});
