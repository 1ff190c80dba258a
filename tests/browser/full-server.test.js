/**
 * A server that has no line free: the page says so and waits for one by itself, until the person gives up.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertAccessible, assertNoSidewaysScroll, settle } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { openPage, seen, waitUntilLive } from './lib/call.js';
import { withOwnServer } from './lib/own-server.js';
import { withScriptedServer } from './lib/scripted-server.js';

const PATIENCE = { timeout: 30000 };
const FULL = { status: 503, reason: 'server-full' };

test('a full server is asked again when it says, and the call begins by itself', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        server.refusal = { ...FULL, retryAfter: 2 };
        await openPage(page, `${server.url}/call?mode=websocket`);
        await page.getByRole('button', { name: 'Start call' }).press('Enter');
        await page.getByText('All lines are busy').waitFor(PATIENCE);
        await page.getByText('You are in line').waitFor();
        await page.locator('#countdown').getByText(/Next try in \d s/).waitFor(PATIENCE);
        assert.equal(server.calls.length, 0);
        server.refusal = null;
        await server.call();
        await waitUntilLive(page);
        assert.deepEqual(await seen(page, 'problem'), []);
        assert.equal(await page.locator('#redial').isVisible(), false);
        assert.match((await page.locator('#state-text').textContent()) ?? '', /Listening/);
    }));
});

test('the place in line can be given up, and the next try can be made at once', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        server.refusal = { ...FULL, retryAfter: 60 };
        await openPage(page, `${server.url}/call?mode=websocket`);
        await page.getByRole('button', { name: 'Start call' }).press('Enter');
        await page.locator('#countdown').getByText(/Next try in [1-5]\d s/).waitFor(PATIENCE);
        await settle(page);
        await assertAccessible(page, 'in line');
        await assertNoSidewaysScroll(page, 'in line');
        await page.getByRole('button', { name: 'Cancel' }).click();
        await page.getByRole('button', { name: 'Call again' }).waitFor();
        assert.deepEqual((await seen(page, 'ended')).map(({ reason }) => reason), ['hung-up']);
        assert.equal(await page.locator('#redial').isVisible(), false);

        await page.getByRole('button', { name: 'Call again' }).click();
        await page.locator('#countdown').getByText(/Next try in [1-5]\d s/).waitFor(PATIENCE);
        server.refusal = null;
        await page.getByRole('button', { name: 'Try now' }).click();
        await server.call();
        await waitUntilLive(page);
    }));
});

test('the second of two callers waits until the first has hung up (real server)', async () => {
    await withOwnServer((server) => withPage({}, async (page) => {
        await openPage(page, `${server.url}/call?avatar=lite`);
        await page.getByRole('button', { name: 'Type instead' }).click();
        await waitUntilLive(page);
        const other = await page.context().newPage();
        await openPage(other, `${server.url}/call?avatar=lite`);
        await other.getByRole('button', { name: 'Type instead' }).click();
        await other.locator('#countdown').getByText(/Next try in \d+ s/).waitFor(PATIENCE);
        assert.equal(await other.evaluate(() => window.visavis.state), 'connecting');
        await page.evaluate(() => window.visavis.hangUp());
        await waitUntilLive(other);
        assert.deepEqual(await seen(other, 'problem'), []);
        await other.evaluate(() => window.visavis.hangUp());
    }), { settings: ['server.max_calls=1'] });
});
