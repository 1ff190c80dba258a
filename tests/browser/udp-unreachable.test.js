/**
 * Behind a forwarded TCP port, as with `ssh -L`, the call uses a WebSocket automatically.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { openPage, seen, waitForTurn, waitUntilLive } from './lib/call.js';
import { serverUrl, tcpOnlyUrl } from './lib/env.js';

/**
 * Forwards a TCP port to the server, as `ssh -L` does.
 *
 * @returns {Promise<{url: string, close: () => void}>}
 */
async function forwardPort() {
    const target = new URL(serverUrl());
    const server = net.createServer((client) => {
        const upstream = net.connect(Number(target.port || 80), target.hostname);
        client.pipe(upstream).pipe(client);
        client.on('error', () => upstream.destroy());
        upstream.on('error', () => client.destroy());
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    const { port } = /** @type {net.AddressInfo} */ (server.address());
    return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

test('without UDP the page falls back to a WebSocket, says so, and the call works', async () => {
    const given = tcpOnlyUrl();
    const forwarded = given === null ? await forwardPort() : null;
    // Without such a server the browser itself is prevented from using UDP.
    const flags = given === null ? ['--webrtc-ip-handling-policy=disable_non_proxied_udp'] : [];
    try {
        await withPage({ flags }, async (page) => {
            await openPage(page, `${given ?? forwarded?.url}/call?language=en`);
            await page.getByRole('button', { name: 'Type instead' }).click();
            await waitUntilLive(page);
            assert.equal(await page.evaluate(() => window.visavis.transport), 'websocket');
            assert.match((await page.locator('#notice').textContent()) ?? '', /WebSocket/);
            assert.deepEqual((await seen(page, 'notice')).map(({ code }) => code), ['fallback']);
            await page.getByLabel('Message').fill('What is the capital of France?');
            await page.getByRole('button', { name: 'Send' }).click();
            const { answer } = await waitForTurn(page);
            assert.match(answer.text, /Paris/);
        });
    } finally {
        forwarded?.close();
    }
});
