/**
 * The real server with a store: a call goes on after a reload, a kill, a stop and in another window. The server is the tests' own.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { ANSWER_MS, openPage, startCall, transcript, waitForTurn } from './lib/call.js';
import { withOwnServer } from './lib/own-server.js';

/** @typedef {import('playwright-core').Page} Page */

const STORE = { settings: ['store.enabled=true'] };
const STORY = 'Tell me a long story about a miller, a mill and mice.';
/** ms until the agent is heard again: after a page was loaded anew, and after a killed server is back. */
const TARGET_MS = { reload: 1500, kill: 2000 };
/** Machines differ: slower than the target is reported, and this many times slower fails. */
const TOO_SLOW = 3;
/** RMS of sound, and not of silence that was encoded. */
const AUDIBLE = 0.003;
/** How precisely it is known when sound begins. */
const LOOK_EVERY_MS = 20;

/**
 * A call in which a question was answered, and whose token has come.
 *
 * @param {Page} page
 * @param {string} url
 * @returns {Promise<string>} the call's id
 */
async function begin(page, url) {
    await openPage(page, url);
    await startCall(page);
    await page.evaluate(() => window.visavis.say('What is the capital of France?'));
    await waitForTurn(page);
    await page.waitForFunction(() => sessionStorage.getItem('visavis.resume') !== null);
    return page.evaluate(() => window.visavis.call ?? '');
}

/** @param {Page} page */
async function untilMidAnswer(page) {
    await page.evaluate((text) => window.visavis.say(text), STORY);
    await page.waitForFunction(
        () => window.visavis.state === 'speaking' && (window.visavis.transcript.at(-1)?.text.length ?? 0) > 20,
        undefined,
        { timeout: ANSWER_MS },
    );
}

/**
 * Waits until the call goes on, on whichever page.
 *
 * @param {Page} page
 * @param {string} call
 */
async function untilItGoesOn(page, call) {
    await page.waitForFunction(
        (call) => window.visavis?.resumed && window.visavis.call === call && ['listening', 'thinking', 'speaking'].includes(window.visavis.state),
        call,
        { timeout: ANSWER_MS },
    );
}

/**
 * Waits until the agent is audible.
 *
 * @param {Page} page
 * @param {number} since - as performance.now() counts here
 * @returns {Promise<number>} ms
 */
async function untilItSounds(page, since) {
    await page.waitForFunction(
        (audible) => {
            // The events come from the session itself.
            const session = /** @type {any} */ (window.visavis?.events);
            return session !== undefined && session.graph.levels.answer > audible;
        },
        AUDIBLE,
        { timeout: ANSWER_MS, polling: LOOK_EVERY_MS },
    );
    return Math.round(performance.now() - since);
}

/**
 * @param {number} ms
 * @param {number} target
 * @param {string} what
 */
function assertSoon(ms, target, what) {
    console.log(`heard ${ms} ms after ${what}; ${target} are the target`);
    assert.ok(ms <= TOO_SLOW * target, `it was heard ${ms} ms after ${what}; ${target} are the target`);
}

/** @param {Page} page */
async function talks(page) {
    await page.evaluate(() => window.visavis.interrupt());
    await page.waitForFunction(() => window.visavis.state === 'listening', undefined, { timeout: ANSWER_MS });
    const after = Math.max(...(await transcript(page)).map(({ id }) => id)) + 1;
    await page.evaluate(() => window.visavis.say('What is the capital of Italy?'));
    const { answer } = await waitForTurn(page, after);
    assert.notEqual(answer.text, '');
}

/** @param {Page} page */
async function said(page) {
    return (await transcript(page)).map(({ text }) => text);
}

for (const mode of ['webrtc', 'websocket']) {
    const query = `mode=${mode}&language=en&avatar=lite`;

    test(`a page that is loaded anew in the middle of an answer goes on with its call (${mode})`, async () => {
        await withOwnServer((server) => withPage({}, async (page) => {
            const call = await begin(page, `${server.url}/call?${query}`);
            await untilMidAnswer(page);
            const reloaded = performance.now();
            await page.reload();
            const [heard] = await Promise.all([untilItSounds(page, reloaded), untilItGoesOn(page, call)]);
            assertSoon(heard, TARGET_MS.reload, `the reload (${mode})`);
            const texts = await said(page);
            assert.ok(texts.includes('What is the capital of France?') && texts.includes(STORY), texts.join(' | '));
            assert.deepEqual((await transcript(page)).filter(({ who }) => who === 'page'), []);
            await talks(page);
        }), STORE);
    });

    test(`a server that is killed in the middle of an answer and comes back goes on with the call (${mode})`, async () => {
        await withOwnServer((server) => withPage({}, async (page) => {
            const call = await begin(page, `${server.url}/call?${query}`);
            await untilMidAnswer(page);
            const before = await said(page);
            await server.kill();
            await page.waitForFunction(() => window.visavis.state === 'reconnecting', undefined, { timeout: ANSWER_MS });
            server.start();
            await server.ready();
            const back = performance.now();
            const [heard] = await Promise.all([untilItSounds(page, back), untilItGoesOn(page, call)]);
            assertSoon(heard, TARGET_MS.kill, `the server is back (${mode})`);
            const now = await said(page);
            assert.deepEqual(now.slice(0, before.length - 1), before.slice(0, -1));
            assert.deepEqual((await transcript(page)).filter(({ who }) => who === 'page'), []);
            await talks(page);
        }), STORE);
    });
}

test('a server that is stopped and started again goes on with the call', async () => {
    await withOwnServer((server) => withPage({}, async (page) => {
        const call = await begin(page, `${server.url}/call?language=en&avatar=lite`);
        await server.kill('SIGTERM');
        server.start();
        await untilItGoesOn(page, call);
        assert.deepEqual((await transcript(page)).filter(({ who }) => who === 'page'), []);
        await talks(page);
    }), STORE);
});

test('a second window takes the call over, and the first takes it back', async () => {
    await withOwnServer((server) => withPage({}, async (first) => {
        const call = await begin(first, `${server.url}/call?language=en&avatar=lite`);
        const { token } = JSON.parse((await first.evaluate(() => sessionStorage.getItem('visavis.resume'))) ?? '{}');
        const [second] = await Promise.all([
            first.context().waitForEvent('page'),
            first.evaluate(() => void window.open(location.href)),
        ]);
        await second.getByRole('button', { name: 'Continue the call' }).click({ timeout: ANSWER_MS });
        await untilItGoesOn(second, call);
        // Only then has it something to give back: the token by which it came is used.
        await second.waitForFunction(
            (token) => ![undefined, token].includes(JSON.parse(sessionStorage.getItem('visavis.resume') ?? '{}').token),
            token,
            { timeout: ANSWER_MS },
        );
        assert.ok((await said(second)).includes('What is the capital of France?'));
        await first.bringToFront();
        await first.getByRole('button', { name: 'Take it back' }).click({ timeout: ANSWER_MS });
        await untilItGoesOn(first, call);
        await second.waitForFunction(() => window.visavis.state === 'ended', undefined, { timeout: ANSWER_MS });
        await talks(first);
    }), STORE);
});

test('a token that was guessed begins a new call, and the page says so', async () => {
    await withOwnServer((server) => withPage({}, async (page) => {
        const call = await begin(page, `${server.url}/call?language=en&avatar=lite`);
        await page.addInitScript(() => {
            const left = JSON.parse(sessionStorage.getItem('visavis.resume') ?? 'null');
            if (left !== null) {
                sessionStorage.setItem('visavis.resume', JSON.stringify({ ...left, token: 'a-token-that-was-guessed' }));
            }
        });
        await page.reload();
        await page.locator('.line.page').getByText('could not be found again').waitFor({ timeout: ANSWER_MS });
        assert.notEqual(await page.evaluate(() => window.visavis.call), call);
        assert.equal(await page.evaluate(() => window.visavis.resumed), false);
    }), STORE);
});
