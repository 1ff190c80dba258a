/**
 * The page's appearance and accessibility: axe, widths, and screenshots for people to judge.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { DEVICES, assertAccessible, assertNoSidewaysScroll, inWindow, settle } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { openPage, startCall, waitForTurn } from './lib/call.js';
import { RESULTS, serverUrl } from './lib/env.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('playwright-core').Page} Page */

/**
 * @param {Page} page
 * @param {string} name
 */
async function capture(page, name) {
    await assertNoSidewaysScroll(page, name);
    await settle(page);
    await assertAccessible(page, name);
    await page.screenshot({ path: path.join(RESULTS, `${name}.png`) });
}

for (const [device, traits] of Object.entries(DEVICES)) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
        test(`the page is accessible and fits a ${device} in ${colorScheme} colours, before, in and after a call`, async () => {
            await withPage({ context: { ...traits, colorScheme } }, async (page) => {
                const name = `${device}-${colorScheme}`;
                await openPage(page, `${serverUrl()}/call?language=en`);
                await page.waitForTimeout(600);
                await capture(page, `${name}-idle`);
                await page.getByRole('button', { name: 'Settings' }).click();
                await capture(page, `${name}-settings`);
                await page.getByRole('button', { name: 'Done' }).click();
                await startCall(page);
                await page.getByRole('button', { name: 'Mute' }).click();
                await page.getByLabel('Message').fill('What is the capital of France, and what is it known for?');
                await page.getByRole('button', { name: 'Send' }).click();
                await page.waitForFunction(() => window.visavis.state === 'thinking', undefined, { timeout: 30000 });
                await page.screenshot({ path: path.join(RESULTS, `${name}-thinking.png`) });
                await page.waitForFunction(() => window.visavis.state === 'speaking' && window.visavis.levels.answer > 0.02,
                    undefined, { timeout: 90000 });
                await capture(page, `${name}-speaking`);
                await waitForTurn(page);
                await page.waitForTimeout(400);
                await capture(page, `${name}-listening`);
                await page.getByRole('button', { name: 'Hang up' }).click();
                await page.getByRole('button', { name: 'Call again' }).waitFor();
                await page.waitForTimeout(600);
                await capture(page, `${name}-ended`);
            });
        });
    }
}

/** Without a face there is an orb. */
for (const [face, look] of Object.entries({ lite: '#portrait', off: '#orb' })) {
    test(`a blocked microphone is explained in a panel that fits a phone, below ${look}`, async () => {
        const context = { ...DEVICES.phone, viewport: { width: 390, height: 844 } };
        await withScriptedServer((server) => withPage({ allow: false, context }, async (page) => {
            await openPage(page, `${server.url}/call?avatar=${face}`);
            await page.getByRole('button', { name: 'Start call' }).click();
            await page.getByRole('alert').waitFor();
            await capture(page, `phone-light-blocked-${face}`);
            for (const part of [look, '#state-text', '#problem']) {
                assert.ok(await inWindow(page, part), part);
            }
            const [above, below] = await Promise.all([look, '#state-text'].map((part) => page.locator(part).boundingBox()));
            assert.ok(above && below && below.y - above.y >= 120, 'the panel covers the face');
            await page.setViewportSize(DEVICES.phone.viewport);
            await assertNoSidewaysScroll(page, 'a smaller phone');
        }));
    });
}

test('two landmarks with the same name are a fault', async () => {
    await withPage({}, async (page) => {
        const region = '<section aria-label="Words"><p>Text</p></section>';
        await page.setContent(`<html lang="en"><title>Twins</title><main><h1>Twins</h1>${region}${region}</main></html>`);
        await assert.rejects(assertAccessible(page, 'twins'), /landmark-unique/);
    });
});
