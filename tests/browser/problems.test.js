/**
 * When something stands in the way, the page says what to do, and typing still works where it can.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { openPage, seen, waitUntilLive } from './lib/call.js';
import { serverUrl } from './lib/env.js';

/**
 * Fetches of the page that are answered by the test instead of the server.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} pattern
 * @param {number} status
 * @param {object} body
 * @param {Record<string, string>} [headers]
 */
async function answer(page, pattern, status, body, headers = {}) {
    await page.route(pattern, (route) => route.fulfill({ status, headers, json: body }));
}

test('a blocked microphone is explained, and typing instead works', async () => {
    await withPage({ allow: false }, async (page) => {
        await openPage(page, `${serverUrl()}/call`);
        await page.getByRole('button', { name: 'Start call' }).click();
        const alert = page.getByRole('alert');
        await alert.waitFor();
        assert.match((await alert.textContent()) ?? '', /microphone is blocked/);
        assert.match((await alert.textContent()) ?? '', /allow the microphone/);
        await alert.getByRole('button', { name: 'Type instead' }).click();
        await waitUntilLive(page);
        assert.equal(await alert.isVisible(), false);
        await page.evaluate(() => window.visavis.hangUp());
    });
});

test('a missing microphone is explained', async () => {
    await withPage({ device: false }, async (page) => {
        await openPage(page, `${serverUrl()}/call`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await page.getByRole('alert').getByText('No microphone was found').waitFor();
    });
});

test('while models load the page names them, and the call starts by itself', async () => {
    await withPage({}, async (page) => {
        const loading = { ready: false, whisper_ready: true, llm_ready: false, tts_ready: false };
        await answer(page, '**/ready', 503, loading);
        await openPage(page, `${serverUrl()}/call`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await page.getByText('Still loading: thinking and speaking').waitFor();
        await page.unroute('**/ready');
        await waitUntilLive(page);
        await page.evaluate(() => window.visavis.hangUp());
    });
});

test('a full server is told apart from a broken one', async () => {
    await withPage({}, async (page) => {
        await answer(page, '**/api/offer', 503, { title: 'full', status: 503 }, { 'Retry-After': '7' });
        await openPage(page, `${serverUrl()}/call`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await page.getByRole('alert').getByText('Try again in 7 seconds').waitFor();
        assert.equal((await seen(page, 'problem'))[0].code, 'server-full');
        await page.unroute('**/api/offer');
        await page.getByRole('button', { name: 'Try again' }).click();
        await waitUntilLive(page);
        await page.evaluate(() => window.visavis.hangUp());
    });
});

test('a server that is not there is named', async () => {
    await withPage({}, async (page) => {
        await page.route('**/ready', (route) => route.abort('connectionrefused'));
        await openPage(page, `${serverUrl()}/call`);
        await page.getByRole('button', { name: 'Start call' }).click();
        const alert = page.getByRole('alert');
        await alert.getByText('The server cannot be reached').waitFor();
        assert.ok((await alert.textContent())?.includes(new URL(serverUrl()).host));
        await alert.getByRole('button', { name: 'Settings' }).click();
        await page.getByLabel('Server').waitFor();
    });
});

test('a link to another server does not start a call by itself', async () => {
    await withPage({}, async (page) => {
        await openPage(page, `${serverUrl()}/call?autostart=1&backend=${encodeURIComponent('https://elsewhere.example')}`);
        await page.getByText('Calls from this page go to https://elsewhere.example').waitFor();
        await page.waitForTimeout(500);
        assert.equal(await page.evaluate(() => window.visavis.state), 'idle');
    });
});
