/**
 * Calls without speech: typed words, hanging up, calling again, and the keyboard alone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { openPage, seen, startCall, transcript, waitForQuiet, waitForTurn, waitUntilLive } from './lib/call.js';
import { serverUrl } from './lib/env.js';

for (const mode of ['webrtc', 'websocket']) {
    test(`typed words are answered, and after hanging up the page can call again (${mode})`, async () => {
        await withPage({}, async (page) => {
            await openPage(page, `${serverUrl()}/call?mode=${mode}&language=en`);
            await page.getByRole('button', { name: 'Type instead' }).click();
            await waitUntilLive(page);
            await page.keyboard.type('What is the capital of France?');
            await page.keyboard.press('Enter');
            const first = await waitForTurn(page);
            assert.equal(first.question.text, 'What is the capital of France?');
            assert.match(first.answer.text, /Paris/);
            assert.match((await page.locator('#captions').textContent()) ?? '', /Paris/);
            assert.equal((await transcript(page)).filter(({ who }) => who === 'user').length, 1);

            await page.getByRole('button', { name: 'Hang up' }).click();
            await page.getByRole('button', { name: 'Call again' }).waitFor();
            assert.deepEqual((await seen(page, 'ended')).map(({ reason }) => reason), ['hung-up']);
            assert.equal(await page.evaluate(() => window.visavis.transport), null);

            await page.evaluate(() => window.visavis.say('What is the capital of Italy?'));
            const second = await waitForTurn(page);
            assert.match(second.answer.text, /Rome/);
            await page.evaluate(() => window.visavis.hangUp());
            assert.equal((await seen(page, 'ended')).length, 2);
        });
    });
}

test('a call can be started, muted, interrupted and ended by keyboard alone', async () => {
    await withPage({}, async (page) => {
        await openPage(page, `${serverUrl()}/call?language=en`);
        await page.keyboard.press('Enter');
        await waitUntilLive(page);
        await page.keyboard.press('m');
        assert.equal(await page.evaluate(() => window.visavis.muted), true);
        await page.keyboard.press('Space');
        assert.equal(await page.evaluate(() => window.visavis.muted), false);
        await page.keyboard.press('Space');
        assert.equal(await page.getByRole('button', { name: 'Unmute' }).getAttribute('aria-pressed'), 'true');
        await waitForQuiet(page);

        await page.getByLabel('Message').focus();
        await page.keyboard.type('Tell me a long story about a miller, a mill and mice.');
        assert.equal(await page.evaluate(() => window.visavis.muted), true, 'the letter m in a message must not unmute');
        await page.keyboard.press('Enter');
        await page.waitForFunction(() => window.visavis.state === 'speaking', undefined, { timeout: 90000 });
        await page.waitForTimeout(1200); // a few words
        await page.keyboard.press('Escape');
        await page.waitForFunction(() => window.visavis.state === 'listening', undefined, { timeout: 15000 });
        const answer = (await transcript(page)).findLast(({ who }) => who === 'agent');
        assert.equal(answer?.interrupted, true);

        let focused = '';
        for (let presses = 0; presses < 12 && focused !== 'hang-up'; presses++) {
            await page.keyboard.press('Tab');
            focused = await page.evaluate(() => document.activeElement?.id ?? '');
        }
        assert.equal(focused, 'hang-up');
        await page.keyboard.press('Enter');
        await page.getByRole('button', { name: 'Call again' }).waitFor();
    });
});

test('an ICE restart finds a new route while the call goes on', async () => {
    await withPage({}, async (page) => {
        await openPage(page, `${serverUrl()}/call?mode=webrtc&language=en`);
        await startCall(page);
        const restarted = await page.evaluate(async () => {
            const { transport } = /** @type {any} */ (window.visavis.events); // the session itself
            const name = () => transport.peer.localDescription.sdp.match(/ice-ufrag:(\S+)/)[1];
            const before = name();
            await transport.restart();
            return name() !== before;
        });
        assert.ok(restarted);
        await page.waitForTimeout(2000);
        await page.evaluate(() => window.visavis.say('What is the capital of Spain?'));
        assert.match((await waitForTurn(page)).answer.text, /Madrid/);
        assert.equal(await page.evaluate(() => window.visavis.transport), 'webrtc');
        await page.evaluate(() => window.visavis.hangUp());
    });
});

test('choices are remembered, and the page works where storage is blocked', async () => {
    await withPage({}, async (page) => {
        await openPage(page, `${serverUrl()}/call`);
        await page.getByRole('button', { name: 'Settings' }).click();
        await page.getByLabel('Language').selectOption('fr');
        await page.getByLabel('Connection').selectOption('websocket');
        await page.reload();
        assert.equal(await page.locator('#language').inputValue(), 'fr');
        assert.equal(await page.locator('#mode').inputValue(), 'websocket');

        await page.addInitScript(() => {
            Object.defineProperty(window, 'localStorage', {
                get: () => {
                    throw new DOMException('blocked', 'SecurityError');
                },
            });
        });
        await page.reload();
        assert.equal(await page.locator('#language').inputValue(), '');
        await startCall(page);
        await page.evaluate(() => window.visavis.hangUp());
    });
});
