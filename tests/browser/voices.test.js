/**
 * Choosing a voice: the picker, its samples, and what a call makes of the choice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertAccessible, settle } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { ANSWER_MS, openPage, seen, transcript, waitUntilLive } from './lib/call.js';
import { serverUrl } from './lib/env.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./lib/scripted-server.js').ScriptedServer} ScriptedServer */

const VOICES = [
    { name: 'af_heart', language: 'en', locale: 'en_US', title: 'Heart', source: 'kokoro', mixes: true },
    { name: 'am_adam', language: 'en', locale: 'en_US', title: 'Adam', source: 'kokoro', mixes: true },
    { name: 'ef_dora', language: 'es', locale: 'es_ES', title: 'Dora', source: 'kokoro', mixes: true },
];
const MARKS = { transcript: 300, turn_decided: 500, first_sent: 900, done: 2000 };

/**
 * @param {(page: Page, server: ScriptedServer) => Promise<void>} body
 * @param {string} [query]
 */
async function withVoices(body, query = '') {
    await withScriptedServer((server) => withPage({}, async (page) => {
        server.voices = VOICES;
        await openPage(page, `${server.url}/call?mode=websocket${query}`);
        await body(page, server);
    }));
}

/** @param {Page} page */
async function openSettings(page) {
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.waitForFunction(() => document.querySelectorAll('#voice optgroup').length > 0, undefined, { timeout: ANSWER_MS });
}

/**
 * @param {Page} page
 * @param {ScriptedServer} server
 */
async function callByTyping(page, server) {
    await page.getByRole('button', { name: 'Type instead' }).click();
    const call = await server.call();
    await waitUntilLive(page);
    return call;
}

test('the picker groups voices by language, and is used with the keyboard alone', async () => {
    await withVoices(async (page) => {
        await openSettings(page);
        const groups = await page.locator('#voice optgroup').evaluateAll((all) => all.map((group) => [
            /** @type {HTMLOptGroupElement} */ (group).label,
            [...group.children].map((option) => option.textContent),
        ]));
        assert.deepEqual(groups, [['English', ['Heart', 'Adam']], ['Español · Spanish', ['Dora']]]);
        await settle(page);
        await assertAccessible(page, 'the settings with voices');
        const picker = page.getByLabel('Voice', { exact: true });
        await picker.focus();
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('ArrowDown');
        await page.waitForFunction(() => window.visavis.voice === 'am_adam');
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement?.id), 'hear-voice');
        await page.getByText('scripted.gguf').waitFor();
        await page.reload();
        await page.waitForFunction(() => window.visavis?.voice === 'am_adam');
        await openSettings(page);
        assert.equal(await page.locator('#voice').inputValue(), 'am_adam', 'the choice is remembered');
    });
});

test('a sample plays once at a time, and stops at the second press', async () => {
    await withVoices(async (page, server) => {
        server.sampleSeconds = 30;
        await openSettings(page);
        await page.getByRole('button', { name: 'Hear it' }).click();
        await page.getByRole('progressbar', { name: 'How much of the sample was heard' }).waitFor();
        await page.waitForFunction(() => (document.querySelector('#voice-progress')?.getAttribute('value') ?? '') !== '');
        await page.getByRole('button', { name: 'Stop' }).click();
        await page.getByRole('button', { name: 'Hear it' }).waitFor();
        assert.equal(await page.locator('#voice-progress').isVisible(), false);
        assert.deepEqual(server.sampled, ['af_heart'], 'without a choice, the one that would speak');
        server.sampleSeconds = 1;
        await page.locator('#voice').selectOption('ef_dora');
        await page.waitForFunction(() => window.visavis.voice === 'ef_dora');
        await page.evaluate(() => window.visavis.sample('ef_dora'));
        assert.deepEqual(server.sampled, ['af_heart', 'ef_dora']);
        assert.equal(await page.getByRole('button', { name: 'Hear it' }).isVisible(), true, 'it has ended by itself');
    });
});

test('a sample mutes the microphone of a call for as long as it plays, unless the person decides', async () => {
    await withVoices(async (page, server) => {
        server.sampleSeconds = 30;
        await page.getByRole('button', { name: 'Start call' }).click();
        await server.call();
        await waitUntilLive(page);
        const muted = () => page.evaluate(() => window.visavis.muted);
        const play = async () => {
            await page.getByRole('button', { name: 'Hear it' }).click();
            await page.waitForFunction(() => window.visavis.muted);
        };
        await openSettings(page);
        await play();
        await page.getByRole('button', { name: 'Stop' }).click();
        assert.equal(await muted(), false);
        await play();
        await page.evaluate(() => window.visavis.mute(false));
        const heard = await page.locator('#voice-progress').evaluate((bar) => /** @type {HTMLProgressElement} */ (bar).value);
        await page.waitForFunction((heard) => Number(document.querySelector('#voice-progress')?.getAttribute('value')) > heard, heard);
        assert.equal(await muted(), false, 'whoever unmutes is heard');
        await page.evaluate(() => window.visavis.mute(true));
        await page.getByRole('button', { name: 'Done' }).click();
        assert.equal(await muted(), true, 'whoever mutes is not heard again when the sample ends');
        await page.evaluate(() => window.visavis.hangUp());
    });
});

test('an address of a server that is none is explained', async () => {
    await withVoices(async (page) => {
        await page.getByRole('button', { name: 'Settings' }).click();
        await page.locator('#backend').fill('http://');
        await page.locator('#backend').blur();
        await page.locator('#voice-help').getByText('is not the address of a server').waitFor();
    });
});

test('a sample that cannot be had is explained', async () => {
    await withVoices(async (page, server) => {
        server.sampleFault = { status: 503, detail: 'The voice loads its model. Try again in a moment.' };
        await openSettings(page);
        await page.getByRole('button', { name: 'Hear it' }).click();
        await page.locator('#voice-help').getByText('The voice loads its model.').waitFor();
        server.sampleFault = null;
        await page.getByRole('button', { name: 'Hear it' }).click();
        await page.getByRole('button', { name: 'Stop' }).waitFor();
        assert.doesNotMatch((await page.locator('#voice-help').textContent()) ?? '', /loads its model/);
    });
});

test('a voice chosen before the call is told before its greeting', async () => {
    await withVoices(async (page, server) => {
        const call = await callByTyping(page, server);
        assert.deepEqual(call.told('set-voice'), [{ voice: 'af_heart' }]);
        assert.deepEqual(call.received.slice(0, 2).map(({ type }) => type), ['client-message', 'client-ready']);
        await page.evaluate(() => window.visavis.hangUp());
    }, '&voice=af_heart');
});

test('a voice chosen in a call is told to the server, and the one that speaks is marked', async () => {
    await withVoices(async (page, server) => {
        const call = await callByTyping(page, server);
        assert.deepEqual(call.told('set-voice'), []);
        call.turn(1, { question: 'Hello.', answer: 'Hello there.', marks: MARKS, spoken: { language: 'en', voice: 'af_heart' } });
        await openSettings(page);
        await page.locator('#used-voice').getByText('Heart').waitFor();
        await page.locator('#voice').selectOption('am_adam');
        await call.until(() => call.told('set-voice').length === 1);
        assert.deepEqual(call.told('set-voice'), [{ voice: 'am_adam' }]);
        await page.waitForFunction(() => window.visavis.voice === 'am_adam');
        call.turn(2, { question: 'And now?', answer: 'Now another one.', marks: MARKS, spoken: { language: 'en', voice: 'am_adam' } });
        await page.locator('#used-voice').getByText('Adam').waitFor();
        assert.deepEqual(await page.locator('#voice optgroup option').allTextContents(), ['Heart', 'Adam (in use)', 'Dora']);
        await page.locator('#voice').selectOption('');
        await call.until(() => call.told('set-voice').length === 2);
        assert.deepEqual(call.told('set-voice')[1], { voice: null });
        await page.evaluate(() => window.visavis.hangUp());
    });
});

test('the settings name the engine that a call would go to, and in the call the one that served it last', async () => {
    await withVoices(async (page, server) => {
        const engine = (/** @type {string} */ model, /** @type {string} */ name) => ({ ready: true, message: '', model, engine: name });
        server.readiness = {
            engines: { llm: engine('large', 'cloud'), stt: engine('scripted.bin', 'main'), tts: engine('', 'main') },
            backends: [{ kind: 'llm', name: 'cloud', model: 'large' }, { kind: 'llm', name: 'main', model: 'small.gguf' }],
        };
        const call = await callByTyping(page, server);
        await openSettings(page);
        await page.locator('#used-model').getByText('large (cloud)').waitFor();
        call.turn(1, { question: 'Hello.', answer: 'Hello there.', marks: MARKS, engines: { llm: { engine: 'main', reason: 'late' } } });
        await page.locator('#used-model').getByText('small.gguf (main)').waitFor();
        assert.equal(await page.locator('#used-recognition').textContent(), 'scripted.bin (main)');
        await page.evaluate(() => window.visavis.hangUp());
        await page.locator('#used-model').getByText('large (cloud)').waitFor();
    });
});

test('an unknown voice is refused with those that there are, in a call and before it', async () => {
    await withVoices(async (page, server) => {
        const refused = () => page.evaluate(() => window.visavis.setVoice('bob').then(() => '', (error) => error.message));
        assert.match(await refused(), /no voice "bob"; there are af_heart, am_adam, ef_dora/);
        const call = await callByTyping(page, server);
        assert.match(await refused(), /^There is no voice "bob"; there are af_heart/);
        assert.deepEqual(call.told('set-voice'), [{ voice: 'bob' }]);
        assert.equal(await page.evaluate(() => window.visavis.voice), null);
        await page.evaluate(() => window.visavis.setVoice('af_heart'));
        assert.equal(await page.evaluate(() => window.visavis.voice), 'af_heart');
        await page.evaluate(() => window.visavis.hangUp());
    });
});

test('a remembered voice that the server lacks does not keep the call from beginning', async () => {
    await withVoices(async (page, server) => {
        const call = await callByTyping(page, server);
        assert.deepEqual(call.told('set-voice'), [{ voice: 'gone' }]);
        await page.getByText('Another voice speaks: There is no voice "gone"').waitFor();
        assert.deepEqual((await seen(page, 'notice')).map(({ code }) => code), ['voice-unknown']);
        await page.evaluate(() => window.visavis.hangUp());
    }, '&voice=gone');
});

test('a sample is heard and a voice is chosen at a real server, which tells who speaks', async () => {
    await withPage({}, async (page) => {
        await openPage(page, `${serverUrl()}/call?mode=websocket&language=en`);
        const [voice] = await page.evaluate(() => window.visavis.voices());
        assert.equal(voice.language, 'en');
        await openSettings(page);
        await page.getByRole('button', { name: 'Hear it' }).click();
        await page.waitForFunction(() => document.querySelector('#voice-progress')?.hasAttribute('value'), undefined, { timeout: ANSWER_MS });
        await page.getByRole('button', { name: 'Hear it' }).waitFor({ timeout: ANSWER_MS });
        await page.getByRole('button', { name: 'Done' }).click();
        await page.getByRole('button', { name: 'Type instead' }).click();
        await waitUntilLive(page);
        await page.evaluate((name) => window.visavis.setVoice(name), voice.name);
        const refused = await page.evaluate(() => window.visavis.setVoice('nobody').then(() => '', (error) => error.message));
        assert.ok(refused.includes('nobody') && refused.includes(voice.name), refused);
        await page.evaluate(() => window.visavis.say('What is the capital of France?'));
        await page.waitForFunction((name) => window.visavis.transcript.some((entry) => entry.voice === name && entry.language === 'en'),
            voice.name, { timeout: ANSWER_MS });
        assert.ok((await transcript(page)).length > 0);
        await page.evaluate(() => window.visavis.hangUp());
    });
});
