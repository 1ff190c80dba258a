/**
 * The face on the page: it is shown, whatever the device can draw and whatever head it is given. Needs only a browser.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { shape } from '../../static/avatar/shapes.js';
import { assertAccessible } from './lib/appearance.js';
import { SOFTWARE_GL, withPage } from './lib/browser.js';
import { waitUntilLive } from './lib/call.js';
import { RESULTS } from './lib/env.js';
import { withScriptedServer } from './lib/scripted-server.js';
import { tinyHead } from './lib/tiny-head.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./lib/scripted-server.js').ScriptedServer} ScriptedServer */

const SMALL = { viewport: { width: 400, height: 560 } }; // pixels are slow without a GPU
const HEAD_MS = 90000;
const FEW = ['jawOpen', 'mouthSmileLeft', 'eyeBlinkLeft'];

/**
 * @param {{search: string, gl?: boolean, context?: object, before?: (page: Page) => Promise<unknown>}} options
 * @param {(page: Page, server: ScriptedServer) => Promise<void>} body
 */
async function withFace({ search, gl = false, context = SMALL, before = async () => {} }, body) {
    await withScriptedServer((server) => withPage({ flags: gl ? SOFTWARE_GL : [], context }, async (page) => {
        await before(page);
        await page.goto(`${server.url}/call?${search}`);
        await page.waitForFunction(() => 'visavis' in window && window.visavis.avatar.people().length > 1);
        await body(page, server);
    }));
}

/** @param {Page} page */
async function untilHead(page) {
    await page.waitForFunction(() => window.visavis.avatar.quality().shown === 'head', undefined, { timeout: HEAD_MS, polling: 200 });
}

/**
 * A message of frames, as a server sends it over a WebSocket: see docs/avatar.md.
 *
 * @param {number} response
 * @param {number} first - frame, at 30 a second
 * @param {number} jaw - 0 to 1
 * @param {number} count
 * @returns {ArrayBuffer}
 */
function faces(response, first, jaw, count) {
    const bytes = new Uint8Array(2 + 13 + count * 56);
    bytes.set([1, 2, 1, 0, count, 30]);
    const view = new DataView(bytes.buffer);
    view.setUint32(6, response, true);
    view.setUint32(10, first * 1600, true);
    for (let i = 0; i < count; i++) {
        bytes[15 + i * 56 + shape('jawOpen')] = Math.round(jaw * 255);
    }
    return bytes.buffer;
}

/**
 * Waits until the drawn face fills its part of the picture.
 *
 * @param {Page} page
 */
async function untilDrawn(page) {
    await page.waitForFunction(() => {
        const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector('#portrait .drawn'));
        if (canvas.width === 0 || window.visavis.avatar.quality().shown !== 'lite') {
            return false;
        }
        const draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
        const { data } = draw.getImageData(0, 0, canvas.width, canvas.height);
        let filled = 0;
        for (let i = 3; i < data.length; i += 4) {
            filled += data[i] > 250 ? 1 : 0;
        }
        return filled / (data.length / 4) > 0.08;
    });
}

test('the drawn face is there at once, alive, and has all 52 shapes', async () => {
    await withFace({ search: 'avatar=lite' }, async (page) => {
        const weights = await page.evaluate(() => window.visavis.avatar.weights());
        assert.equal(Object.keys(weights).length, 52);
        await untilDrawn(page);
        await page.waitForFunction(() => window.visavis.avatar.weights().eyeBlinkLeft > 0.9, undefined, { polling: 'raf' });
        const before = await page.evaluate(() => window.visavis.avatar.head());
        await page.waitForTimeout(700);
        const after = await page.evaluate(() => window.visavis.avatar.head());
        assert.notDeepEqual(after, before);
        assert.equal(await page.locator('#portrait').getAttribute('role'), 'img');
        assert.match((await page.locator('#portrait').getAttribute('aria-label')) ?? '', /^The face of \w+$/);
    });
});

test('a head is loaded and shown, another person takes its place, and a lost context comes back', { timeout: 300000 }, async () => {
    await withFace({ search: 'avatar=lod0', gl: true }, async (page) => {
        await untilHead(page);
        await page.waitForFunction(() => document.getElementById('portrait')?.dataset.shown === 'head');
        assert.equal(await page.locator('#portrait canvas.head').count(), 1);
        await page.screenshot({ path: path.join(RESULTS, 'avatar-lod0.png') });

        await page.evaluate(() => {
            const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector('#portrait .head'));
            const gl = /** @type {WebGL2RenderingContext} */ (canvas.getContext('webgl2'));
            const taker = /** @type {WEBGL_lose_context} */ (gl.getExtension('WEBGL_lose_context'));
            Object.assign(window, { taker });
            taker.loseContext();
        });
        await page.waitForFunction(() => window.visavis.avatar.quality().shown === 'lite');
        await untilDrawn(page); // in its place
        await page.evaluate(() => /** @type {any} */ (window).taker.restoreContext());
        await untilHead(page);

        await page.evaluate(() => window.visavis.avatar.choose('male'));
        assert.match((await page.locator('#portrait').getAttribute('aria-label')) ?? '', /Theo/);
        await untilHead(page);
        assert.deepEqual(await page.evaluate(() => window.visavis.avatar.people().filter(({ chosen }) => chosen).map(({ id }) => id)), ['male']);
    });
});

test('without WebGL the face is drawn: silently, or with a reason if a head was asked for', async () => {
    await withFace({ search: '' }, async (page) => {
        await page.waitForFunction(() => window.visavis.avatar.quality().level === 'lite');
        await untilDrawn(page);
        assert.equal(await page.locator('#notice').textContent(), '');
    });
    const before = (/** @type {Page} */ page) => page.addInitScript(() => {
        const get = HTMLCanvasElement.prototype.getContext;
        // @ts-expect-error: one signature for all kinds
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind.startsWith('webgl') ? null : get.call(this, kind, ...rest);
        };
    });
    await withFace({ search: 'avatar=full', before }, async (page) => {
        await page.waitForFunction(() => document.getElementById('notice')?.textContent?.includes('no WebGL'));
        assert.equal(await page.evaluate(() => window.visavis.avatar.quality().shown), 'lite');
        await untilDrawn(page);
    });
});

test('a head that cannot be loaded leaves the drawn face and says what to do, and one that lacks shapes says so once', { timeout: 200000 }, async () => {
    /** @type {string[]} */
    const warnings = [];
    const before = async (/** @type {Page} */ page) => {
        page.on('console', (message) => message.type() === 'warning' && message.text().includes('Visavis') && warnings.push(message.text()));
        await page.route('**/avatars/female*.glb', (route) => route.fulfill({ status: 404, body: 'gone' }));
        await page.route('**/tiny.glb', (route) => route.fulfill({ body: tinyHead(FEW), contentType: 'model/gltf-binary' }));
    };
    await withFace({ search: 'avatar=lod0&person=female', gl: true, before }, async (page) => {
        const notice = page.locator('#notice');
        await page.waitForFunction(() => document.getElementById('notice')?.textContent?.includes('could not be loaded'), undefined, { timeout: HEAD_MS });
        assert.match((await notice.textContent()) ?? '', /Mira could not be loaded \(the server says 404\).*Choose another person/);
        assert.equal(await page.evaluate(() => window.visavis.avatar.quality().shown), 'lite');

        await page.evaluate(() => {
            window.visavis.avatar.add({ id: 'tiny', name: 'Tiny', file: 'tiny.glb' });
            window.visavis.avatar.choose('tiny');
        });
        await untilHead(page);
        assert.match((await notice.textContent()) ?? '', /Tiny lacks 49 of 52 shapes/);
        await page.evaluate(() => window.visavis.avatar.choose('male'));
        await untilHead(page);
        await page.evaluate(() => window.visavis.avatar.choose('tiny'));
        await untilHead(page);
        assert.equal(warnings.filter((text) => text.includes('lacks')).length, 1);
    });
});

test('the head keeps still for people who prefer less motion', async () => {
    await withFace({ search: 'avatar=lite', context: { ...SMALL, reducedMotion: 'reduce' } }, async (page) => {
        for (let i = 0; i < 5; i++) {
            const { yaw, pitch, roll } = await page.evaluate(() => window.visavis.avatar.head());
            assert.ok(Math.hypot(yaw, pitch, roll) < 0.5);
            await page.waitForTimeout(250);
        }
    });
});

test('expressions can be set by the page and by the server, and unknown ones are refused with a list of the known ones', async () => {
    await withFace({ search: 'avatar=lite&mode=websocket' }, async (page, server) => {
        await page.evaluate(() => window.visavis.avatar.set({ mood: 'happy' }));
        await page.waitForFunction(() => window.visavis.avatar.weights().mouthSmileLeft > 0.3);
        const refusal = await page.evaluate(() => {
            try {
                window.visavis.avatar.set({ mood: 'furious' });
                return '';
            } catch (error) {
                return String(error);
            }
        });
        assert.match(refusal, /neutral, happy, sad/);

        await page.getByRole('button', { name: 'Start call' }).click();
        const call = await server.call();
        await waitUntilLive(page);
        await call.until(() => call.told('set-expression').length > 0);
        assert.deepEqual(call.told('set-expression'), [{ mood: 'happy' }]);
        await page.evaluate(() => window.visavis.avatar.set({ gesture: 'nod' }));
        await call.until(() => call.told('set-expression').length > 1);
        call.server({ type: 'expression', mood: 'surprised' });
        await page.waitForFunction(() => window.visavis.avatar.weights().browOuterUpLeft > 0.5);
        await page.evaluate(() => window.visavis.hangUp());
        await page.waitForFunction(() => window.visavis.avatar.weights().mouthSmileLeft > 0.3);
    });
});

/**
 * Sends faces second by second, a second ahead of the sound: the jaw is half open in even seconds, less in odd ones.
 *
 * @param {import('./lib/scripted-call.js').ScriptedCall} call
 * @param {number} response
 * @returns {() => void} ends it
 */
function sendFaces(call, response) {
    const began = performance.now();
    let seconds = 0;
    const ahead = setInterval(() => {
        for (; seconds * 1000 < performance.now() - began + 1000; seconds++) {
            call.writeAudio(faces(response, seconds * 30, seconds % 2 === 0 ? 0.5 : 0.2, 30));
        }
    }, 50);
    ahead.unref(); // a test that fails does not end it
    return () => clearInterval(ahead);
}

/**
 * Suspends the page's process, as closing a laptop does.
 *
 * @param {Page} page
 * @param {number} ms
 */
async function sleep(page, ms) {
    const devtools = await /** @type {import('playwright-core').Browser} */ (page.context().browser()).newBrowserCDPSession();
    const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
    const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
    pages.forEach((id) => process.kill(id, 'SIGSTOP'));
    await new Promise((resolve) => setTimeout(resolve, ms));
    pages.forEach((id) => process.kill(id, 'SIGCONT'));
}

/**
 * The faces that were shown with sound, and those of them that did not match the sound.
 *
 * @param {[number, number | null, number, number][]} rows
 * @returns {{shown: number, wrong: number[][]}}
 */
function judged(rows) {
    // A busy machine's sound may have holes, where the face begins to blend to its idle motion: only what follows no hole is judged.
    const holes = rows.filter(([, timestamp]) => timestamp === null).map(([at]) => at);
    const shown = rows.filter(([at, timestamp]) => timestamp !== null && !holes.some((hole) => hole > at - 200 && hole < at));
    const wrong = shown.filter(([, timestamp, jaw]) => {
        const heard = Number(timestamp) / 48000;
        const wanted = Math.floor(heard) % 2 === 0 ? 0.5 : 0.2;
        return heard > 0.3 && heard % 1 < 0.96 && Math.abs(jaw - wanted) > 0.01;
    });
    return { shown: shown.length, wrong: wrong.map(([at, timestamp, jaw]) => [at - rows[0][0], Number(timestamp) / 48000, jaw]) };
}

test('a face whose tab slept while the agent spoke follows the sound when it wakes', async () => {
    await withFace({ search: 'avatar=lite&mode=websocket' }, async (page, server) => {
        await page.getByRole('button', { name: 'Start call' }).click();
        const call = await server.call();
        await waitUntilLive(page);
        const end = sendFaces(call, 2);
        const tone = call.sound(2);
        await page.waitForFunction(() => (window.visavis.avatar.clock().applied ?? 0) > 48000);
        await page.evaluate(() => window.visavis.avatar.log.start());
        await page.waitForTimeout(300);
        await sleep(page, 3000);
        await page.waitForTimeout(1500); // the backlog is played or dropped
        const before = await page.evaluate(() => window.visavis.avatar.log.stop());
        assert.ok(before.some(([at], i) => i > 0 && at - before[i - 1][0] > 2000), 'the tab did not sleep');
        await page.evaluate(() => window.visavis.avatar.log.start());
        await page.waitForTimeout(2500);
        const { shown, wrong } = judged(await page.evaluate(() => window.visavis.avatar.log.stop()));
        await tone.stop();
        end();
        assert.ok(shown > 5, `only ${shown} faces were shown while sound was heard without a hole`);
        assert.deepEqual(wrong.slice(0, 6), []);
    });
});

test('the mouth follows the server’s frames with the sound, and is closed within 100 ms of an interruption', async () => {
    await withFace({ search: 'avatar=lite&mode=websocket' }, async (page, server) => {
        await page.getByRole('button', { name: 'Start call' }).click();
        const call = await server.call();
        await waitUntilLive(page);
        await page.evaluate(() => window.visavis.avatar.log.start());
        const end = sendFaces(call, 2);
        const tone = call.sound(2);
        await page.waitForFunction(() => (window.visavis.avatar.clock().applied ?? 0) > 48000 * 2.5);
        await page.evaluate(() => {
            window.visavis.events.addEventListener('bot-interrupted', () => Object.assign(window, { cut: performance.now() }));
        });
        call.send('bot-interrupted', { response: 2, heard: 'Aah' });
        await tone.stop(200);
        end();
        const { rows, cut } = await page.evaluate(() => ({ rows: window.visavis.avatar.log.stop(), cut: Number(/** @type {any} */ (window).cut) }));
        const { shown, wrong } = judged(rows);
        assert.ok(shown > 5, `only ${shown} faces were shown while sound was heard without a hole`);
        assert.deepEqual(wrong.slice(0, 6), []);
        const open = rows.filter(([at, , jaw]) => at > cut && jaw > 0.02);
        assert.ok(open.every(([at]) => at - cut <= 100), `open for ${Math.max(...open.map(([at]) => at - cut))} ms`);
        assert.ok(rows.at(-1)?.[2] === 0 && Number(rows.at(-1)?.[0]) > cut);
    });
});

test('the picker is a group of radio buttons that works by keyboard, is remembered, and keeps the page accessible', async () => {
    await withFace({ search: 'avatar=lite' }, async (page) => {
        await assertAccessible(page, 'the face');
        await page.getByRole('button', { name: 'Settings' }).click();
        await page.getByRole('radio', { name: 'Mira' }).focus();
        await page.keyboard.press('ArrowRight');
        assert.equal(await page.getByRole('radio', { name: 'Theo' }).isChecked(), true);
        assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('value')), 'male', 'the choice keeps the focus');
        await page.locator('.thumbnail').first().evaluate((picture) => /** @type {HTMLImageElement} */ (picture).decode());
        await assertAccessible(page, 'settings with the picker');
        await page.getByRole('checkbox', { name: 'Less motion' }).check();
        await page.reload();
        await page.waitForFunction(() => 'visavis' in window && window.visavis.avatar.people().length > 1);
        assert.match((await page.locator('#portrait').getAttribute('aria-label')) ?? '', /Theo/);
        assert.ok(await page.evaluate(() => JSON.parse(localStorage.getItem('visavis.settings') ?? '{}').calm));
    });
});

test('without a face the orb is there as before, and the server is not asked for frames', async () => {
    await withFace({ search: 'avatar=off&mode=websocket' }, async (page, server) => {
        const asked = new Promise((resolve) => server.sockets.once('connection', (_, request) => resolve(request.url)));
        assert.ok(await page.locator('#orb').isVisible());
        assert.ok(!(await page.locator('#portrait').isVisible()));
        await page.getByRole('button', { name: 'Start call' }).click();
        await waitUntilLive(page);
        assert.doesNotMatch(String(await asked), /avatar=1/);
    });
});
