/**
 * The stage of the page: focus, notices and narrow windows; against a scripted server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertNoSidewaysScroll, inWindow } from './lib/appearance.js';
import { SOFTWARE_GL, withPage } from './lib/browser.js';
import { openPage, waitUntilLive } from './lib/call.js';
import { serverUrl } from './lib/env.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page */
function focused(page) {
    return page.evaluate(() => document.activeElement?.id ?? '');
}

test('the keyboard focus follows the call: to the stage when it starts, to the start button when it ends', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await openPage(page, `${server.url}/call?mode=websocket`);
        await page.getByRole('button', { name: 'Start call' }).press('Enter');
        await waitUntilLive(page);
        assert.equal(await focused(page), 'stage');
        await page.getByRole('button', { name: 'Hang up' }).press('Enter');
        await page.getByRole('button', { name: 'Call again' }).waitFor();
        assert.equal(await focused(page), 'start');
    }));
});

test('a notice disappears once it no longer applies', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await openPage(page, `${server.url}/call?mode=websocket`);
        await page.getByRole('button', { name: 'Start call' }).click();
        const call = await server.call();
        await waitUntilLive(page);
        const notice = page.locator('#notice');
        const tell = async (/** @type {string} */ code, /** @type {string} */ message) => {
            call.server({ type: 'notice', code, message });
            await notice.getByText(message).waitFor();
        };
        const cleared = () => page.waitForFunction(() => document.getElementById('notice')?.textContent === '');

        await tell('one-moment', 'One moment, please.');
        call.send('bot-started-speaking', { response: 1 });
        await cleared();
        await tell('response-failed', 'Please ask me again.');
        call.send('user-started-speaking', {});
        await cleared();
        await tell('no-voice', 'There is no voice for that language.');
        call.hear('Bonjour.', { language: 'fr' });
        await page.waitForFunction(() => document.getElementById('spoken-language')?.textContent === 'Français');
        await page.evaluate(() => window.visavis.hangUp());
        await cleared();
        assert.equal(await page.locator('#spoken-language').textContent(), '');
    }));
});

test('at 400 % zoom the buttons are whole and can be scrolled to', async () => {
    await withScriptedServer((server) => withPage({ context: { viewport: { width: 320, height: 256 } } }, async (page) => {
        await openPage(page, `${server.url}/call`);
        await assertNoSidewaysScroll(page, 'zoomed');
        for (const button of ['#start', '#type-instead']) {
            await page.locator(button).scrollIntoViewIfNeeded();
            assert.ok(await inWindow(page, button), button);
        }
    }));
});

test('a long draft shows whole lines, and its first one can be scrolled to', async () => {
    await withScriptedServer((server) => withPage({ context: { viewport: { width: 390, height: 844 } } }, async (page) => {
        await openPage(page, `${server.url}/call`);
        await page.getByLabel('Message').fill(Array.from({ length: 8 }, (_, i) => `Line ${i + 1}`).join('\n'));
        const draft = await page.getByLabel('Message').evaluate((box) => {
            const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(box);
            const [line, before, after] = [lineHeight, paddingTop, paddingBottom].map(Number.parseFloat);
            /** How much of every line is seen when the box is scrolled there, 0 to 1. */
            const seenAt = (/** @type {number} */ place) => {
                box.scrollTop = place;
                const { scrollTop, clientHeight } = box;
                return Array.from({ length: 8 }, (_, i) => {
                    const top = before + i * line - scrollTop;
                    return Math.max(0, Math.min(top + line, clientHeight) - Math.max(top, 0)) / line;
                });
            };
            const atEnd = seenAt(box.scrollHeight);
            const atBegin = seenAt(0);
            return { lines: (box.clientHeight - before - after) / line, line, atBegin, atEnd };
        });
        const isWhole = (/** @type {number} */ part) => Math.abs(part - Math.round(part)) * draft.line <= 1;
        assert.ok(draft.lines >= 3 && draft.lines < 8 && isWhole(draft.lines), `${draft.lines} lines`);
        assert.ok(isWhole(draft.atBegin[0]) && draft.atBegin[0] > 0.5, `at the beginning: ${draft.atBegin}`);
        assert.ok(draft.atEnd[7] > 0.5, `at the end: ${draft.atEnd}`);
        assert.ok([...draft.atBegin, ...draft.atEnd].every(isWhole), `cut lines: ${draft.atBegin}; ${draft.atEnd}`);
    }));
});

test('on a phone the timings leave the header, the controls and the words in view', async () => {
    await withScriptedServer((server) => withPage({ context: { viewport: { width: 390, height: 844 } } }, async (page) => {
        await openPage(page, `${server.url}/call?mode=websocket`);
        await page.getByRole('button', { name: 'Start call' }).click();
        const call = await server.call();
        await waitUntilLive(page);
        call.turn(1, { question: 'Why?', answer: 'Because.', marks: { transcript: 300, turn_decided: 500, first_token: 700, first_sent: 900, done: 2000 } });
        await page.getByRole('button', { name: 'Timings of the turns' }).click();
        for (const part of ['.top', '#hang-up', '#timings', '#composer']) {
            assert.ok(await inWindow(page, part), part);
        }
        const { height } = (await page.locator('#scroll').boundingBox()) ?? { height: 0 };
        assert.ok(height >= 150, `${height} px of conversation`);
    }));
});

test('the playground draws no head without a graphics card, and shows what plays on a phone', async () => {
    await withPage({ flags: SOFTWARE_GL, context: { viewport: { width: 390, height: 844 } } }, async (page) => {
        await page.goto(`${serverUrl()}/avatar/playground`);
        await page.getByText('No graphics card').waitFor();
        assert.equal(await page.locator('#face canvas.head').count(), 0);
        await page.getByRole('button', { name: 'Speak' }).click();
        await page.getByText('are ready.').waitFor({ timeout: 90000 });
        await page.waitForFunction(() => ['face', 'play'].every((id) => {
            const { top, bottom } = /** @type {HTMLElement} */ (document.getElementById(id)).getBoundingClientRect();
            return top > -20 && bottom < innerHeight + 1;
        }));
    });
});
