/**
 * The frames of the face, without a browser: read, put in order, and interpolated.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FaceTrack, SHAPES } from '../../static/avatar/frames.js';

const MS = 48;
const SPACING = 1600; // 30 frames per second
const JAW_OPEN = 17;
const TONGUE_OUT = 51;

/**
 * A message whose frames each carry one weight, 0 to 255, on the jaw.
 *
 * @param {number} timestamp
 * @param {number[]} jaws
 * @param {{epoch?: number, response?: number, fps?: number, last?: boolean}} [more]
 */
function message(timestamp, jaws, { epoch = 0, response = 1, fps = 30, last = false } = {}) {
    const bytes = new Uint8Array(13 + 56 * jaws.length);
    const view = new DataView(bytes.buffer);
    bytes.set([1, last ? 1 : 0, jaws.length, fps]);
    view.setUint32(4, response, true);
    view.setUint32(8, timestamp >>> 0, true);
    bytes[12] = epoch;
    jaws.forEach((jaw, i) => (bytes[13 + 56 * i + JAW_OPEN] = jaw));
    return bytes;
}

/**
 * @param {FaceTrack} track
 * @param {number} timestamp
 * @returns {number | null} 0 to 255
 */
function jaw(track, timestamp) {
    const face = track.at(timestamp);
    return face === null ? null : Math.round(face.weights[JAW_OPEN] * 255);
}

/**
 * @param {number} seed
 * @returns {() => number} 0 to 1
 */
function random(seed) {
    let state = seed >>> 0;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
    };
}

test('the test vector of docs/avatar.md is read', () => {
    const track = new FaceTrack();
    const zeros = (/** @type {number} */ count) => '00'.repeat(count);
    const hex = `0100011e070000001000000003${zeros(17)}66${zeros(33)}ff0afb0033`;
    track.push(new Uint8Array(Buffer.from(hex, 'hex')).buffer);
    const face = track.at(16);
    assert.ok(face);
    assert.equal(face.response, 7);
    assert.ok(Math.abs(face.weights[JAW_OPEN] - 0.4) < 1e-6 && face.weights[TONGUE_OUT] === 1);
    assert.deepEqual([face.yaw, face.pitch, face.roll], [5, -2.5, 0]);
    assert.ok(Math.abs(face.level - 0.2) < 1e-6);
    assert.equal(face.weights.reduce((sum, weight) => sum + weight), face.weights[JAW_OPEN] + 1);
});

test('malformed messages are ignored, and counted', () => {
    const track = new FaceTrack();
    const good = message(0, [9]);
    const broken = [[1], good.subarray(0, 68), [...good, 0], [2, ...good.subarray(1)], [1, 0, 0, 30], [1, 0, 65, 30], [1, 0, 1, 0, ...good.subarray(4)]];
    broken.forEach((bytes) => track.push(new Uint8Array(bytes)));
    assert.deepEqual([track.stats.malformed, track.stats.received], [broken.length, 0]);
    assert.equal(track.at(0), null);
});

test('the face lies between its neighbours, whatever message each arrived in, also around the wrap', () => {
    const start = 0xffffffff - 1000;
    const halves = [message(start, [0, 40, 80], { fps: 15 }), message(start + SPACING, [20, 60, 100], { fps: 15 })];
    for (const order of [halves, [...halves].reverse()]) {
        const track = new FaceTrack();
        order.forEach((half) => track.push(half));
        order.forEach((half) => track.push(half)); // twice
        const seen = [0, 0.5, 1, 1.5, 2, 3, 4.5, 5].map((at) => jaw(track, start + at * SPACING));
        assert.deepEqual(seen, [0, 10, 20, 30, 40, 60, 90, 100]);
    }
});

test('one lost half is bridged, and 200 ms without frames end the face', () => {
    const track = new FaceTrack();
    track.push(message(0, [0, 40, 80], { fps: 15 }));
    assert.equal(jaw(track, SPACING), 20);
    assert.equal(jaw(track, 4 * SPACING + 199 * MS), 80);
    assert.equal(jaw(track, 4 * SPACING + 201 * MS), null);
    assert.equal(track.still, false);
    track.push(message(4 * SPACING + 300 * MS, [100]));
    assert.equal(jaw(track, 4 * SPACING + 250 * MS), null);
    assert.equal(jaw(track, 4 * SPACING + 300 * MS), 100);
});

test('after the last frame the face is still until the next one', () => {
    const track = new FaceTrack();
    track.push(message(0, [50, 0], { last: true }));
    assert.equal(jaw(track, SPACING), 0);
    assert.equal(jaw(track, SPACING + 1), null);
    assert.equal(track.still, true);
    track.push(message(SPACING + 100 * MS, [30], { epoch: 1, response: 2 }));
    assert.equal(jaw(track, SPACING + 100 * MS), 30);
    assert.equal(track.still, false);
});

test('a later epoch voids earlier frames for its time, whichever arrive first', () => {
    const old = [message(0, [200, 200, 200, 200, 200, 200], { epoch: 255 }), message(6 * SPACING, [200, 200], { epoch: 255 })];
    const anew = [message(3 * SPACING, [10, 0], { epoch: 0, last: true })];
    const all = [...old, ...anew];
    for (const order of [[0, 1, 2], [2, 1, 0], [0, 2, 1], [2, 0, 1]]) {
        const track = new FaceTrack();
        order.forEach((i) => track.push(all[i]));
        const seen = [0, 2, 3, 4, 5, 7].map((at) => jaw(track, at * SPACING));
        assert.deepEqual(seen, [200, 200, 10, 0, null, null], `order ${order}`);
    }
});

test('nothing of an interrupted response is shown, neither frames that were there nor later ones', () => {
    const track = new FaceTrack();
    track.push(message(0, [200, 200, 200]));
    assert.equal(jaw(track, 0), 200);
    track.interrupted(1);
    assert.equal(jaw(track, 0), null);
    track.push(message(3 * SPACING, [200, 200]));
    assert.equal(jaw(track, 3 * SPACING), null);
    track.push(message(5 * SPACING, [90, 90], { epoch: 1, response: 2 }));
    assert.equal(jaw(track, 5 * SPACING), 90);
    track.push(message(9 * SPACING, [70, 70], { epoch: 2, response: 0 }));
    assert.equal(jaw(track, 9 * SPACING), 70);
});

test('a call that lasts for days, or is silent for hours, keeps a bounded memory and goes on', () => {
    const track = new FaceTrack();
    for (let hour = 0; hour < 60; hour++) {
        const start = (hour * 3600 * 48000) >>> 0;
        for (let i = 0; i < 100; i++) {
            track.push(message(start + i * 10 * SPACING, new Array(10).fill(hour), { epoch: hour, response: hour + 1 }));
            assert.equal(jaw(track, start + i * 10 * SPACING), hour);
        }
    }
    assert.ok(track.slots.length + track.spare.length <= 700, `${track.slots.length} and ${track.spare.length}`);
    for (let i = 0; i < 300; i++) {
        track.push(message(i * 64 * SPACING, new Array(64).fill(1), { epoch: i }));
    }
    assert.ok(track.slots.length + track.spare.length <= 800 && track.epochs.length <= 32);
});

/**
 * What a server sends that pauses and resumes at random: its messages, and the faces to be seen when none is lost.
 *
 * @param {() => number} chance
 */
function speech(chance) {
    const truth = new Map();
    const messages = [];
    let epoch = Math.floor(chance() * 256);
    let at = Math.floor(chance() * 2 ** 32);
    for (let i = 0; i < 12; i++) {
        const frames = Array.from({ length: 6 }, () => Math.floor(chance() * 256));
        const even = frames.filter((_, k) => k % 2 === 0);
        const odd = frames.filter((_, k) => k % 2 === 1);
        messages.push(message(at, even, { epoch, fps: 15 }), message(at + SPACING, odd, { epoch, fps: 15 }));
        frames.forEach((value, k) => truth.set((at + k * SPACING) >>> 0, { value, order: i }));
        const back = chance() < 0.3 ? Math.floor(chance() * 5) + 1 : 0;
        at = (at + (6 - back) * SPACING) >>> 0;
        if (back > 0) {
            epoch = (epoch + 1) & 255;
            for (let k = 0; k < back; k++) {
                truth.delete((at + k * SPACING) >>> 0);
            }
        }
    }
    return { truth, messages };
}

test('in any order, with any repetition, the same faces are seen', () => {
    for (let seed = 1; seed <= 300; seed++) {
        const chance = random(seed);
        const { truth, messages } = speech(chance);
        const order = [...messages, ...messages.filter(() => chance() < 0.2)];
        for (let i = order.length - 1; i > 0; i--) {
            const j = Math.floor(chance() * (i + 1));
            [order[i], order[j]] = [order[j], order[i]];
        }
        const track = new FaceTrack();
        order.forEach((one) => track.push(one));
        const times = [...truth.keys()].sort((a, b) => (a - b) | 0);
        const seen = times.map((time) => jaw(track, time));
        assert.deepEqual(seen, times.map((time) => truth.get(time).value), `seed ${seed}`);
    }
});

test('with losses a face is missing or lies within its neighbours, and no void frame is ever seen', () => {
    for (let seed = 1; seed <= 300; seed++) {
        const chance = random(seed);
        const track = new FaceTrack();
        const kept = new Map(); // by time, what arrived
        for (let i = 0; i < 40; i++) {
            const jaws = [1, 2, 3].map(() => Math.floor(chance() * 256));
            const start = i * 6 * SPACING;
            [0, 1].forEach((half) => {
                if (chance() > 0.3) {
                    track.push(message(start + half * SPACING, jaws, { fps: 15 }));
                    jaws.forEach((value, k) => kept.set(start + (half + 2 * k) * SPACING, value));
                }
            });
            const now = Math.max(0, start - 4 * SPACING) + Math.floor(chance() * 4 * SPACING);
            const face = track.at(now);
            const before = [...kept.keys()].filter((time) => time <= now && now - time <= 200 * MS).sort((a, b) => b - a)[0];
            const after = [...kept.keys()].filter((time) => time > now && time - before <= 200 * MS).sort((a, b) => a - b)[0];
            assert.equal(face === null, before === undefined, `seed ${seed} at ${now}`);
            if (face !== null) {
                const ends = [kept.get(before), kept.get(after ?? before)];
                const value = face.weights[JAW_OPEN] * 255;
                assert.ok(value >= Math.min(...ends) - 1e-3 && value <= Math.max(...ends) + 1e-3, `seed ${seed} at ${now}`);
            }
        }
        assert.equal(track.face.weights.length, SHAPES);
    }
});
