/**
 * Pipecat's own client in a page of the server's origin, as a test sees it.
 *
 * @typedef {import('playwright-core').Page} Page
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { ANSWER_MS } from '../browser/lib/call.js';

/**
 * @typedef {Object} Told
 * @property {string} event - a name of `RTVIEvent`
 * @property {number} at
 * @property {any} data - its first argument
 */

const PAGE = fileURLToPath(new URL('page.js', import.meta.url));
const PING_MS = 3000;

/**
 * Opens a page with the client at an address that the server does not have.
 *
 * @param {Page} page
 * @param {string} url - of the server
 */
export async function openPipecat(page, url) {
    const { outputFiles: [script] } = await build({ entryPoints: [PAGE], bundle: true, write: false, logLevel: 'warning' });
    await page.route(`${url}/pipecat.js`, (route) => route.fulfill({ contentType: 'text/javascript', body: script.text }));
    const body = '<!doctype html><title>Pipecat</title><script src="/pipecat.js"></script>';
    await page.route(`${url}/pipecat`, (route) => route.fulfill({ contentType: 'text/html', body }));
    await page.goto(`${url}/pipecat`);
    await page.waitForFunction(() => 'pipecat' in window);
}

/**
 * Connects as most of Pipecat's clients do, and waits until the agent is there.
 *
 * @param {Page} page
 * @returns {Promise<any>} what it says of itself
 */
export function startAndConnect(page) {
    return page.evaluate(() => window.pipecat.client.startBotAndConnect({ endpoint: `${location.origin}/start` }));
}

/**
 * Connects without `/start`.
 *
 * @param {Page} page
 * @returns {Promise<any>} what the agent says of itself
 */
export function connect(page) {
    return page.evaluate(() => window.pipecat.client.connect({ webrtcRequestParams: { endpoint: `${location.origin}/api/offer` } }));
}

/**
 * @param {Page} page
 * @param {string} event
 * @returns {Promise<any[]>} what it told by such events so far
 */
export function told(page, event) {
    return page.evaluate((event) => window.pipecat.told.filter((told) => told.event === event).map(({ data }) => data), event);
}

/**
 * @param {Page} page
 * @param {string} event
 * @param {RegExp} [wanted] - in its data as JSON
 * @returns {Promise<Told>} the first such event
 */
export async function untilTold(page, event, wanted = /(?:)/) {
    const found = await page.waitForFunction(
        ({ event, source }) => window.pipecat.told.find((told) => told.event === event && new RegExp(source, 'i').test(JSON.stringify(told.data))),
        { event, source: wanted.source },
        { timeout: ANSWER_MS },
    );
    return /** @type {Told} */ (await found.jsonValue());
}

/**
 * Types words, and waits until the answer is shown and heard.
 *
 * @param {Page} page
 * @param {string} text
 * @param {RegExp} answer - a part of it that was not said before in this page
 */
export async function typeAndHear(page, text, answer) {
    await page.evaluate((text) => window.pipecat.client.sendText(text), text);
    const { at } = await untilTold(page, 'botOutput', answer);
    await page.waitForFunction((at) => window.pipecat.sound.last > at, at, { timeout: ANSWER_MS });
}

/**
 * @param {Page} page
 * @returns {Promise<boolean>} whether the server answers over the connection, soon
 */
export function answersPing(page) {
    const ask = (/** @type {number} */ ms) => window.pipecat.client.sendClientRequest('ping', {}, ms).then(() => true, () => false);
    return page.evaluate(ask, PING_MS);
}

/** @param {Page} page */
export async function untilItAnswersPings(page) {
    const deadline = Date.now() + ANSWER_MS;
    while (!(await answersPing(page))) {
        assert.ok(Date.now() < deadline, 'the connection does not come back');
    }
}

/** @param {Page} page */
export function state(page) {
    return page.evaluate(() => window.pipecat.client.state);
}

/**
 * No state `error`, no message `error`.
 *
 * @param {Page} page
 */
export async function assertNoErrors(page) {
    assert.ok(!(await told(page, 'transportStateChanged')).includes('error'));
    assert.deepEqual([await told(page, 'error'), await told(page, 'messageError')], [[], []]);
}
