/**
 * The page /call/network: what works has a tick, what does not has a reason, and the sentence at the end says what to do.
 */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';

import { DEVICES, assertAccessible, assertNoSidewaysScroll, settle } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { openPage } from './lib/call.js';
import { RESULTS, question } from './lib/env.js';
import { PATIENCE, report, runTest, states } from './lib/network-page.js';
import { freePort, withOwnServer } from './lib/own-server.js';
import { withScriptedServer } from './lib/scripted-server.js';

const NOTHING_REACHED = {
    server: 'failed', udp: 'skipped', tcp: 'skipped', 'turn-udp': 'skipped', 'turn-tcp': 'skipped', 'turn-tls': 'skipped', websocket: 'skipped',
    'round-trip': 'skipped', download: 'skipped', upload: 'skipped',
};

/**
 * Waits until the server has no call.
 *
 * @param {string} url
 */
async function untilNoCall(url) {
    const deadline = Date.now() + 20000;
    for (;;) {
        const { calls } = await (await fetch(`${url}/health`)).json();
        if (calls === 0) {
            return;
        }
        assert.ok(Date.now() < deadline, `${calls} calls of the test have not ended`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

/** @returns {Promise<string[]>} options of a server with a relay on a free port */
async function withRelay() {
    return ['--turn', '--set', `turn.listen=127.0.0.1:${await freePort()}`, '--set', 'turn.relay_address=127.0.0.1'];
}

test('on a good network each test that is possible has a tick and a time, and the report can be copied', async () => {
    const context = { permissions: ['microphone', 'clipboard-read', 'clipboard-write'] };
    const more = await withRelay();
    await withOwnServer((server) => withPage({ wav: question().wav, context }, async (page) => {
        await page.goto(`${server.url}/call/network`);
        assert.deepEqual(new Set(Object.values(await states(page))), new Set(['waiting']));
        const sentence = await runTest(page);
        const found = await states(page);
        const whole = await report(page);
        const { 'turn-tls': tls, tcp, ...rest } = found;
        assert.equal(tls, 'skipped', 'there is no name that a certificate could be for');
        assert.equal(tcp, 'skipped', 'webrtc.ice_tcp is off');
        assert.deepEqual(Object.entries(rest).filter(([, state]) => state !== 'ok'), [], whole);
        assert.match(sentence, /^Everything works/);
        for (const time of await page.locator('.check[data-state="ok"] .time').allTextContents()) {
            assert.match(time, /^\d+ ms$/);
        }
        await page.getByRole('button', { name: 'Copy report' }).click();
        await page.getByText('Copied.').waitFor();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), whole);
        assert.ok(whole.includes(sentence) && whole.includes('127.0.0.1'), whole);
        await assertAccessible(page, 'all ticks');
        await untilNoCall(server.url);
    }), { more });
});

test('a server without UDP is named as the reason, and the WebSocket works', async () => {
    const taken = dgram.createSocket('udp4');
    taken.bind(0, '127.0.0.1');
    await once(taken, 'listening');
    const udp = `127.0.0.1:${taken.address().port}`;
    try {
        await withOwnServer((server) => withPage({ wav: question().wav }, async (page) => {
            await page.goto(`${server.url}/call/network`);
            const sentence = await runTest(page);
            assert.match(sentence, /The server has no UDP port for calls, and the call works over a WebSocket/, await report(page));
            const found = await states(page);
            assert.deepEqual([found.udp, found['turn-udp'], found.websocket], ['skipped', 'skipped', 'ok']);
        }), { udp });
    } finally {
        taken.close();
    }
});

test('without UDP the call works over the relay by TCP, and the sentence says so', async () => {
    const more = await withRelay();
    const flags = ['--webrtc-ip-handling-policy=disable_non_proxied_udp'];
    await withOwnServer((server) => withPage({ wav: question().wav, flags }, async (page) => {
        await page.goto(`${server.url}/call/network`);
        const sentence = await runTest(page);
        const whole = await report(page);
        assert.match(sentence, /^UDP is blocked .*works over the relay \(TCP\)/, whole);
        const found = await states(page);
        assert.deepEqual([found.udp, found['turn-udp'], found['turn-tcp'], found.websocket], ['failed', 'failed', 'ok', 'ok'], whole);
        assert.ok(whole.includes('The relay does not answer by this transport.'), whole);
    }), { more });
});

test('a server that does not answer is told apart from one without tests, and the test can be made again', async () => {
    await withScriptedServer((server) => withPage({ allow: false }, async (page) => {
        await page.route('**/api/network', (route) => route.abort('connectionrefused'));
        await page.goto(`${server.url}/call/network`);
        const sentence = await runTest(page);
        assert.match(sentence, /does not answer, so no call can begin.*; and the microphone is blocked/);
        assert.deepEqual(await states(page), { microphone: 'failed', ...NOTHING_REACHED });
        await page.unroute('**/api/network');
        const again = await runTest(page, 'Test again');
        assert.match(again, /has no network tests/, 'the scripted server has none');
        assert.equal(await page.getByRole('button', { name: 'Copy report' }).isVisible(), true);
    }));
});

test('what a full server refuses is skipped with its reason, and not taken for a fault of the network', async () => {
    await withScriptedServer((server) => withPage({ allow: false }, async (page) => {
        await page.route('**/api/network', (route) => route.fulfill({
            json: { address: '203.0.113.7', udp: { port: 8080, candidates: ['192.0.2.1:8080'] }, websocket: true, turn: {}, time: '' },
        }));
        await page.route('**/api/network/bytes*', (route) => route.fulfill({ body: 'x' }));
        const refusal = { reason: 'server-full', detail: 'All lines are busy.' };
        await page.route('**/api/offer', (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '5' }, json: refusal }));
        await page.goto(`${server.url}/call/network`);
        const sentence = await runTest(page);
        const whole = await report(page);
        assert.match(sentence, /took no call when UDP was tested, and the call works over a WebSocket/, whole);
        const { udp, 'turn-udp': relay, websocket } = await states(page);
        assert.deepEqual([udp, relay, websocket], ['skipped', 'skipped', 'ok'], whole);
        assert.ok(whole.includes('The server takes no call now. All lines are busy.') && whole.includes('203.0.113.7'), whole);
    }));
});

test('the microphone that is chosen for calls is the one that is tested', async () => {
    await withScriptedServer((server) => withPage({ allow: false }, async (page) => {
        await page.addInitScript(() => {
            localStorage.setItem('visavis.settings', JSON.stringify({ microphone: 'the-chosen-one' }));
            navigator.mediaDevices.getUserMedia = (asked) => {
                Object.assign(window, { asked });
                return Promise.reject(new DOMException('on purpose', 'NotReadableError'));
            };
        });
        await page.goto(`${server.url}/call/network`);
        await page.getByRole('button', { name: 'Start the test' }).click();
        await page.locator('.check[data-check="microphone"][data-state="failed"]').waitFor();
        const device = await page.evaluate(() => Reflect.get(window, 'asked').audio.deviceId);
        assert.deepEqual(device, { exact: 'the-chosen-one' });
    }));
});

test('a problem of a call leads to the test, beside the call', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await page.route('**/ready', (route) => route.abort('connectionrefused'));
        await openPage(page, `${server.url}/call?backend=${encodeURIComponent(server.url)}`);
        await page.getByRole('button', { name: 'Start call' }).click();
        const link = page.getByRole('alert').getByRole('link', { name: 'Test the network' });
        await link.waitFor();
        const [opened] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
        await opened.getByRole('button', { name: 'Start the test' }).waitFor();
        assert.equal(new URL(opened.url()).pathname, '/call/network');
        assert.equal(new URL(opened.url()).searchParams.get('backend'), server.url);
        assert.equal(await page.getByRole('alert').isVisible(), true, 'the call page is as it was');
    }));
});

test('a full server is no reason to test the network', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await page.route('**/api/offer', (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '7' }, json: { reason: 'server-full' } }));
        await openPage(page, `${server.url}/call`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await page.getByText('You are in line').waitFor();
        await page.getByRole('button', { name: 'Try now' }).waitFor();
        assert.equal(await page.getByRole('link', { name: 'Test the network' }).count(), 0);
    }));
});

for (const [device, traits] of Object.entries(DEVICES)) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
        test(`the network test is accessible and fits a ${device} in ${colorScheme} colours`, async () => {
            await withScriptedServer((server) => withPage({ allow: false, context: { ...traits, colorScheme } }, async (page) => {
                const name = `network-${device}-${colorScheme}`;
                const look = async () => {
                    await settle(page);
                    await assertNoSidewaysScroll(page, name);
                    await assertAccessible(page, name);
                };
                await page.goto(`${server.url}/call/network`);
                await page.getByRole('button', { name: 'Start the test' }).waitFor();
                await look();
                await page.getByRole('button', { name: 'Start the test' }).focus();
                await page.keyboard.press('Enter');
                await page.waitForFunction(() => document.getElementById('verdict')?.textContent !== '', undefined, PATIENCE);
                await page.getByText('Report', { exact: true }).click();
                await look();
                await page.screenshot({ path: path.join(RESULTS, `${name}.png`), fullPage: true });
            }));
        });
    }
}
