/**
 * The captions while words still change, and the language that they show; against a scripted server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { waitUntilLive } from './lib/call.js';
import { withScriptedServer } from './lib/scripted-server.js';

/**
 * @param {string} query
 * @param {(page: import('playwright-core').Page, call: import('./lib/scripted-call.js').ScriptedCall) => Promise<void>} body
 */
async function inCall(query, body) {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await page.goto(`${server.url}/call?mode=websocket${query}`);
        await page.getByRole('button', { name: 'Type instead' }).click();
        const call = await server.call();
        await waitUntilLive(page);
        await body(page, call);
        await page.evaluate(() => window.visavis.hangUp());
    }));
}

test('words that may still change look different from those that will not', async () => {
    await inCall('', async (page, call) => {
        const caption = page.locator('.line.user').last();
        const open = caption.locator('.open');
        call.hear(' What is the cap', { final: false, stable: 9 });
        await caption.getByText('What is the cap').waitFor();
        assert.equal(await open.textContent(), 'the cap');
        const styles = await caption.locator('.text').evaluate((text) => {
            const tail = text.querySelector('.open') ?? text;
            return [getComputedStyle(text).color, getComputedStyle(tail).color];
        });
        assert.notEqual(styles[0], styles[1]);

        call.hear('What is the capital 🇫🇷 of', { final: false, stable: 22 }); // characters, not UTF-16 units
        await caption.getByText('capital 🇫🇷 of').waitFor();
        assert.equal(await open.textContent(), ' of');
        call.hear('What is the capital of', { final: false });
        await page.waitForFunction(() => document.querySelector('.line.user .open')?.textContent === 'What is the capital of');
        call.hear('What is the capital of France?');
        await caption.getByText('What is the capital of France?').waitFor();
        assert.equal(await open.count(), 0);
        assert.equal(await caption.evaluate((line) => line.classList.contains('partial')), false);
    });
});

test('the language is named when it is identified, and when it changes', async () => {
    await inCall('', async (page, call) => {
        const chip = page.locator('#spoken-language');
        const named = page.locator('.line .language');
        assert.equal(await chip.isVisible(), false);
        call.hear('Hello there.', { language: 'en' });
        await chip.getByText('English').waitFor();
        call.hear('How are you?', { language: 'en' });
        await page.waitForFunction(() => document.querySelectorAll('.line.user').length === 2);
        assert.deepEqual(await named.allTextContents(), ['English', ''], 'calm while there is one language');
        call.hear('', { language: '' });
        call.hear('Et maintenant en français.', { language: 'fr' });
        await chip.getByText('Français').waitFor();
        assert.deepEqual(await named.allTextContents(), ['English', 'English', 'Français']);
        assert.equal(await page.locator('.line .text').last().getAttribute('lang'), 'fr');
        assert.deepEqual(
            await page.evaluate(() => window.visavis.transcript.map(({ languageNews }) => languageNews ?? null)),
            ['identified', null, 'switched'],
        );
    });
});

test('a language that the person chose is not announced', async () => {
    await inCall('&language=en', async (page, call) => {
        call.hear('Hello there.', { language: 'en' });
        await page.locator('.line.user').getByText('Hello there.').waitFor();
        assert.equal(await page.locator('#spoken-language').isVisible(), false);
        assert.deepEqual(await page.locator('.line .language').allTextContents(), ['']);
    });
});

test('each turn of both sides names its language once a call has two', async () => {
    await inCall('&language=en', async (page, call) => {
        const named = page.locator('.line .language');
        const marks = { transcript: 300, turn_decided: 500, first_sent: 900, done: 2000 };
        call.turn(1, { question: 'Hello.', answer: 'Hello there.', marks, spoken: { language: 'en', voice: 'joe' } });
        await page.locator('.line.agent').getByText('Hello there.').waitFor();
        assert.deepEqual(await named.allTextContents(), ['', '']);
        call.turn(2, { question: '¿Qué tal?', answer: 'Muy bien.', marks, more: { language: 'es' }, spoken: { language: 'es', voice: 'ef_dora' } });
        await page.locator('.line.agent').getByText('Muy bien.').waitFor();
        assert.deepEqual(await named.allTextContents(), ['English', 'English', 'Español', 'Español']);
        const texts = await page.locator('.line .text').evaluateAll((all) => all.map((text) => text.getAttribute('lang')));
        assert.deepEqual(texts, ['en', 'en', 'es', 'es'], 'screen readers pronounce it');
        const told = await page.evaluate(() => window.visavis.transcript.map(({ language, voice }) => [language, voice ?? null]));
        assert.deepEqual(told, [['en', null], ['en', 'joe'], ['es', null], ['es', 'ef_dora']]);
    });
});

test('notices of the server are shown as they arrive', async () => {
    await inCall('', async (page, call) => {
        call.server({ type: 'notice', code: 'not-understood', message: 'I could not make out what you said.' });
        await page.getByText('I could not make out what you said.').waitFor();
        call.server({ type: 'notice', code: 'no-voice', message: 'No voice for Français is installed.' });
        await page.getByText('No voice for Français is installed.').waitFor();
    });
});
