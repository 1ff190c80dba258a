/**
 * Pipecat's own client, `@pipecat-ai/client-js` with `@pipecat-ai/small-webrtc-transport`, against the real server: unmodified it connects,
 * speaks, types, calls functions, repairs its connection, and understands the end of a call. What the agent says is scripted.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { withPage } from '../browser/lib/browser.js';
import { RESULTS, question } from '../browser/lib/env.js';
import { withOwnServer } from '../browser/lib/own-server.js';
import { answersPing, assertNoErrors, connect, openPipecat, startAndConnect, state, told, typeAndHear, untilItAnswersPings, untilTold } from './client.js';
import { relayWebRtc } from '../browser/lib/relay.js';
import { ScriptedChat } from './scripted-chat.js';
import { padWav } from '../browser/lib/wav.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('../browser/lib/own-server.js').OwnServer} OwnServer */

/** How long no datagram passes: longer than it takes the client to notice and to offer again. */
const CUT_MS = 20000;
/** The client looks this long after a loss whether it has to call again, and some more. */
const CALLS_AGAIN_MS = 8000;

/** By a word of the question, in the order in which they are asked. Each takes some seconds to say. */
const ANSWERS = new Map([
    ['river', 'The river Seine flows through the city, under some thirty bridges.'],
    ['mountain', 'The mountain is covered by snow for most of the year.'],
    ['forest', 'The forest has many old oaks, and a few young birches.'],
]);

/**
 * @param {import('./scripted-chat.js').Request} request
 * @returns {import('./scripted-chat.js').Reply}
 */
function reply({ messages, tools = [] }) {
    const { content } = messages[messages.length - 1];
    if (content.includes('PAINTED')) { // what the tool said
        return 'The wall is now as you wished, but wait until tomorrow.';
    }
    if (content.includes('wall') && tools.some(({ function: { name } }) => name === 'paint')) {
        return { name: 'paint', arguments: { colour: 'blue' } };
    }
    // The last, for a question whose answer was interrupted at once comes with the next one.
    return [...ANSWERS].findLast(([word]) => content.includes(word))?.[1] ?? 'That is a good question, to which I know no answer.';
}

/**
 * @param {(page: Page, server: OwnServer) => Promise<void>} body
 * @param {string} [wav] - what the microphone hears
 */
async function withPipecat(body, wav) {
    const chat = new ScriptedChat(reply);
    await chat.listen();
    try {
        const run = (/** @type {OwnServer} */ server) => withPage({ wav }, async (page) => {
            await openPipecat(page, server.url);
            await body(page, server);
        });
        await withOwnServer(run, { settings: chat.settings() });
    } finally {
        chat.close();
    }
}

/**
 * @param {Page} page
 * @returns {any[]} the offers that it makes from now on
 */
function offers(page) {
    /** @type {any[]} */
    const made = [];
    page.on('request', (request) => {
        if (request.method() === 'POST' && request.url().endsWith('/api/offer')) {
            made.push(request.postDataJSON());
        }
    });
    return made;
}

test('it connects by /start and hears; its words, typed ones and function calls are answered', async () => {
    const microphone = path.join(RESULTS, 'microphone-pipecat.wav');
    padWav(question().wav, microphone, { before: 4, after: 8 });
    await withPipecat(async (page) => {
        const ready = await startAndConnect(page);
        assert.match(ready.version, /^2\./);
        assert.equal(ready.about.library, 'visavis');
        assert.equal(await state(page), 'ready');
        await untilTold(page, 'userStartedSpeaking');
        const { data } = await untilTold(page, 'userTranscript', /"final":true/);
        assert.notEqual(data.text.trim(), '');
        await untilTold(page, 'botStartedSpeaking');
        await page.evaluate(() => window.pipecat.client.enableMic(false)); // the file begins again

        await typeAndHear(page, 'What of the river?', /Seine/);
        assert.ok((await told(page, 'trackStarted')).length >= 2, "the client tells of the microphone's track and of the server's");
        assert.ok((await told(page, 'userLlmText')).some(({ text }) => text === 'What of the river?'));

        await page.evaluate(async () => {
            const { client } = window.pipecat;
            client.registerFunctionCallHandler('paint', async ({ arguments: { colour } }) => `PAINTED ${colour}`);
            const parameters = { type: 'object', properties: { colour: { type: 'string' } }, required: ['colour'] };
            await client.sendClientRequest('set-tools', { tools: [{ name: 'paint', description: 'Paints the wall.', parameters }] }, 30000);
        });
        await typeAndHear(page, 'Paint the wall.', /tomorrow/);
        assert.equal((await told(page, 'llmFunctionCallStopped')).at(-1)?.function_name, 'paint');
        await assertNoErrors(page);
    }, microphone);
});

test('it ends its call, and connects again to another one, by /api/offer', async () => {
    await withPipecat(async (page) => {
        const first = await connect(page);
        await typeAndHear(page, 'What of the river?', /Seine/);
        await page.evaluate(() => window.pipecat.client.disconnect());
        assert.equal(await state(page), 'disconnected');
        assert.equal((await told(page, 'disconnected')).length, 1);

        const second = await connect(page);
        assert.notEqual(second.call, first.call);
        await typeAndHear(page, 'What of the mountain?', /snow/);
        await page.evaluate(() => window.pipecat.client.disconnect());
        assert.equal(await state(page), 'disconnected');
        await assertNoErrors(page);
    });
});

test('it repairs its connection by itself when no datagram passed for 20 s, and the call goes on', async () => {
    await withPipecat(async (page) => {
        const weather = { jitterMs: 0, loss: 0 };
        const relay = await relayWebRtc(page, weather);
        try {
            const made = offers(page);
            const { call } = await startAndConnect(page);
            await typeAndHear(page, 'What of the river?', /Seine/);
            assert.equal(await answersPing(page), true);

            weather.loss = 1;
            const cut = performance.now();
            assert.equal(await answersPing(page), false, 'nothing passes');
            await page.waitForTimeout(Math.max(0, CUT_MS - (performance.now() - cut)));
            weather.loss = 0;
            await untilItAnswersPings(page);
            console.log(`it answers ${Math.round(performance.now() - cut - CUT_MS)} ms after the end of the cut`);
            assert.ok(made.length > 1, 'the client made another connection');
            assert.ok(made.slice(1).every(({ pc_id, restart_pc }) => pc_id === call && restart_pc), 'for the same call');
            // Typed, for the client stops the microphone when it closes the old connection (1.10.8).
            await typeAndHear(page, 'What of the mountain?', /snow/);
            await typeAndHear(page, 'What of the forest?', /birch/);
            assert.equal(await state(page), 'ready');
            assert.deepEqual(await told(page, 'botDisconnected'), []);
            await assertNoErrors(page);
        } finally {
            relay.close();
        }
    });
});

test('a call that an operator ends is over for it, without an error and without another offer', async () => {
    await withPipecat(async (page, server) => {
        const made = offers(page);
        await startAndConnect(page);
        await typeAndHear(page, 'What of the river?', /Seine/);
        const { id } = (await told(page, 'botConnected'))[0];
        const { status } = await fetch(`${server.url}/api/calls/${id}`, { method: 'DELETE' });
        assert.equal(status, 204);
        await untilTold(page, 'botDisconnected');
        await untilTold(page, 'disconnected');
        await page.waitForTimeout(CALLS_AGAIN_MS);
        assert.equal(await state(page), 'disconnected');
        assert.equal(made.length, 1);
        await assertNoErrors(page);
    });
});
