/**
 * The microphone's path to the server when the page, the browser or the server interferes; against a scripted server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { openPage, seen, waitUntilLive } from './lib/call.js';
import { PEER_FLAGS, answerWebRtc } from './lib/scripted-peer.js';
import { withScriptedServer } from './lib/scripted-server.js';
import { voiceForMicrophone } from './lib/voice.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./lib/scripted-server.js').ScriptedServer} ScriptedServer */

const LOUD = 0.05;
const QUIET = 0.005;

/**
 * A call over a WebSocket, and the level of each frame that arrives from its microphone.
 *
 * @param {(page: Page, levels: number[]) => Promise<void>} body
 */
async function inCall(body) {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await voiceForMicrophone(page);
        await page.bringToFront();
        await page.goto(`${server.url}/call?mode=websocket`);
        await page.getByRole('button', { name: 'Start call' }).click();
        const call = await server.call();
        await waitUntilLive(page);
        /** @type {number[]} */
        const levels = [];
        const receive = call.receiveAudio.bind(call);
        call.receiveAudio = (frame) => {
            receive(frame);
            levels.push(call.level);
        };
        await page.waitForTimeout(500);
        await body(page, levels);
        await page.evaluate(() => window.visavis.hangUp());
    }));
}

/**
 * Waits until what has arrived of the microphone is as expected.
 *
 * @param {Page} page
 * @param {() => boolean} holds
 * @param {() => string} otherwise
 */
async function until(page, holds, otherwise) {
    const end = performance.now() + 30000;
    while (!holds()) {
        assert.ok(performance.now() < end, otherwise());
        await page.waitForTimeout(20);
    }
}

test('after the page stood still the server hears the last two seconds, and nothing older', async () => {
    await inCall(async (page, levels) => {
        await page.evaluate(() => {
            /** @type {any} */ (window).speak(0.3, 1.3);
            /** @type {any} */ (window).speak(5, 5.5);
            const end = performance.now() + 6000;
            while (performance.now() < end); // such as a dialogue of the browser, or the compilation of a shader
        });
        const voice = () => levels.filter((level) => level > LOUD).length;
        await until(page, () => voice() >= 20, () => `${voice()} frames of voice, where 25 were spoken at last`);
        await page.waitForTimeout(1000);
        const begin = levels.findIndex((level) => level > LOUD);
        const loud = voice();
        assert.ok(loud >= 20 && loud <= 30, `${loud} frames of voice, where 25 were spoken at last`);
        assert.ok(levels.slice(begin, begin + loud).every((level) => level > QUIET), 'the voice came in pieces');
    });
});

test('sound that the audio thread left out is counted, and a thread without a microphone left out nothing', async () => {
    /** @type {any[]} */
    const posted = [];
    /** @type {any} */
    let Processor = null;
    class AudioWorkletProcessor {
        port = { onmessage: null, postMessage: (/** @type {any} */ message) => posted.push(message) };
    }
    const registerProcessor = (/** @type {string} */ _name, /** @type {any} */ processor) => (Processor = processor);
    const thread = Object.assign(globalThis, { sampleRate: 48000, currentFrame: 4096, AudioWorkletProcessor, registerProcessor });
    await import('../../static/capture-worklet.js');
    const processor = new Processor();
    const run = (/** @type {number} */ quanta, /** @type {Float32Array[]} */ input = [new Float32Array(128)]) => {
        for (let quantum = 0; quantum < quanta; quantum++) {
            processor.process([input]);
            thread.currentFrame += 128;
        }
    };
    const counts = () => posted.filter((message) => !('samples' in message));
    run(40);
    run(10, []);
    run(40);
    assert.deepEqual(counts(), []);
    thread.currentFrame += 480; // 10 ms
    run(10);
    thread.currentFrame += 4800;
    run(10);
    assert.deepEqual(counts(), [{ gaps: 1, lostMs: 10 }, { gaps: 2, lostMs: 110 }]);
    assert.equal(posted.length - counts().length, Math.floor((100 * 128) / 960), 'whole frames of what came');
});

test('gaps of the microphone are reported by the call, and its sound goes on', async () => {
    await inCall(async (page, levels) => {
        const told = await page.evaluate(() => {
            /** @type {any[]} */
            const told = [];
            window.visavis.events.addEventListener('capture', (event) => told.push(/** @type {CustomEvent} */ (event).detail));
            const { port } = /** @type {any} */ (window.visavis.events).transport.capture;
            port.dispatchEvent(new MessageEvent('message', { data: { gaps: 3, lostMs: 80 } }));
            return told;
        });
        assert.deepEqual(told, [{ gaps: 3, lostMs: 80 }]);
        const before = levels.length;
        await until(page, () => levels.length > before + 10, () => `${levels.length - before} frames more`);
    });
});

test('an audio context that the system stops resumes by itself when it may', async () => {
    await inCall(async (page, levels) => {
        await page.evaluate(() => /** @type {any} */ (window.visavis.events).graph.context.suspend());
        await page.waitForTimeout(500);
        levels.length = 0;
        await page.evaluate(() => /** @type {any} */ (window).speak(0, 30)); // however late it resumes
        await until(page, () => levels.some((level) => level > LOUD), () => `of ${levels.length} frames none has a voice`);
        assert.equal(await page.locator('#unblock').isVisible(), false);
    });
});

test('a microphone that is chosen while the call connects is the one that is sent (webrtc)', async () => {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        await answerWebRtc(server, page);
        const answer = /** @type {NonNullable<ScriptedServer['answer']>} */ (server.answer);
        /** @type {(value?: unknown) => void} */
        let asked = () => {};
        const offered = new Promise((resolve) => (asked = resolve));
        /** @type {(value?: unknown) => void} */
        let goOn = () => {};
        const chosen = new Promise((resolve) => (goOn = resolve));
        server.answer = async (offer) => {
            asked();
            await chosen;
            return answer(offer);
        };
        await page.bringToFront();
        await openPage(page, `${server.url}/call?mode=webrtc`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await offered;
        await page.evaluate(() => /** @type {any} */ (window.visavis.events).input.open(''));
        goOn();
        await waitUntilLive(page);
        const sent = await page.evaluate(() => {
            const { input, transport } = /** @type {any} */ (window.visavis.events);
            const { track } = transport.audio.sender;
            return { state: track?.readyState, isChosen: track === input.track };
        });
        assert.deepEqual(sent, { state: 'live', isChosen: true });
        await page.evaluate(() => window.visavis.hangUp());
    }));
});

test('a page that could not load its audio modules at the first try loads them at the next', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await openPage(page, `${server.url}/call?mode=websocket`);
        server.die();
        await page.getByRole('button', { name: 'Start call' }).click();
        await page.getByText('The server cannot be reached').waitFor();
        await server.listen();
        await page.getByRole('button', { name: 'Try again' }).click();
        await server.call();
        await waitUntilLive(page);
        assert.deepEqual((await seen(page, 'problem')).map(({ code }) => code), ['server-unreachable']);
        await page.evaluate(() => window.visavis.hangUp());
    }));
});
