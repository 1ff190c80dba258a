/**
 * The pages / and /docs on a real server: what runs, and its API with examples that work when they are copied.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { DEVICES, assertAccessible, assertNoSidewaysScroll, settle } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { RESULTS } from './lib/env.js';
import { PATIENCE } from './lib/network-page.js';
import { withOwnServer } from './lib/own-server.js';

/** @typedef {import('playwright-core').Page} Page */

/**
 * @param {Page} page
 * @param {string} url
 */
async function openDocs(page, url) {
    await page.goto(`${url}/docs`);
    await page.getByRole('heading', { name: 'Speech', exact: true }).waitFor(PATIENCE);
}

/**
 * Opens an operation by keyboard.
 *
 * @param {Page} page
 * @param {string} id
 */
async function open(page, id) {
    const summary = page.locator(`details[id="${id}"] > summary`);
    await summary.focus();
    await page.keyboard.press('Enter');
    await page.locator(`details[id="${id}"] .inside`).waitFor();
}

/**
 * @param {Page} page
 * @param {string} id
 * @returns {Promise<string>} the example of an operation, as it is copied
 */
async function copied(page, id) {
    await page.evaluate(() => navigator.clipboard.writeText(''));
    const button = page.locator(`details[id="${id}"]`).getByRole('button', { name: /^Copy/ });
    await button.focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(async () => (await navigator.clipboard.readText()) !== '', undefined, PATIENCE);
    return page.evaluate(() => navigator.clipboard.readText());
}

/**
 * Runs a program in a folder of its own. Not synchronously: the browser goes on meanwhile.
 *
 * @param {string} program
 * @param {string[]} options
 * @returns {Promise<string>} the folder
 */
async function run(program, options) {
    const folder = fs.mkdtempSync(path.join(RESULTS, 'example-'));
    // The server is here, whatever else is reached through a proxy.
    const env = { ...process.env, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };
    const child = spawn(program, options, { cwd: folder, env, stdio: ['ignore', 'inherit', 'inherit'] });
    const [status] = await once(child, 'exit');
    assert.equal(status, 0, options.join(' '));
    return folder;
}

test('the documentation lists all routes, finds them by words, and its examples speak a text when they are copied', async () => {
    const context = { permissions: ['clipboard-read', 'clipboard-write'] };
    await withOwnServer((server) => withPage({ allow: false, context }, async (page) => {
        await openDocs(page, server.url);
        const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
        const operations = Object.values(paths).reduce((sum, item) => sum + Object.keys(/** @type {object} */ (item)).length, 0);
        assert.equal(await page.locator('details.operation').count(), operations);
        await page.getByRole('searchbox', { name: 'Find' }).fill('post /speak');
        await page.getByText('1 found.').waitFor();
        await page.getByRole('searchbox', { name: 'Find' }).fill('');
        await open(page, 'post-speak');

        const shell = await copied(page, 'post-speak');
        const spoken = await run('sh', ['-c', shell.replace(/^curl/, 'curl --fail --silent --show-error')]);
        assert.ok(fs.statSync(path.join(spoken, 'out.mp3')).size > 1000);

        await page.getByRole('radio', { name: 'JavaScript' }).check();
        const script = await copied(page, 'post-speak');
        assert.match(script, /await fetch\(/);
        const again = await run(process.execPath, ['--input-type=module', '--eval', script]);
        assert.ok(fs.statSync(path.join(again, 'out.mp3')).size > 1000);

        await page.reload();
        await page.getByRole('heading', { name: 'Speech', exact: true }).waitFor(PATIENCE);
        assert.equal(await page.getByRole('radio', { name: 'JavaScript' }).isChecked(), true, 'the language is remembered');
    }), { settings: ['speech_api.disk_mb=0'] });
});

test('an address with the name of an operation opens it, and a server that is gone is said', async () => {
    await withOwnServer((server) => withPage({ allow: false }, async (page) => {
        await page.goto(`${server.url}/docs#post-v1-audio-speech`);
        await page.locator('details[id="post-v1-audio-speech"] .inside').waitFor(PATIENCE);
        await page.route('**/openapi.json', (route) => route.abort('connectionrefused'));
        await page.reload();
        await page.getByRole('alert').filter({ hasText: 'cannot be loaded' }).waitFor(PATIENCE);
    }));
});

test('the start page says what runs and leads to the call and to all other pages', async () => {
    await withOwnServer((server) => withPage({ allow: false }, async (page) => {
        await page.goto(`${server.url}/`);
        await page.getByText('Everything is ready').waitFor(PATIENCE);
        const { engines } = await (await fetch(`${server.url}/ready`)).json();
        await page.locator('#llm').filter({ hasText: engines.llm.model }).waitFor(PATIENCE);
        await page.locator('#voices').filter({ hasText: /^[1-9]/ }).waitFor(PATIENCE);
        await page.locator('#calls').filter({ hasText: '0 in progress' }).waitFor(PATIENCE);
        const links = await page.locator('a:visible').evaluateAll((all) => all.map((link) => /** @type {HTMLAnchorElement} */ (link).href));
        assert.ok(links.length >= 5, links.join(' '));
        for (const link of links) {
            assert.equal((await fetch(link)).status, 200, link);
        }
        await page.getByRole('link', { name: 'Open the call' }).focus();
        await page.keyboard.press('Enter');
        await page.getByRole('button', { name: 'Start call' }).waitFor(PATIENCE);
        assert.equal(new URL(page.url()).pathname, '/call');
    }));
});

for (const [device, traits] of Object.entries(DEVICES)) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
        test(`the start page and the documentation are accessible and fit a ${device} in ${colorScheme} colours`, async () => {
            await withOwnServer((server) => withPage({ allow: false, context: { ...traits, colorScheme } }, async (page) => {
                const look = async (/** @type {string} */ name) => {
                    await settle(page);
                    await assertNoSidewaysScroll(page, name);
                    await assertAccessible(page, name);
                    await page.screenshot({ path: path.join(RESULTS, `${name}.png`) });
                };
                await page.goto(`${server.url}/`);
                await page.getByText('Everything is ready').waitFor(PATIENCE);
                await look(`home-${device}-${colorScheme}`);
                await openDocs(page, server.url);
                await look(`docs-${device}-${colorScheme}`);
                await open(page, 'post-v1-audio-speech');
                await open(page, 'post-v1-chat-completions');
                await look(`docs-open-${device}-${colorScheme}`);
            }));
        });
    }
}
