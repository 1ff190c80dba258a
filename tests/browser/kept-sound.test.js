/**
 * What the page keeps of the microphone for a connection that is lost, and how it hands it over; without a browser and without waiting.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HandOver } from '../../static/hand-over.js';
import { KeptSound } from '../../static/kept-sound.js';

const FRAME_MS = 20;
const LOUD = new Int16Array(320).fill(6000);
const SILENT = new Int16Array(320).fill(3);

/** A microphone whose frames are numbered by their time. */
class Microphone {
    now = 0;
    kept = new KeptSound();

    /**
     * @param {number} ms
     * @param {boolean} loud
     */
    hears(ms, loud) {
        for (const end = this.now + ms; this.now < end; ) {
            this.now += FRAME_MS;
            this.kept.hear(this.now, loud ? LOUD : SILENT);
        }
    }

    /** @returns {{from: number, to: number, voice: number, count: number} | null} what is handed over, in ms; null: nothing */
    handOver() {
        const frames = this.kept.handOver();
        if (frames.length === 0) {
            return null;
        }
        const voice = frames.filter(({ voice }) => voice).length * FRAME_MS;
        return { from: frames[0].at, to: frames[frames.length - 1].at, voice, count: frames.length };
    }
}

test('of somebody who was silent nothing is handed over', () => {
    const microphone = new Microphone();
    microphone.hears(8000, false);
    microphone.kept.lost(microphone.now, false);
    microphone.hears(5000, false);
    assert.equal(microphone.handOver(), null);
});

test('what is said while the connection is lost is handed over whole, without the silence around it', () => {
    const microphone = new Microphone();
    microphone.hears(3000, false);
    microphone.kept.lost(microphone.now, false);
    microphone.hears(2000, false);
    microphone.hears(1000, true);
    microphone.hears(4000, false);
    const handed = microphone.handOver();
    assert.deepEqual(handed, { from: 4720, to: 6600, voice: 1000, count: 95 });
    assert.equal(microphone.handOver(), null, 'only once');
});

test('long silence between two sentences is left out, and both stay', () => {
    const microphone = new Microphone();
    microphone.kept.lost(0, false);
    microphone.hears(1000, true);
    microphone.hears(6000, false);
    microphone.hears(1000, true);
    const handed = microphone.handOver();
    assert.equal(handed?.voice, 2000);
    assert.equal(handed?.count, (1000 + 600 + 300 + 1000) / FRAME_MS);
});

test('a sentence that is cut off in its middle is handed over from its beginning on, and the one before it is not', () => {
    const microphone = new Microphone();
    microphone.hears(1000, false);
    microphone.hears(1000, true); // heard
    microphone.hears(800, false);
    microphone.hears(600, true);
    microphone.hears(200, false); // for breath
    microphone.hears(600, true);
    microphone.kept.lost(microphone.now, false);
    microphone.hears(400, true);
    const handed = microphone.handOver();
    assert.equal(handed?.voice, 1600);
});

test('what was said and over before the last sign of life is not said again', () => {
    const microphone = new Microphone();
    microphone.hears(1000, true);
    microphone.hears(1000, false);
    microphone.kept.lost(microphone.now, false);
    microphone.hears(1000, false);
    assert.equal(microphone.handOver(), null);
});

test('what was captured since the last sign of life may not have arrived, however late the loss is noticed', () => {
    const microphone = new Microphone();
    microphone.hears(2000, false);
    const sign = microphone.now;
    microphone.hears(500, false);
    microphone.hears(800, true);
    microphone.hears(4700, false);
    microphone.kept.lost(sign, false);
    microphone.hears(1000, false);
    assert.equal(microphone.handOver()?.voice, 800);
});

test('what the microphone heard while the agent spoke, before the loss, may be the agent and is left out', () => {
    const microphone = new Microphone();
    microphone.hears(1000, false);
    microphone.hears(2000, true);
    microphone.kept.lost(microphone.now, true);
    microphone.hears(1000, false);
    const handed = microphone.handOver();
    assert.ok(handed === null || handed.voice <= 300, JSON.stringify(handed));
});

test('what was handed over to a connection that is lost before it gave a sign of life is handed over again', () => {
    for (const [signAfterMs, voice] of [[-500, 1000], [1000, undefined]]) {
        const microphone = new Microphone();
        microphone.kept.lost(0, false);
        microphone.hears(1000, true);
        microphone.hears(3000, false);
        const handedOverAt = microphone.now;
        microphone.kept.handOver().forEach((frame) => (frame.sentAt = handedOverAt));
        microphone.hears(1000, false);
        microphone.kept.lost(handedOverAt + (signAfterMs ?? 0), false);
        microphone.hears(1000, false);
        assert.equal(microphone.handOver()?.voice, voice);
    }
});

test('no more than the last twenty seconds are kept', () => {
    const microphone = new Microphone();
    microphone.kept.lost(0, false);
    for (let second = 0; second < 60; second++) {
        microphone.hears(600, true);
        microphone.hears(400, false);
    }
    assert.equal(microphone.kept.frames.length, 1000);
    assert.ok((microphone.handOver()?.from ?? 0) >= 40000);
});

test('noise that lasts is no voice', () => {
    const microphone = new Microphone();
    const noise = new Int16Array(320).fill(400); // above a voice's least level
    for (let n = 0; n < 1000; n++) {
        microphone.kept.hear(n * FRAME_MS, noise);
    }
    microphone.kept.lost(1000 * FRAME_MS, false);
    for (let n = 1000; n < 1100; n++) {
        microphone.kept.hear(n * FRAME_MS, noise);
    }
    assert.deepEqual(microphone.kept.handOver(), []);
});

/**
 * A hand-over whose connection notes what it is given.
 *
 * @returns {{handOver: HandOver, sent: number[], live: () => boolean, busy: (busy: boolean) => void}}
 */
function connection() {
    /** @type {number[]} */
    const sent = [];
    let [live, busy] = [false, false];
    const transport = {
        sendSound: (/** @type {Int16Array} */ samples) => {
            if (!busy) {
                sent.push(samples[0]);
            }
            return !busy;
        },
        goLive: async () => void (live = true),
    };
    const handOver = new HandOver(/** @type {any} */ ({ transport, input: { track: null } }));
    handOver.node = /** @type {any} */ ({});
    return { handOver, sent, live: () => live, busy: (now) => void (busy = now) };
}

/**
 * @param {HandOver} handOver
 * @param {number} count
 * @param {number} [first]
 */
function speak(handOver, count, first = 1) {
    for (let number = first; number < first + count; number++) {
        handOver.hear({ at: number * FRAME_MS, samples: new Int16Array(320).fill(2000 + number) });
    }
}

test('kept frames go out in order, four with each that is captured, and then the microphone is live', () => {
    const { handOver, sent, live } = connection();
    handOver.lost(0, false);
    speak(handOver, 30);
    assert.deepEqual(sent, []);
    handOver.goOn(true);
    speak(handOver, 1, 31);
    assert.equal(sent.length, 4);
    assert.equal(live(), false);
    speak(handOver, 9, 32);
    assert.equal(live(), true);
    assert.deepEqual(sent, Array.from({ length: 40 }, (_, n) => 2001 + n));
    speak(handOver, 5, 41);
    assert.equal(sent.length, 40, 'from now on the microphone itself is heard');
});

test('a connection that is too slow gets the rest later, and one that is lost meanwhile leaves it to the next', () => {
    const { handOver, sent, live, busy } = connection();
    handOver.lost(0, false);
    speak(handOver, 30);
    handOver.goOn(true);
    speak(handOver, 2, 31);
    busy(true);
    speak(handOver, 5, 33);
    assert.equal(sent.length, 8);
    handOver.lost(Infinity, false);
    busy(false);
    sent.length = 0;
    handOver.goOn(true);
    speak(handOver, 20, 38);
    assert.equal(live(), true);
    assert.ok(sent[0] <= 2009 && sent.includes(2037), 'nothing that was not sent is left out');
});

test('a new call in its place hears the microphone at once, and nothing of before', () => {
    const { handOver, sent, live } = connection();
    handOver.lost(0, false);
    speak(handOver, 30);
    handOver.goOn(false);
    assert.equal(live(), true);
    speak(handOver, 5, 31);
    assert.deepEqual(sent, []);
});

test('a connection that is too slow to catch up does not hold the microphone for good', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    const { handOver, live, busy } = connection();
    handOver.lost(0, false);
    speak(handOver, 30);
    busy(true);
    handOver.goOn(true);
    for (let second = 0; second < 20; second++) {
        assert.ok(!live() || second >= 15, 'there is time for what was said');
        speak(handOver, 50, 31 + 50 * second);
        t.mock.timers.tick(1000);
    }
    assert.equal(live(), true);
});

test('a microphone of which nothing is captured any more is not held', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    const { handOver, live } = connection();
    handOver.lost(0, false);
    speak(handOver, 30);
    handOver.goOn(true);
    speak(handOver, 1, 31);
    t.mock.timers.tick(2000);
    assert.equal(live(), false, 'a frame came meanwhile');
    t.mock.timers.tick(2000);
    assert.equal(live(), true);
});
