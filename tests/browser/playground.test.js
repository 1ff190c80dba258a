/**
 * The page /avatar/playground: a text is heard and seen, any moment of it can be inspected, and errors are explained.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { DEVICES, assertAccessible, assertNoSidewaysScroll } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { RESULTS, question, serverUrl } from './lib/env.js';

/** @typedef {import('playwright-core').Page} Page */

const URL_OF_PAGE = () => `${serverUrl()}/avatar/playground`;
/** A cold voice on a small machine. */
const PATIENCE = { timeout: 90000 };

/** @param {Page} page */
async function open(page) {
    await page.goto(URL_OF_PAGE());
    await page.getByRole('combobox', { name: 'Face' }).selectOption('Drawn');
}

/**
 * @param {Page} page
 * @param {string} text
 */
async function speak(page, text) {
    await page.getByRole('textbox', { name: 'Text' }).fill(text);
    await page.getByRole('button', { name: 'Speak' }).click();
    await page.getByText('are ready.').waitFor(PATIENCE);
}

/**
 * @param {Page} page
 * @param {string} button
 */
async function saved(page, button) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).click()]);
    return fs.readFileSync(await download.path());
}

test('a text is played with its face, can be scrubbed by keyboard, and saved', async () => {
    await withPage({}, async (page) => {
        await open(page);
        await speak(page, '[happy] Papa may buy a big map.');
        const slider = page.getByRole('slider', { name: 'Moment' });
        await page.waitForFunction(() => Number(/** @type {HTMLInputElement} */ (document.getElementById('scrub')).value) > 10, undefined, PATIENCE);
        await page.getByRole('button', { name: 'Pause' }).click();
        await slider.fill('30');
        await page.getByText('0.50 of').waitFor();
        await slider.press('ArrowRight');
        assert.equal(await slider.inputValue(), '31');
        await page.getByText('Values at this moment').click();
        await page.waitForFunction(() => document.querySelectorAll('#values li').length === 56);
        const whole = JSON.parse((await saved(page, 'Frames as JSON')).toString());
        const rows = (await saved(page, 'Frames as CSV')).toString().trimEnd().split('\n');
        assert.equal(rows.length, whole.frames.length + 1);
        assert.equal(whole.words.map((/** @type {{text: string}} */ word) => word.text).join(' '), 'Papa may buy a big map.');
        const wav = await saved(page, 'Sound as WAV');
        assert.ok(Math.abs((wav.length - 44) / 2 / whole.rate - whole.duration) < 0.001);
        const most = Math.max(...whole.frames.map((/** @type {{weights: number[]}} */ frame) => frame.weights[17]));
        assert.ok(most > 0.1, `the jaw opens: ${most}`);
    });
});

test('a recording moves the face, and files that cannot be used are explained', async () => {
    await withPage({}, async (page) => {
        await open(page);
        await page.getByLabel('Use a recording').setInputFiles(question().wav);
        await page.getByText('are ready.').waitFor(PATIENCE);
        await page.getByText('lips by estimated times of the speech sounds').waitFor();
        await page.getByLabel('Use a recording').setInputFiles({ name: 'x.wav', mimeType: 'audio/wav', buffer: Buffer.from('no sound') });
        await page.getByRole('alert').getByText('not a WAV file').waitFor();
        await page.route('**/api/animate', (route) => route.abort('connectionrefused'));
        await page.getByRole('button', { name: 'Speak' }).click();
        await page.getByRole('alert').getByText('The server cannot be reached').waitFor();
        await page.unroute('**/api/animate');
        await page.getByRole('textbox', { name: 'Text' }).fill('🎉 …');
        await page.getByRole('button', { name: 'Speak' }).click();
        await page.getByText('There is nothing to say').waitFor(PATIENCE);
        assert.equal(await page.getByRole('alert').isVisible(), false);
    });
});

for (const [device, traits] of Object.entries(DEVICES)) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
        test(`the playground is accessible and fits a ${device} in ${colorScheme} colours`, async () => {
            await withPage({ context: { ...traits, colorScheme } }, async (page) => {
                const name = `playground-${device}-${colorScheme}`;
                await open(page);
                await assertAccessible(page, name);
                await speak(page, 'Five thick thistles, as you know.');
                await page.getByRole('button', { name: 'Pause' }).click();
                await page.getByText('Values at this moment').click();
                await assertNoSidewaysScroll(page, name);
                await assertAccessible(page, name);
                await page.screenshot({ path: path.join(RESULTS, `${name}.png`), fullPage: true });
            });
        });
    }
}
