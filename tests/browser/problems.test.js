/**
 * When something prevents a call, the page says what to do, and typing still works where possible.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { openPage, seen, waitUntilLive } from './lib/call.js';
import { serverUrl } from './lib/env.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** The response of /ready while the language model hangs. */
const WEDGED = {
    ready: false,
    whisper_ready: true,
    llm_ready: false,
    tts_ready: false,
    engines: {
        stt: { ready: true, message: '' },
        llm: { ready: false, message: 'does not answer and is started again' },
        tts: { ready: false, message: 'loads its model' },
    },
};

/**
 * Answers the page's requests instead of the server.
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

test('the message of a hung engine is shown apart from what is loading, and the call starts by itself', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await answer(page, '**/ready', 503, WEDGED);
        await openPage(page, `${server.url}/call?mode=websocket`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await page.getByText('The server is not ready', { exact: true }).waitFor();
        await page.getByText('The language model does not answer and is started again. Still loading: speaking. The call starts by itself.',
            { exact: true }).waitFor();
        const loading = { ...WEDGED, engines: { ...WEDGED.engines, llm: { ready: false, message: 'loads its model' } } };
        await answer(page, '**/ready', 503, loading); // replaces the other from here on
        await page.getByText('The server is loading', { exact: true }).waitFor();
        await page.getByText('Still loading: thinking and speaking. The call starts by itself.', { exact: true }).waitFor();
        await page.unroute('**/ready');
        await waitUntilLive(page);
        await page.evaluate(() => window.visavis.hangUp());
    }));
});

test('an engine that hangs after the server was ready is waited for, and the server is not reported as full', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await page.route('**/api/offer', async (route) => {
            await answer(page, '**/ready', 503, WEDGED);
            await route.fulfill({ status: 503, headers: { 'Retry-After': '2' }, json: { status: 503, detail: 'No calls can be taken yet.' } });
        });
        await openPage(page, `${server.url}/call`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await page.getByText('The language model does not answer').waitFor();
        assert.deepEqual(await seen(page, 'problem'), []);
        await page.unroute('**/api/offer');
        await page.unroute('**/ready');
        await waitUntilLive(page);
        await page.evaluate(() => window.visavis.hangUp());
    }));
});

test('an address at its limit of calls is not told that the server is full', async () => {
    await withPage({}, async (page) => {
        await answer(page, '**/api/offer', 503, { title: 'full', status: 503, reason: 'address-full' }, { 'Retry-After': '7' });
        await openPage(page, `${serverUrl()}/call`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await page.getByRole('alert').getByText('Too many calls from your network').waitFor();
        await page.getByRole('alert').getByText('try again in 7 seconds').waitFor();
        assert.deepEqual((await seen(page, 'problem')).map(({ code }) => code), ['address-full']);
    });
});

test('a server whose engine was missing for a moment is asked again, and not reported as full', async () => {
    await withPage({}, async (page) => {
        let refusals = 2;
        await page.route('**/api/offer', async (route) => {
            if (refusals === 0) {
                return route.continue();
            }
            refusals -= 1;
            const body = JSON.stringify({ title: 'Service Unavailable', status: 503, reason: 'not-ready' });
            return route.fulfill({ status: 503, headers: { 'Retry-After': '2' }, contentType: 'application/problem+json', body });
        });
        await openPage(page, `${serverUrl()}/call`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await waitUntilLive(page);
        assert.equal(refusals, 0);
        assert.deepEqual(await seen(page, 'problem'), []);
        await page.evaluate(() => window.visavis.hangUp());
    });
});

test('an unreachable server is named', async () => {
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
