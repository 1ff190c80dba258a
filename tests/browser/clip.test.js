/**
 * What the playground makes of the server's lines: sound, frames, and the files that it saves.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SHAPES, emptyFace, shape } from '../../static/avatar/shapes.js';
import { Clip } from '../../static/playground/clip.js';

/** @param {number} jaw */
function frame(jaw) {
    const weights = SHAPES.map((name) => (name === 'jawOpen' ? jaw : 0));
    return { weights, head: [10 * jaw, -5, 0], level: jaw / 2 };
}

/** @param {number[]} samples */
function pcm(samples) {
    return Buffer.from(Int16Array.from(samples).buffer).toString('base64');
}

function clip() {
    const made = new Clip();
    made.add({ rate: 8000, fps: 30, shapes: SHAPES });
    made.add({ text: 'Papa', start: 0, audio: pcm([1, -2, 300]), words: [{ text: 'Papa', start: 0, end: 0.1 }], phonemes: [{ symbol: 'p', start: 0, end: 0.05 }], frame: 0, frames: [frame(0), frame(0.4)] });
    made.add({ text: 'Mama', start: 0.1, audio: pcm([-32768, 32767]), words: [], phonemes: [], frame: 2, frames: [frame(0.8)] });
    made.add({ frame: 3, frames: [frame(0)], duration: 5 / 8000, source: 'durations' });
    return made;
}

test('between two frames the face is interpolated, and outside of them it is the nearest one', () => {
    const face = emptyFace();
    const jaw = (/** @type {number} */ seconds) => {
        clip().face(seconds, face);
        return Math.round(face.weights[shape('jawOpen')] * 1000) / 1000;
    };
    assert.deepEqual([-1, 0, 0.5 / 30, 1.5 / 30, 2 / 30, 9].map(jaw), [0, 0, 0.2, 0.6, 0.8, 0]);
    clip().face(1 / 30, face);
    assert.deepEqual([Math.round(face.yaw), face.pitch], [4, -5]);
    new Clip().face(0, face);
    assert.equal(Math.max(...face.weights, face.yaw), 0);
});

test('saved files hold every sample and every frame', () => {
    const made = clip();
    const wav = Buffer.from(made.wav());
    assert.deepEqual([wav.length, wav.toString('latin1', 0, 4), wav.readUInt32LE(24), wav.readInt16LE(44 + 6)], [54, 'RIFF', 8000, -32768]);
    const rows = made.csv().trimEnd().split('\n').map((line) => line.split(','));
    assert.deepEqual([rows.length, rows[0].length, rows[0][0], rows[2][0]], [5, 57, 'time', '0.0333']);
    assert.equal(rows[2][rows[0].indexOf('jawOpen')], '0.4');
    assert.equal(rows[3][rows[0].indexOf('headYaw')], '8');
    const saved = JSON.parse(made.json());
    assert.deepEqual([saved.frames.length, saved.frames[1].weights.length, saved.frames[1].head], [4, 52, [4, -5, 0]]);
    assert.deepEqual(saved.phonemes, [{ symbol: 'p', start: 0, end: 0.05 }]);
    assert.ok(made.whole && made.heard === 5 / 8000);
});
