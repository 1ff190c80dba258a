/**
 * The clock of the face, without a browser: it is set by what is heard, runs smoothly, and is corrected by loudness.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PlayoutClock, RtpClock, SteeredClock } from '../../static/avatar/clock.js';
import { FaceTrack } from '../../static/avatar/frames.js';
import { LoudnessFit } from '../../static/avatar/loudness-fit.js';
import { PlayoutBuffer } from '../../static/playout-buffer.js';
import { drift, percentile, skews } from './lib/skew.js';

const MS = 48;
const START = 0xffffffff - 20000; // it wraps soon

/**
 * @param {number | null} a
 * @param {number} b
 * @returns {number} ms by which `a` is later
 */
function ahead(a, b) {
    assert.notEqual(a, null);
    return ((Number(a) - b) | 0) / MS;
}

test('a clock runs on between settings, around the wrap, and stops when it is no longer set', () => {
    const clock = new SteeredClock();
    assert.equal(clock.now(0), null);
    for (let at = 0; at <= 1000; at += 20) {
        clock.steer(at, (START + at * MS) >>> 0);
        assert.ok(Math.abs(ahead(clock.now(at + 10), START + (at + 10) * MS)) < 0.1);
    }
    assert.ok(Math.abs(ahead(clock.now(1199), START + 1199 * MS)) < 0.1);
    assert.equal(clock.now(1201), null);
});

for (const [jump, after100] of [[12, 9], [50, 6], [-50, 6], [300, 0.1]]) {
    test(`a jump of ${jump} ms leaves less than ${after100} ms after 100 ms, and a short one is made gradually`, () => {
        const clock = new SteeredClock();
        let first = NaN;
        for (let at = 0; at <= 600; at += 10) {
            const truth = START + (at + (at >= 500 ? jump : 0)) * MS;
            clock.steer(at, truth >>> 0);
            const error = ahead(clock.now(at + 1), truth + MS);
            first = at === 500 ? error : first;
            assert.ok(at < 600 || Math.abs(error) < after100, `${error} ms`);
        }
        assert.ok(Math.abs(jump) > 80 || Math.abs(first) > Math.abs(jump) * 0.7, `at first ${first} ms`);
    });
}

/** A page's graph whose output is 30 ms late. */
const graph = /** @type {any} */ ({ outputLatency: 0.03, heardAt: (/** @type {number} */ time) => time * 1000 + 30 });

test('over WebRTC the newest source shows what is heard, delayed by the output and its queue', () => {
    const epoch = performance.timeOrigin;
    let sources = /** @type {any[]} */ ([]);
    const clock = new RtpClock(() => /** @type {any} */ ({ getSynchronizationSources: () => sources }), graph);
    assert.equal(clock.now(0), null);
    for (let at = 0; at <= 400; at += 16) {
        const packet = Math.floor(at / 20) * 20; // the receiver passes one on every 20 ms
        sources = [{ timestamp: epoch - 9000, rtpTimestamp: 7 }, { timestamp: epoch + packet, rtpTimestamp: (START + packet * MS) >>> 0 }];
        const late = -ahead(clock.now(at), START + at * MS);
        assert.ok(late >= 50 && late <= 70, `${late} ms`);
    }
    const before = clock.now(400);
    clock.correct(15);
    sources = [{ timestamp: epoch + 420, rtpTimestamp: (START + 420 * MS) >>> 0 }];
    clock.now(420);
    const moved = ahead(clock.now(650), Number(before) + 250 * MS);
    assert.ok(moved > 5 && moved <= 15, `${moved} ms`);
    assert.equal(clock.now(800), null, 'no source for 200 ms');
});

test('an old source stays old after the tab slept, and a new one counts as new after the system clock was set', () => {
    const source = { timestamp: performance.timeOrigin + 1000, rtpTimestamp: 5 };
    const clock = new RtpClock(() => /** @type {any} */ ({ getSynchronizationSources: () => [source] }), graph);
    assert.equal(clock.now(5000), null);
    for (let at = 5010; at <= 5100; at += 10) {
        source.rtpTimestamp += 10 * MS;
        clock.now(at);
    }
    assert.notEqual(clock.now(5105), null);
});

test('over a WebSocket the playhead shows what is heard, through pauses and dropped sound', () => {
    const rate = 44100;
    const buffer = new PlayoutBuffer(rate);
    const clock = new PlayoutClock(graph);
    const second = new Float32Array(rate / 50).fill(0.5);
    for (let i = 0; i < 10; i++) {
        buffer.push(1, (START + i * 960) >>> 0, 960, second.slice());
    }
    buffer.push(1, (START + 9600 + 4800) >>> 0, 960, second.slice()); // after a pause of 100 ms
    const output = new Float32Array(441);
    for (let at = 0; at < 310; at += 10) {
        buffer.pull(output);
        clock.played(buffer.playhead === null ? null : { at: at / 1000, timestamp: buffer.playhead });
        const error = ahead(clock.now(at + 30), START + at * MS);
        assert.ok(Math.abs(error) < 0.2, `${error} ms at ${at}`);
    }
    buffer.pull(output);
    buffer.pull(output);
    assert.equal(buffer.playhead, null);
});

/**
 * Something like the loudness of speech at a moment, RMS.
 *
 * @param {number} ms
 */
function voice(ms) {
    const syllables = Math.sin(ms / 37) + Math.sin(ms / 61 + 1) + Math.sin(ms / 143 + 2);
    return Math.max(0, syllables) * 0.08;
}

for (const late of [-70, -13, 0, 34, 90]) {
    test(`a clock that is ${late} ms late is found by loudness, and the page's own measurement agrees`, () => {
        const track = new FaceTrack();
        for (let i = 0; i < 200; i++) { // 6.6 s
            const bytes = new Uint8Array(69);
            bytes.set([1, 0, 1, 30]);
            new DataView(bytes.buffer).setUint32(8, (START + i * 1600) >>> 0, true);
            bytes[68] = Math.round(voice((i * 1600) / MS) * 255);
            track.push(bytes);
        }
        const fit = new LoudnessFit((timestamp) => track.levelAt(timestamp));
        const found = [];
        const heard = /** @type {[number, number][]} */ ([]);
        const seen = /** @type {[number, number][]} */ ([]);
        for (let ms = 200; ms < 6400; ms += 20) {
            const clock = (START + (ms - late) * MS) >>> 0;
            const told = fit.heard(clock, voice(ms) * 0.7);
            found.push(...(told === null ? [] : [told]));
            heard.push([ms, voice(ms)]);
            seen.push([ms, track.levelAt(clock)]);
        }
        assert.ok(found.length === 2 && found.every((ms) => Math.abs(ms - late) < 3), `${found}`);
        const measured = skews(heard, seen);
        assert.ok(measured.length >= 2 && measured.every(({ skew }) => Math.abs(skew - late) < 3), JSON.stringify(measured));
        assert.ok(Math.abs(drift(measured)) < 2 && Math.abs(percentile(measured.map(({ skew }) => skew), 0.5) - late) < 3);
    });
}

test('silence, a tone and another voice than the face\'s do not move the clock', () => {
    for (const level of [() => 0, () => 0.2, (/** @type {number} */ ms) => voice(ms * 1.31 + 5000)]) {
        const fit = new LoudnessFit((timestamp) => voice(((timestamp - START) | 0) / MS));
        for (let ms = 0; ms < 12000; ms += 20) {
            assert.equal(fit.heard((START + ms * MS) >>> 0, level(ms)), null);
        }
    }
});
