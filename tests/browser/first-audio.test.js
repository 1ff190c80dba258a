/**
 * The first sound of a response as the page reports it and as a recording of both sides shows it; against a scripted server.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { seen, openPage, startRecording, stopRecording, waitUntilLive } from './lib/call.js';
import { RESULTS } from './lib/env.js';
import { PEER_FLAGS, answerWebRtc } from './lib/scripted-peer.js';
import { withScriptedServer } from './lib/scripted-server.js';
import { findSound, writeWav } from './lib/wav.js';

const RATE = 16000;

/**
 * Two seconds of quiet, one of voice: an even murmur, and quiet for the rest of the test.
 *
 * @returns {string}
 */
function murmur() {
    const file = path.join(RESULTS, 'murmur.wav');
    const samples = Float32Array.from({ length: 40 * RATE }, (_, i) => {
        const time = i / RATE;
        const pitch = Math.sign(Math.sin(2 * Math.PI * 130 * time)) * Math.sin(2 * Math.PI * 700 * time);
        return time >= 4 && time < 5 ? 0.3 * pitch * (0.6 + 0.4 * Math.sin(2 * Math.PI * 4 * time)) : 0;
    });
    writeWav(file, { sampleRate: RATE, samples });
    return file;
}

/**
 * Begins a call over a WebSocket or WebRTC and a recording of it, and waits until the person has spoken.
 *
 * @param {import('./lib/scripted-server.js').ScriptedServer} server
 * @param {import('playwright-core').Page} page
 * @param {'websocket' | 'webrtc'} mode
 */
async function callAndSpeak(server, page, mode) {
    if (mode === 'webrtc') {
        await answerWebRtc(server, page);
    }
    await page.bringToFront();
    await openPage(page, `${server.url}/call?mode=${mode}`);
    await page.getByRole('button', { name: 'Start call' }).click();
    const call = await server.call();
    await waitUntilLive(page);
    await startRecording(page);
    await page.waitForFunction(() => window.visavis.levels.mic > 0.05);
    await page.waitForFunction(() => window.visavis.levels.mic < 0.005);
    return call;
}

/** @param {import('playwright-core').Page} page */
function outputLatency(page) {
    return page.evaluate(() => 1000 * /** @type {any} */ (window.visavis.events).graph.outputLatency);
}

for (const mode of /** @type {const} */ (['websocket', 'webrtc'])) {
    test(`first audio counts from the end of the voice to the first sound heard (${mode})`, async () => {
        await withScriptedServer((server) => withPage({ wav: murmur(), flags: PEER_FLAGS }, async (page) => {
            const call = await callAndSpeak(server, page, mode);
            await page.waitForTimeout(700);
            call.hear('Hm?');
            const tone = call.sound(2);
            await call.until(() => call.told('first-audio').length > 0);
            await page.waitForTimeout(300);
            await tone.stop();
            const { mic, answer } = await stopRecording(page);
            const [{ response, ms }] = call.told('first-audio');
            assert.equal(response, 2);

            const voice = findSound(mic, 0.01);
            assert.ok(voice, 'the microphone heard nothing');
            const sound = findSound(answer, 0.003, voice.last);
            assert.ok(sound, 'no response was heard');
            const shown = ((sound.first - voice.last) / answer.sampleRate) * 1000;
            const latency = await outputLatency(page);
            console.log({ mode, ms, shown: Math.round(shown), latency: Math.round(latency) });
            assert.ok(shown >= 600, `the test's own delay is ${shown} ms`);
            assert.ok(Math.abs(ms - latency - shown) <= 45, `told ${ms} ms with ${latency} of output, recorded ${shown}`);

            call.server({ type: 'turn', response: 2, marks: { turn_decided: 400, transcript: 500, first_sent: 600, done: 900 } });
            await page.waitForFunction(() => window.visavis.turns.length === 1);
            const [turn] = await page.evaluate(() => window.visavis.turns);
            assert.deepEqual([turn.heard, turn.total], [ms, ms]);
            assert.equal(turn.stages[turn.stages.length - 1].name, 'heard');

            // A noise, then words without a response, then typed ones: the next response answers nothing spoken.
            call.send('user-started-speaking', {});
            call.send('user-transcription', { text: '', final: true, language: '' });
            call.hear('Never mind.');
            await page.waitForFunction(() => window.visavis.transcript.some(({ text }) => text === 'Never mind.'));
            await page.evaluate(() => window.visavis.say('And now?'));
            call.hear('And now?');
            const second = call.sound(3);
            await page.waitForTimeout(600);
            await second.stop();
            assert.equal((await seen(page, 'first-audio')).length, 1);
            assert.equal(call.told('first-audio').length, 1);
            await page.evaluate(() => window.visavis.hangUp());
        }));
    });

    test(`a filler before the response does not count as the response being heard (${mode})`, async () => {
        await withScriptedServer((server) => withPage({ wav: murmur(), flags: PEER_FLAGS }, async (page) => {
            const call = await callAndSpeak(server, page, mode);
            const quietAt = performance.now();
            await page.waitForTimeout(600);
            call.hear('Hm?');
            const phrase = call.tone(2);
            await page.waitForTimeout(400);
            await phrase.stop();
            await page.waitForTimeout(1600);
            const written = Math.round(performance.now() - quietAt);
            const answer = call.sound(2);
            await call.until(() => call.told('first-audio').length > 0);
            await page.waitForTimeout(300);
            await answer.stop();
            const recorded = await stopRecording(page);
            const [{ ms }] = call.told('first-audio');

            const { sampleRate } = recorded.answer;
            const voice = findSound(recorded.mic, 0.01);
            const filler = findSound(recorded.answer, 0.003, voice?.last);
            assert.ok(voice && filler, 'the page heard nothing');
            const sound = findSound(recorded.answer, 0.003, filler.first + 1.4 * sampleRate);
            assert.ok(sound, 'no response was heard');
            assert.ok(sound.first - filler.first >= 1.8 * sampleRate, 'the two sounds are one');
            const shown = ((sound.first - voice.last) / sampleRate) * 1000;
            const latency = await outputLatency(page);
            assert.ok(Math.abs(ms - latency - shown) <= 45, `told ${ms} ms with ${latency} of output, recorded ${shown}`);

            const marks = { turn_decided: 300, transcript: 500, first_segment: written, first_sent: written + 10, done: written + 500 };
            call.server({ type: 'turn', response: 2, marks });
            await page.waitForFunction(() => window.visavis.turns.length === 1);
            const [{ stages }] = await page.evaluate(() => window.visavis.turns);
            assert.deepEqual(stages.map(({ label }) => label).slice(-3), ['First segment', 'Sent', 'Heard by you']);
            await page.evaluate(() => window.visavis.hangUp());
        }));
    });
}

test('the microphone is requested with echo cancellation, noise suppression and automatic gain', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await page.addInitScript(() => {
            const { mediaDevices } = navigator;
            const ask = mediaDevices.getUserMedia.bind(mediaDevices);
            mediaDevices.getUserMedia = (wanted) => {
                Object.assign(window, { asked: wanted });
                return ask(wanted);
            };
        });
        await page.goto(`${server.url}/call?mode=websocket`);
        await page.getByRole('button', { name: 'Start call' }).click();
        await waitUntilLive(page);
        const { audio } = await page.evaluate(() => /** @type {any} */ (window).asked);
        assert.deepEqual(
            [audio.echoCancellation, audio.noiseSuppression, audio.autoGainControl],
            [true, true, true],
        );
        await page.evaluate(() => window.visavis.hangUp());
    }));
});
