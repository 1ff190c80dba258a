/**
 * The page's own audio arithmetic, without a browser: the resampler and the jitter buffer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PlayoutBuffer } from '../../static/playout-buffer.js';
import { Resampler } from '../../static/resampler.js';

const RATE = 48000;
const FRAME = 960; // 20 ms at RATE
const QUANTUM = 128;

/**
 * @param {number} frequency
 * @param {number} rate
 * @param {number} seconds
 */
function tone(frequency, rate, seconds) {
    return Float32Array.from({ length: rate * seconds }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate));
}

/**
 * Resamples in blocks of one render quantum, and drops the filter's start.
 *
 * @param {Float32Array} input
 * @param {number} from
 * @param {number} to
 */
function resampled(input, from, to) {
    const resampler = new Resampler(from, to);
    const output = [];
    for (let at = 0; at < input.length; at += QUANTUM) {
        output.push(...resampler.process(input.subarray(at, at + QUANTUM)));
    }
    return output.slice(100);
}

/** @param {ArrayLike<number>} samples */
function rms(samples) {
    return Math.sqrt(Array.from(samples).reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

for (const from of [8000, 22050, 44100, 48000, 96000]) {
    test(`speech at ${from} Hz keeps its length, level and pitch at 16000 Hz`, () => {
        const output = resampled(tone(440, from, 1), from, 16000);
        assert.ok(Math.abs(output.length - 15900) < 60, `${output.length} samples`);
        assert.ok(Math.abs(rms(output) - Math.SQRT1_2) < 0.01, `level ${rms(output)}`);
        const crossings = output.filter((sample, i) => i > 0 && output[i - 1] < 0 && sample >= 0).length;
        assert.ok(Math.abs(crossings / (output.length / 16000) - 440) < 3, `${crossings} crossings`);
    });
}

test('what 16000 Hz cannot carry is removed, not folded into speech', () => {
    assert.ok(rms(resampled(tone(6500, 48000, 1), 48000, 16000)) > 0.69);
    assert.ok(rms(resampled(tone(8200, 48000, 1), 48000, 16000)) < 0.001);
    assert.ok(rms(resampled(tone(15000, 48000, 1), 48000, 16000)) < 0.001);
});

/** Pulls and pushes on one clock, as the audio thread does. */
class Line {
    constructor() {
        this.buffer = new PlayoutBuffer(RATE);
        this.sent = 0;
        this.due = 0; // samples that are due, and that no quantum has pulled yet
        /** @type {number[]} */
        this.heard = [];
    }

    /**
     * @param {number} count
     * @param {number} value - every sample of the frames
     * @param {number} response
     */
    arrive(count, value = 0.5, response = 1) {
        for (let i = 0; i < count; i++) {
            this.buffer.push(response, this.sent, 960, new Float32Array(FRAME).fill(value));
            this.sent = (this.sent + 960) >>> 0;
        }
    }

    /** @param {number} ms */
    play(ms) {
        this.due += (ms * RATE) / 1000;
        for (; this.due >= QUANTUM; this.due -= QUANTUM) {
            const output = new Float32Array(QUANTUM);
            this.buffer.pull(output);
            this.heard.push(...output);
        }
    }

    /**
     * @param {number} ms
     * @param {number} value
     */
    steady(ms, value = 0.5) {
        for (let t = 0; t < ms; t += 20) {
            this.arrive(1, value);
            this.play(20);
        }
    }
}

test('a response begins after 60 ms, and nothing of it is lost', () => {
    const line = new Line();
    line.steady(1000);
    line.play(200);
    const first = line.heard.findIndex((sample) => sample !== 0);
    assert.ok(first >= 0.04 * RATE && first <= 0.08 * RATE, `began at ${first}`);
    assert.equal(line.heard.filter((sample) => sample === 0.5).length, RATE);
    assert.equal(line.buffer.stats().underruns, 0);
    assert.equal(line.buffer.stats().response, 0);
});

test('a word shorter than the buffer is heard without waiting for more', () => {
    const line = new Line();
    line.arrive(1);
    line.play(120);
    assert.equal(line.heard.filter((sample) => sample === 0.5).length, FRAME);
});

test('an interruption is silent within one tick, and late frames of the response stay silent', () => {
    const line = new Line();
    line.steady(400);
    line.buffer.flush(1);
    line.heard = [];
    line.arrive(5, 0.5, 1);
    line.play(20);
    assert.ok(rms(line.heard.slice(0.005 * RATE)) === 0);
    line.arrive(10, 0.25, 2);
    line.play(200);
    assert.ok(line.heard.some((sample) => sample === 0.25), 'the next response must be heard');
});

test('a stall makes the buffer deeper, and its backlog is dropped in the next quiet moment', () => {
    const line = new Line();
    line.steady(500);
    line.play(300); // the network stands still
    line.arrive(15); // and everything arrives at once
    assert.equal(line.buffer.stats().underruns, 1);
    assert.equal(line.buffer.stats().targetMs, 80);
    line.steady(600);
    assert.ok(line.buffer.stats().depthMs >= 280, 'speech is not cut');
    line.steady(1200, 0);
    assert.ok(line.buffer.stats().depthMs <= 140, `${line.buffer.stats().depthMs} ms are left`);
});

test('a pause in the response is kept when its frames arrive together', () => {
    const line = new Line();
    line.arrive(4);
    line.sent += 48 * 200; // 200 ms of silence that is not sent
    line.arrive(4);
    line.play(600);
    const begin = line.heard.indexOf(0.5);
    const loud = line.heard.map((sample, i) => (sample === 0.5 ? i : -1)).filter((i) => i >= 0);
    assert.equal(loud.length, 8 * FRAME);
    assert.equal(loud[loud.length - 1] + 1 - begin, 8 * FRAME + 0.2 * RATE);
});

test('the media clock may wrap in the middle of a response', () => {
    const line = new Line();
    line.sent = 0xffffffff - 2000;
    line.steady(400);
    line.play(200);
    assert.equal(line.heard.filter((sample) => sample === 0.5).length, 0.4 * RATE);
    assert.equal(line.buffer.stats().underruns, 0);
});
