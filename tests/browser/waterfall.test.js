/**
 * The timings panel, against a scripted server: drawn, read as a table, kept, and remembered.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { DEVICES, assertAccessible, assertNoSidewaysScroll } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { waitUntilLive } from './lib/call.js';
import { RESULTS } from './lib/env.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('playwright-core').Page} Page */

const QUICK = {
    pause: 160, transcript: 305, speculated: 310, first_token: 420, first_segment: 480, first_audio: 610, turn_decided: 640,
    first_sent: 648, interrupted: null, done: 3100,
};
const SLOW = {
    pause: 180, transcript: 520, turn_decided: 700, first_token: 1490, first_segment: 1610, first_audio: 2180,
    first_sent: 2190, interrupted: null, done: 5200, reason: 'The language model was still reading a long conversation.',
};
const CUT = { turn_decided: 210, transcript: 430, first_token: 560, first_segment: 640, first_audio: 800, first_sent: 810, interrupted: 2110, done: null };

const TURNS = [
    { question: 'What is the capital of France?', answer: 'It is Paris.', marks: QUICK },
    { question: 'Tell me everything about the history of the city, from the Romans until today.', answer: 'Gladly.', marks: SLOW },
    { question: 'And the weather?', answer: 'Mild, with some', marks: CUT },
    { question: 'Thank you!', answer: 'You are welcome.', marks: { ...QUICK, first_sent: 702, turn_decided: 695 } },
];

/**
 * @param {Page} page
 * @param {import('./lib/scripted-server.js').ScriptedServer} server
 */
async function startScriptedCall(page, server) {
    await page.goto(`${server.url}/call?mode=websocket`);
    await page.getByRole('button', { name: 'Start call' }).click();
    const call = await server.call();
    await waitUntilLive(page);
    return call;
}

/** @param {Page} page */
function cards(page) {
    return page.locator('#turns > li');
}

test('T opens the timings, newest turn on top, each stage as a row of a table', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const call = await startScriptedCall(page, server);
        const panel = page.getByRole('region', { name: 'Timings', exact: true });
        assert.equal(await panel.isVisible(), false);
        await page.locator('body').press('t');
        await panel.waitFor();
        TURNS.forEach((turn, i) => call.turn(i + 2, turn));
        await page.waitForFunction(() => window.visavis.turns.length === 4);

        const heads = await page.locator('#turns summary').allInnerTexts();
        assert.deepEqual(heads.map((head) => head.split('\n')[0]), TURNS.map(({ question }) => question).reverse());
        assert.match(heads[0], /702 ms/);
        assert.match(heads[1], /interrupted/);
        assert.match(heads[2], /slow[^]*2,190 ms/);
        await panel.getByText('Median of 4 turns: 756 ms (dots: 1,500 ms)').waitFor();

        const newest = cards(page).first().getByRole('table', { name: /Thank you!/ });
        const rows = await newest.getByRole('row').allTextContents();
        assert.ok(rows.includes('Transcript160 ms to 305 ms145 ms'), rows.join(' | '));
        assert.ok(rows.includes('First word310 ms to 420 ms110 ms'), rows.join(' | '));
        assert.ok(rows.includes('Total702 ms'), rows.join(' | '));
        assert.equal(await cards(page).nth(2).getByRole('table').isVisible(), false, 'older turns are folded');
        await cards(page).nth(2).locator('summary').press('Enter');
        await panel.getByText('still reading a long conversation').waitFor();
        await cards(page).nth(1).locator('summary').press('Space');
        await panel.getByText('Interrupted after 1.3 s.').waitFor();

        call.turn(6, TURNS[0]);
        await page.waitForFunction(() => window.visavis.turns.length === 5);
        assert.equal(await cards(page).nth(1).getByRole('table').isVisible(), false, 'the newest turn alone opens by itself');
        assert.equal(await cards(page).nth(2).getByRole('table').isVisible(), true, 'what was opened stays open');
        assert.equal(await page.evaluate(() => document.activeElement?.textContent?.includes('And the weather')), true);
    }));
});

test('a bar is as long as its stage, on the axis above it', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const call = await startScriptedCall(page, server);
        await page.getByRole('button', { name: 'Timings of the turns' }).click();
        call.turn(2, TURNS[0]);
        await cards(page).first().waitFor();
        const drawn = await page.evaluate(() => {
            const track = document.querySelector('.stages .lane')?.getBoundingClientRect() ?? new DOMRect();
            return [...document.querySelectorAll('.stages .bar')].map((bar) => {
                const { left, width } = bar.getBoundingClientRect();
                return {
                    stage: /** @type {HTMLElement} */ (bar).dataset.stage,
                    start: Math.round((800 * (left - track.left)) / track.width),
                    length: Math.round((800 * width) / track.width),
                    color: getComputedStyle(bar).backgroundColor,
                };
            });
        });
        const { stages } = (await page.evaluate(() => window.visavis.turns))[0];
        assert.equal(drawn.length, stages.length);
        stages.forEach(({ name, start, end }, i) => {
            assert.equal(drawn[i].stage, name);
            assert.ok(Math.abs(drawn[i].start - start) <= 3, `${name} begins at ${drawn[i].start}, not ${start}`);
            assert.ok(Math.abs(drawn[i].length - (end - start)) <= 8, `${name} is ${drawn[i].length} long`);
        });
        assert.ok(drawn.every(({ color }) => color !== 'rgba(0, 0, 0, 0)'), 'every stage has a colour');
    }));
});

test('ten turns are kept, a new call begins empty, and the open panel is remembered', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const call = await startScriptedCall(page, server);
        await page.getByRole('button', { name: 'Timings of the turns' }).click();
        for (let response = 2; response < 15; response++) {
            call.turn(response, { ...TURNS[0], question: `Question ${response}` });
        }
        await cards(page).getByText('Question 14', { exact: true }).waitFor();
        assert.equal(await cards(page).count(), 10);
        assert.match((await cards(page).last().innerText()), /Question 5/);
        await page.evaluate(() => window.visavis.hangUp());
        assert.equal(await cards(page).count(), 10, 'after a call its turns can still be read');
        await page.getByRole('button', { name: 'Call again' }).click();
        await page.getByText('appears here, turn by turn').waitFor();
        assert.equal(await cards(page).count(), 0);

        await page.reload();
        const panel = page.getByRole('region', { name: 'Timings', exact: true });
        await panel.waitFor();
        await page.getByRole('button', { name: 'Close timings' }).click();
        assert.equal(await panel.isVisible(), false);
        assert.equal(await page.evaluate(() => document.activeElement?.id), 'open-timings');
        await page.reload();
        await page.getByRole('button', { name: 'Start call' }).waitFor();
        assert.equal(await panel.isVisible(), false);
    }));
});

for (const [device, traits] of Object.entries(DEVICES)) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
        test(`the timings are accessible and fit a ${device} in ${colorScheme} colours`, async () => {
            await withScriptedServer((server) => withPage({ context: { ...traits, colorScheme } }, async (page) => {
                const name = `${device}-${colorScheme}-timings`;
                const call = await startScriptedCall(page, server);
                await page.getByRole('button', { name: 'Timings of the turns' }).click();
                await page.screenshot({ path: path.join(RESULTS, `${name}-empty.png`) });
                TURNS.forEach((turn, i) => call.turn(i + 2, { ...turn, more: { language: i === 3 ? 'fr' : 'en' } }));
                call.hear('How about a', { final: false, stable: 4 });
                await page.waitForFunction(() => window.visavis.turns.length === 4);
                await page.screenshot({ path: path.join(RESULTS, `${name}-folded.png`), fullPage: true });
                await cards(page).nth(2).locator('summary').click();
                await page.waitForTimeout(400);
                await assertNoSidewaysScroll(page, name);
                await assertAccessible(page, name);
                await page.screenshot({ path: path.join(RESULTS, `${name}.png`), fullPage: true });
            }));
        });
    }
}
