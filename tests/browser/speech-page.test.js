/**
 * The page /speech: a text is heard with its words and comes from the cache the second time; a recording becomes words that lead to their
 * moments; and what goes wrong is explained. And static/tts.js, as other pages have it.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { DEVICES, assertAccessible, assertNoSidewaysScroll, settle } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { RESULTS, question, serverUrl } from './lib/env.js';
import { withScriptedServer } from './lib/scripted-server.js';
import { toneFile } from './lib/tones.js';

/** @typedef {import('playwright-core').Page} Page */

/** A cold voice, or a long queue, on a small machine. */
const PATIENCE = { timeout: 90000 };

const THINGS = ['apples', 'baskets', 'candles', 'dishes', 'engines', 'feathers', 'gloves', 'hammers', 'jackets', 'kettles', 'ladders', 'mirrors', 'needles', 'onions', 'pencils', 'ropes'];

/** @returns {string} a text that no server has spoken */
function fresh() {
    const [a, b, c, d, e] = Array.from({ length: 5 }, () => THINGS[Math.floor(Math.random() * THINGS.length)]);
    return `The train with ${a}, ${b}, ${c}, ${d} and ${e} leaves at noon.`;
}

/**
 * @param {Page} page
 * @param {string} text
 * @param {string} [format]
 */
async function hear(page, text, format = 'mp3') {
    await page.getByRole('textbox', { name: 'Text' }).fill(text);
    await page.getByRole('combobox', { name: 'Format' }).selectOption(format);
    await page.getByRole('button', { name: 'Hear it' }).click();
    await page.getByRole('link', { name: `Download speech.${format}` }).waitFor(PATIENCE);
}

/** @param {Page} page */
async function lastRun(page) {
    return String(await page.locator('#runs li').first().textContent());
}

/**
 * Notes every word that is lit from now on.
 *
 * @param {Page} page
 * @param {string} place - id of the list
 */
async function watchWords(page, place) {
    await page.evaluate((id) => {
        /** @type {Set<string>} */
        const lit = new Set();
        Object.assign(window, { lit });
        new MutationObserver(() => {
            const word = document.querySelector(`#${id} [aria-current="true"]`)?.textContent;
            if (word) {
                lit.add(word);
            }
        }).observe(/** @type {Element} */ (document.getElementById(id)), { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-current'] });
    }, place);
}

/** @param {Page} page */
function litWords(page) {
    return page.evaluate(() => [.../** @type {Set<string>} */ (Reflect.get(window, 'lit'))]);
}

/**
 * @param {Page} page
 * @param {string} id - of a player
 */
async function untilEnded(page, id) {
    await page.waitForFunction((of) => /** @type {HTMLAudioElement} */ (document.getElementById(of)).ended, id, PATIENCE);
}

/**
 * @param {Page} page
 * @param {string} id - of a player
 * @returns {Promise<number>} seconds
 */
function momentOf(page, id) {
    return page.evaluate((of) => /** @type {HTMLAudioElement} */ (document.getElementById(of)).currentTime, id);
}

/**
 * @param {Page} page
 * @param {import('playwright-core').Locator} button
 */
async function saved(page, button) {
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    return { name: download.suggestedFilename(), bytes: fs.readFileSync(await download.path()) };
}

/**
 * Drops a file on the page.
 *
 * @param {Page} page
 * @param {string} file
 */
async function drop(page, file) {
    const content = fs.readFileSync(file).toString('base64');
    await page.evaluate(({ name, base64 }) => {
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type: 'audio/wav' }));
        document.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }, { name: path.basename(file), base64: content });
}

/** Speech as the server sends it, of a second of tone with two words. */
function scriptedSpeech() {
    const events = [
        { type: 'speech.words', measured: true, words: [{ word: 'Hello', start: 0, end: 0.4 }, { word: 'there', start: 0.5, end: 0.9 }] },
        { type: 'speech.audio.delta', audio: Buffer.from(toneFile(1)).toString('base64') },
        { type: 'speech.audio.done', usage: {} },
    ];
    return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
}

const SPOKEN = { 'Content-Type': 'text/event-stream', 'X-TTS-Cache': 'hit', 'X-TTS-Source': 'memory', 'X-TTS-Latency': '2', 'X-TTS-Engine': 'piper' };

/** A transcript as the server sends it. */
function scriptedTranscript() {
    const words = [{ word: 'Hello', start: 0.1, end: 0.4 }, { word: 'there.', start: 0.5, end: 0.9 }];
    const lines = [{ segment: { id: 0, start: 0.1, end: 0.9, text: 'Hello there.', language: 'en', words } }, { end: { language: 'en', duration: 1, times: 'estimated' } }];
    return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/**
 * The page on a scripted server, whose routes the test fulfils.
 *
 * @param {(page: Page) => Promise<void>} body
 * @param {import('playwright-core').BrowserContextOptions} [context]
 */
async function withScriptedPage(body, context = {}) {
    await withScriptedServer(async (server) => {
        server.voices = [{ name: 'joe', language: 'en', locale: 'en_US' }, { name: 'eva', language: 'de', locale: 'de_DE' }];
        await withPage({ context }, async (page) => {
            await page.route('**/v1/audio/speech', (route) => route.fulfill({ headers: SPOKEN, body: scriptedSpeech() }));
            await page.route('**/transcribe', (route) => route.fulfill({ contentType: 'application/x-ndjson', body: scriptedTranscript() }));
            await page.goto(`${server.url}/speech`);
            await page.getByRole('combobox', { name: 'Voice' }).locator('option', { hasText: 'joe' }).waitFor({ state: 'attached' });
            await body(page);
        });
    });
}

test('a text is heard while its words light up, and comes from the cache the second time', async () => {
    await withPage({}, async (page) => {
        await page.goto(`${serverUrl()}/speech`);
        await watchWords(page, 'speech-words');
        const text = fresh();
        await hear(page, text);
        assert.match(await lastRun(page), /^Cache miss, spoken now: first sound after \d+ ms at the server, \d+ ms here\./);
        await untilEnded(page, 'speech');
        const words = await page.locator('#speech-words .word').allTextContents();
        assert.ok(words.includes('train'), words.join(' '));
        assert.match(String(await page.locator('#speech-words').textContent()), /leaves at noon/);
        const lit = await litWords(page);
        assert.ok(lit.length >= 3, `lit: ${lit.join(' ')}`);

        await page.getByRole('button', { name: 'Hear it' }).click();
        await page.locator('#runs li').nth(1).waitFor(PATIENCE);
        assert.match(await lastRun(page), /^Cache hit, from (memory|the disk): first sound after \d+ ms at the server/);
        await page.getByRole('status').filter({ hasText: 'Cache hit' }).waitFor(PATIENCE);
        const link = page.getByRole('link', { name: 'Download speech.mp3' });
        await link.waitFor(PATIENCE);
        const { name, bytes } = await saved(page, link);
        assert.ok(name === 'speech.mp3' && bytes.length > 2000, `${name}: ${bytes.length} bytes`);

        await page.evaluate(() => /** @type {HTMLAudioElement} */ (document.getElementById('speech')).pause());
        const noon = page.locator('#speech-words .word', { hasText: 'noon' });
        await noon.click();
        assert.equal(await noon.getAttribute('aria-current'), 'true');
        assert.ok(await momentOf(page, 'speech') > 0.5);
    });
});

test('every format that a browser plays only as a whole is heard as well', async () => {
    await withPage({}, async (page) => {
        await page.goto(`${serverUrl()}/speech`);
        const text = fresh();
        for (const format of ['wav', 'pcm', 'flac', 'opus']) {
            await hear(page, text, format);
            await page.waitForFunction(() => /** @type {HTMLAudioElement} */ (document.getElementById('speech')).currentTime > 0.2, undefined, PATIENCE);
        }
    });
});

test('a recording that is dropped becomes words that light up, lead to their moments, and are saved', async () => {
    await withPage({}, async (page) => {
        await page.goto(`${serverUrl()}/speech`);
        await drop(page, question().wav);
        await page.getByRole('status').filter({ hasText: /\d+ words in 0:0\d/ }).waitFor(PATIENCE);
        const transcript = page.getByRole('group', { name: 'Transcript', exact: true });
        assert.match(String(await transcript.textContent()), /France/i);
        await page.getByRole('img', { name: /^Waveform of 0:0\d: sound from 0:0\d to 0:0\d/ }).waitFor(PATIENCE);

        const france = transcript.getByRole('button', { name: /France/i });
        await france.click();
        assert.equal(await france.getAttribute('aria-current'), 'true');
        const there = await momentOf(page, 'sound');
        assert.ok(there > 0.3, `${there} s`);
        await page.keyboard.press('Home');
        await page.keyboard.press('Enter');
        assert.ok(await momentOf(page, 'sound') < there);
        assert.equal(await transcript.locator('[tabindex="0"]').count(), 1, 'the Tab key passes the words at once');

        await watchWords(page, 'heard-words');
        await page.evaluate(() => /** @type {HTMLAudioElement} */ (document.getElementById('sound')).play());
        await untilEnded(page, 'sound');
        const lit = await litWords(page);
        assert.ok(lit.length >= 2, `lit: ${lit.join(' ')}`);

        const srt = await saved(page, page.getByRole('button', { name: 'Subtitles (.srt)' }));
        assert.match(srt.name, /\.srt$/);
        assert.match(srt.bytes.toString(), /^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n.*France/is);
        const vtt = await saved(page, page.getByRole('button', { name: 'Subtitles (.vtt)' }));
        assert.match(vtt.bytes.toString(), /^WEBVTT\n\n00:00:/);
        const txt = await saved(page, page.getByRole('button', { name: 'Text (.txt)' }));
        assert.match(txt.bytes.toString(), /France/i);
    });
});

test('what is no sound, and what is empty, is explained', async () => {
    await withPage({}, async (page) => {
        await page.goto(`${serverUrl()}/speech`);
        const picture = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(4000)]);
        await page.getByLabel('Choose a file').setInputFiles({ name: 'picture.wav', mimeType: 'audio/wav', buffer: picture });
        await page.getByRole('alert').getByText('The recording cannot be used').waitFor(PATIENCE);
        await page.getByLabel('Choose a file').setInputFiles({ name: 'empty.wav', mimeType: 'audio/wav', buffer: Buffer.alloc(0) });
        await page.getByRole('alert').getByText('The file is empty').waitFor();
        await page.getByRole('textbox', { name: 'Text' }).fill('  ');
        await page.getByRole('button', { name: 'Hear it' }).click();
        await page.getByRole('alert').getByText('There is no text').waitFor();
        const text = page.getByRole('textbox', { name: 'Text' });
        assert.equal(await text.getAttribute('aria-invalid'), 'true');
        assert.equal(await text.evaluate((field) => field === document.activeElement), true);
        await text.fill('<speak>Hello <audio/></speak>');
        await page.getByRole('button', { name: 'Hear it' }).click();
        await page.getByRole('alert').getByText('audio', { exact: false }).waitFor(PATIENCE);
    });
});

test('a server that is away, busy, or breaks off is told from one that refuses', async () => {
    await withScriptedPage(async (page) => {
        const press = () => page.getByRole('button', { name: 'Hear it' }).click();
        const alert = page.getByRole('alert');
        await page.route('**/v1/audio/speech', (route) => route.abort('connectionrefused'));
        await press();
        await alert.getByText('The server cannot be reached').waitFor();
        const busy = { error: { message: 'The voice loads.', type: 'server_error', param: null, code: null } };
        await page.route('**/v1/audio/speech', (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '7' }, json: busy }));
        await press();
        await alert.getByText('The voice loads. It asks to wait for 7 s.').waitFor();
        const part = scriptedSpeech().split('data: {"type":"speech.audio.done"')[0];
        await page.route('**/v1/audio/speech', (route) => route.fulfill({ headers: SPOKEN, body: part }));
        await press();
        await alert.getByText('The connection was lost').waitFor();
        assert.equal(await page.getByRole('link', { name: 'Download' }).count(), 0, 'a part is no file');
        const wrong = { error: { message: 'voice: there is no voice "joe"', type: 'invalid_request_error', param: 'voice', code: 'voice_not_found' } };
        await page.route('**/v1/audio/speech', (route) => route.fulfill({ status: 400, json: wrong }));
        await press();
        await alert.getByText('there is no voice "joe"').waitFor();
        assert.equal(await page.getByRole('combobox', { name: 'Voice' }).getAttribute('aria-invalid'), 'true');
    });
});

test('a recording that fails in the middle keeps what was heard, and one that takes long can be cancelled', async () => {
    await withScriptedPage(async (page) => {
        const file = { name: 'tone.wav', mimeType: 'audio/wav', buffer: Buffer.from(toneFile(1)) };
        const [segment] = scriptedTranscript().split('\n');
        const failure = JSON.stringify({ error: { status: 502, title: 'Bad Gateway', detail: 'Recognition failed on this recording.' } });
        await page.route('**/transcribe', (route) => route.fulfill({ contentType: 'application/x-ndjson', body: `${segment}\n${failure}\n` }));
        await page.getByLabel('Choose a file').setInputFiles(file);
        await page.getByRole('alert').getByText('Recognition failed on this recording.').waitFor();
        assert.equal(await page.getByRole('group', { name: 'Transcript', exact: true }).textContent(), 'Hello there.');
        await page.route('**/transcribe', () => {}); // is never answered
        await page.getByLabel('Choose a file').setInputFiles(file);
        await page.getByRole('button', { name: 'Cancel' }).click();
        await page.getByRole('status').filter({ hasText: 'Cancelled.' }).waitFor();
        assert.equal(await page.getByRole('button', { name: 'Cancel' }).isVisible(), false);
        assert.equal(await page.getByRole('progressbar').count(), 0);
        assert.equal(await page.getByRole('alert').count(), 0, 'to cancel is no fault');
    });
});

test('voices stand by their languages, and the choice is what the server is asked for', async () => {
    await withScriptedPage(async (page) => {
        const groups = await page.locator('#voice optgroup').evaluateAll((all) => all.map((group) => group.getAttribute('label')));
        assert.deepEqual(groups, ['Deutsch · German', 'English']);
        await page.getByRole('combobox', { name: 'Voice' }).selectOption('eva');
        await page.getByRole('slider', { name: 'Speed' }).fill('1.5');
        const asked = page.waitForRequest('**/v1/audio/speech');
        await hear(page, 'Hello there', 'wav');
        const { voice, speed, response_format: format, timestamps } = (await asked).postDataJSON();
        assert.deepEqual([voice, speed, format, timestamps], ['eva', 1.5, 'wav', ['word']]);
    });
});

for (const [device, traits] of Object.entries(DEVICES)) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
        test(`the speech page is accessible, works by keyboard and fits a ${device} in ${colorScheme} colours`, async () => {
            await withScriptedPage(async (page) => {
                const name = `speech-${device}-${colorScheme}`;
                const look = async () => {
                    await settle(page);
                    await assertNoSidewaysScroll(page, name);
                    await assertAccessible(page, name);
                };
                await look();
                await page.getByRole('combobox', { name: 'Format' }).selectOption('wav');
                await page.getByRole('textbox', { name: 'Text' }).fill('Hello there');
                await page.keyboard.press('Control+Enter');
                await page.getByRole('link', { name: 'Download speech.wav' }).waitFor();
                await untilEnded(page, 'speech');
                const first = page.locator('#speech-words .word').first();
                await first.focus();
                await page.keyboard.press('ArrowRight');
                await page.keyboard.press('Enter');
                assert.equal(await page.locator('#speech-words [aria-current="true"]').textContent(), 'there');
                const file = { name: 'tone.wav', mimeType: 'audio/wav', buffer: Buffer.from(toneFile(1)) };
                await page.getByLabel('Choose a file').setInputFiles(file);
                await page.getByRole('status').filter({ hasText: '2 words in 0:01, English. Their times are estimates.' }).waitFor();
                await page.getByRole('img', { name: /^Waveform of 0:0[01]/ }).waitFor();
                await page.locator('#heard-words .word').last().click();
                await look();
                await page.screenshot({ path: path.join(RESULTS, `${name}.png`), fullPage: true });
                await page.getByRole('textbox', { name: 'Text' }).fill('');
                await page.getByRole('button', { name: 'Hear it' }).click();
                await page.getByRole('alert').waitFor();
                await look();
            }, { ...traits, colorScheme });
        });
    }
}

test('the call page leads here', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await page.goto(`${server.url}/call`);
        await page.getByRole('button', { name: 'Settings' }).click();
        const link = page.getByRole('link', { name: 'Hear a text or read a recording' });
        const [opened] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
        await opened.getByRole('button', { name: 'Hear it' }).waitFor();
        assert.equal(new URL(opened.url()).pathname, '/speech');
    }));
});

/**
 * @param {Page} page
 * @param {string} text
 * @returns {Promise<any>} what became of it
 */
function byScript(page, text) {
    return page.evaluate((said) => Reflect.get(window, 'visavisTts').speak(said), text);
}

test('tts.js speaks with the server in a browser, and from its cache the second time', async () => {
    await withPage({}, async (page) => {
        await page.goto(`${serverUrl()}/speech`);
        await page.addScriptTag({ url: `${serverUrl()}/static/tts.js` });
        const text = fresh();
        const first = await byScript(page, text);
        assert.deepEqual([first.by, first.kept, first.source], ['server', false, 'engine']);
        const second = await byScript(page, text);
        assert.deepEqual([second.by, second.kept], ['server', true]);
        const voices = await page.evaluate(() => Reflect.get(window, 'visavisTts').voices());
        assert.ok(voices.length > 0);
    });
});

test('tts.js uses the browser’s own voice where the server says so, and a stop ends it', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const busy = { error: 'tts_unavailable', message: 'busy', fallback: true };
        await page.route('**/speak', (route) => route.fulfill({ status: 503, headers: { 'X-TTS-Fallback': 'required' }, json: busy }));
        await page.addInitScript(() => {
            // A browser without a display may have no voice of its own.
            speechSynthesis.speak = (words) => void setTimeout(() => words.dispatchEvent(new Event('end')), 10);
        });
        await page.goto(`${server.url}/speech`);
        await page.addScriptTag({ url: `${server.url}/static/tts.js` });
        assert.equal((await byScript(page, 'Hello there.')).by, 'browser');
        await page.route('**/speak', (route) => route.fulfill({ contentType: 'audio/wav', body: Buffer.from(toneFile(30)) }));
        const ended = await page.evaluate(async () => {
            const tts = Reflect.get(window, 'visavisTts');
            const spoken = tts.speak('A long text.').then(() => 'heard', (/** @type {Error} */ error) => error.name);
            await new Promise((resolve) => setTimeout(resolve, 300));
            tts.stop();
            return spoken;
        });
        assert.equal(ended, 'AbortError');
    }));
});
