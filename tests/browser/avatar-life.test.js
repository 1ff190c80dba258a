/**
 * The face's idle motion, its blend to the server's frames and back, and how much of it a device has to draw.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { Blend } from '../../static/avatar/blend.js';
import { LENS, frame } from '../../static/avatar/framing.js';
import { Life } from '../../static/avatar/life.js';
import { lipGap, mouthShape } from '../../static/avatar/lite-mouth.js';
import { readPerson } from '../../static/avatar/people.js';
import { Quality, STEPS } from '../../static/avatar/quality.js';
import { INDEX, SHAPES, emptyFace, shape } from '../../static/avatar/shapes.js';

const AVATARS = new URL('../../static/avatars/', import.meta.url);
/** @type {import('../../static/avatar/life.js').Tables} */
const tables = JSON.parse(fs.readFileSync(new URL('expressions.json', AVATARS), 'utf8'));
const FRAME = 1000 / 60;
const BLINK = shape('eyeBlinkLeft');
const JAW = shape('jawOpen');

/** @param {number} seed */
function chance(seed) {
    let state = seed;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
    };
}

/**
 * @param {Life} life
 * @param {number} from - ms
 * @param {number} to
 * @param {boolean} [calm]
 */
function* live(life, from, to, calm = false) {
    for (let now = from; now < to; now += FRAME) {
        const { weights, yaw, pitch, roll } = life.at(now, calm);
        yield { now, weights: weights.slice(), yaw, pitch, roll };
    }
}

test('the shapes are those of the documentation, in its order', () => {
    const text = fs.readFileSync(new URL('../../docs/avatar.md', import.meta.url), 'utf8');
    const named = (/The order: ([\w,\s]+)\./.exec(text)?.[1] ?? '').split(',').map((name) => name.trim());
    assert.deepEqual(named, [...SHAPES]);
});

test('the tables name shapes that exist', () => {
    const layers = [...Object.values(tables.moods), ...Object.values(tables.states), ...Object.values(tables.gestures).flat()];
    const unknown = layers.flatMap(({ weights }) => Object.keys(weights ?? {})).filter((name) => !INDEX.has(name));
    assert.deepEqual(unknown, []);
});

test('the face blinks every few seconds, completely and briefly', () => {
    const life = new Life(tables, chance(1));
    let closed = 0;
    let blinks = 0;
    let before = 0;
    for (const { weights } of live(life, 0, 60000)) {
        closed += weights[BLINK] > 0.9 ? 1 : 0;
        blinks += weights[BLINK] > 0.9 && before <= 0.9 ? 1 : 0;
        before = weights[BLINK];
    }
    assert.ok(blinks >= 7 && blinks <= 40, `${blinks} blinks in a minute`);
    assert.ok((closed / blinks) * FRAME < 350, `closed for ${(closed / blinks) * FRAME} ms`);
});

test('before a call the face looks at the person most of the time, whatever its head does', () => {
    const life = new Life(tables, chance(2));
    const { full } = tables.gaze;
    let contact = 0;
    let frames = 0;
    for (const { weights, yaw, pitch } of live(life, 0, 60000)) {
        const w = (/** @type {string} */ name) => weights[shape(name)];
        const sideways = (w('eyeLookOutLeft') - w('eyeLookInLeft')) * full + yaw;
        const down = (w('eyeLookDownLeft') - w('eyeLookUpLeft')) * full + pitch;
        contact += Math.hypot(sideways, down) < 4 ? 1 : 0;
        frames += 1;
    }
    assert.ok(contact / frames > 0.6, `${contact / frames} of the time`);
});

test('no weight leaves its range and the head does not jump, whatever moods and gestures come', () => {
    const life = new Life(tables, chance(3));
    const moods = Object.keys(tables.moods);
    const gestures = Object.keys(tables.gestures);
    let before = { yaw: 0, pitch: 0, roll: 0 };
    let i = 0;
    for (const { now, weights, yaw, pitch, roll } of live(life, 0, 40000)) {
        if (i++ % 17 === 0) {
            life.setMood(moods[i % moods.length], now);
            life.gesture(gestures[i % gestures.length], now);
        }
        assert.ok(weights.every((weight) => weight >= 0 && weight <= 1));
        const step = Math.max(Math.abs(yaw - before.yaw), Math.abs(pitch - before.pitch), Math.abs(roll - before.roll));
        assert.ok(step < 4, `the head jumps by ${step} degrees`);
        before = { yaw, pitch, roll };
    }
});

test('a tab that slept continues where it was, without playing what it missed', () => {
    const life = new Life(tables, chance(4));
    life.gesture('nod', 0);
    assert.ok([...live(life, 0, 300)].some(({ pitch }) => pitch > 5), 'it nods');
    life.at(3600 * 1000, false);
    assert.equal(life.gestures.running.length, 1, 'the nod goes on');
    assert.ok([...live(life, 3600 * 1000, 3601 * 1000)].every(({ pitch }) => pitch < 9));
});

test('with less motion the head keeps still, and expressions are smaller', () => {
    const life = new Life(tables, chance(5));
    const calm = [...live(life, 0, 20000, true)];
    const still = calm.every(({ yaw, pitch, roll }) => Math.hypot(yaw, pitch, roll) < 0.5);
    assert.ok(still);
    assert.ok(calm.some(({ weights }) => weights[BLINK] > 0.9), 'it still blinks');
    life.setMood('happy', 20000);
    const smile = Math.max(...[...live(life, 20000, 23000, true)].map(({ weights }) => weights[shape('mouthSmileLeft')]));
    const { weights } = tables.moods.happy;
    assert.ok(smile > 0.1 && smile < (weights?.mouthSmileLeft ?? 0) * 0.8, `${smile}`);
});

test('the face blends to the server’s frames and back in 150 ms, without a jump', () => {
    const blend = new Blend();
    const life = emptyFace();
    const served = emptyFace();
    served.weights[JAW] = 1;
    served.yaw = 10;
    /** @type {{now: number, jaw: number, yaw: number}[]} */
    const seen = [];
    for (let now = 0; now < 1000; now += 10) {
        const face = blend.at(now, now >= 200 && now < 600 ? served : null, life, false);
        seen.push({ now, jaw: face.weights[JAW], yaw: face.yaw });
    }
    assert.equal(seen.find(({ jaw }) => jaw > 0)?.now, 200);
    const arrived = seen.find(({ jaw }) => jaw > 0.999)?.now ?? 0;
    const left = seen.find(({ now, jaw }) => now > 600 && jaw < 0.001)?.now ?? 0;
    assert.ok(arrived >= 330 && arrived <= 350 && left >= 730 && left <= 750, `${arrived}, ${left}`);
    assert.ok(seen.every(({ jaw }, i) => i === 0 || Math.abs(jaw - seen[i - 1].jaw) < 0.15));
    assert.equal(seen.at(-1)?.yaw, 0);
});

test('an interruption closes the mouth within 60 ms, and the next response opens it again', () => {
    const blend = new Blend();
    const life = emptyFace();
    const served = emptyFace();
    served.weights[JAW] = 0.6;
    for (let now = 0; now < 400; now += 10) {
        blend.at(now, served, life, false);
    }
    blend.interrupt();
    let face = blend.face;
    for (let now = 400; now <= 460; now += 10) {
        face = blend.at(now, null, life, false);
    }
    assert.equal(face.weights[JAW], 0);
    for (let now = 470; now < 800; now += 10) {
        face = blend.at(now, served, life, false);
    }
    assert.ok(face.weights[JAW] > 0.59);
});

test('less motion leaves the lips as they are while the agent speaks', () => {
    const blend = new Blend();
    const served = emptyFace();
    served.weights[JAW] = 0.5;
    served.weights[shape('browInnerUp')] = 0.5;
    served.yaw = 12;
    let face = blend.face;
    for (let now = 0; now < 400; now += 10) {
        face = blend.at(now, served, emptyFace(), true);
    }
    assert.equal(face.weights[JAW], 0.5);
    assert.ok(face.weights[shape('browInnerUp')] < 0.4);
    assert.ok(face.yaw < 5);
});

test('a device that is too slow for the face gets less of it at once, and more only after minutes of quiet', () => {
    const quality = new Quality();
    let now = 0;
    const draw = (/** @type {number} */ interval, /** @type {number} */ frames, quiet = true) => {
        for (let i = 0; i < frames; i++) {
            quality.drew((now += interval), interval, quiet);
        }
    };
    draw(16.7, 600);
    assert.equal(quality.step, 0);
    draw(33.4, 600); // a browser that saves power
    assert.equal(quality.step, 0);
    draw(60, 40);
    assert.equal(quality.step, 1);
    draw(200, 16);
    assert.equal(quality.step, 2);
    draw(200, 16);
    assert.equal(quality.current.level, 'lite');
    const hopeless = new Quality();
    for (let i = 0; i < 12; i++) {
        hopeless.drew(i * 700, 700, true);
    }
    assert.equal(hopeless.current.level, 'lite', 'at once, without a GPU');
    draw(16.7, 60 * 60 * 6, false);
    assert.equal(quality.current.level, 'lite', 'not while it speaks');
    draw(16.7, 60 * 60 * 60);
    assert.ok(quality.step < STEPS.length - 1);
});

test('a tab that wakes is not mistaken for a slow device, and a device without WebGL is not tried again', () => {
    const quality = new Quality();
    for (let now = 0; now < 60000; now += 16) {
        quality.drew(now, now % 640 === 0 ? 5000 : 16, true);
    }
    assert.equal(quality.step, 0);
    quality.failed(60000);
    for (let now = 60000; now < 3600000; now += 16) {
        quality.drew(now, 16, true);
    }
    assert.equal(quality.current.level, 'lite');
});

test('head and shoulders fit pictures of any shape, above the controls that cover them', () => {
    for (const [width, height, covered] of [[1200, 700, 0], [360, 420, 150], [300, 900, 200], [900, 300, 120], [640, 710, 170]]) {
        const { distance, height: aim } = frame({ width, height, covered });
        const tall = 2 * distance * Math.tan((LENS * Math.PI) / 360);
        const y = (/** @type {number} */ metres) => height * (0.5 - (metres - aim) / tall);
        assert.ok(y(0.135) >= 0, `hair of ${width}×${height}`);
        assert.ok(y(-0.11) < height - Math.min(covered, height * 0.55), `chin of ${width}×${height}`);
        assert.ok((0.17 / tall) * height <= width, `ears of ${width}×${height}`);
    }
});

test('the drawn mouth opens as far as the heads’ do, and closes for a bilabial', () => {
    const { weights } = emptyFace();
    assert.equal(lipGap(weights), 0);
    weights[JAW] = 0.3;
    assert.ok(Math.abs(lipGap(weights) - 10.35) < 0.1);
    const open = mouthShape(weights);
    assert.ok(open.lower - open.upper > 10);
    weights[shape('mouthClose')] = 0.3;
    assert.equal(lipGap(weights), 0);
});

test('every person in the list has existing files, and a person without a file is refused with a reason', () => {
    const { people } = JSON.parse(fs.readFileSync(new URL('people.json', AVATARS), 'utf8'));
    const read = people.map((/** @type {unknown} */ person) => readPerson(person, AVATARS));
    assert.ok(read.length >= 2);
    for (const { file, lod, thumbnail } of read) {
        for (const url of [file, lod, thumbnail].filter((one) => one !== undefined)) {
            assert.ok(fs.statSync(new URL(url)).size < 4 * 1024 * 1024, url);
        }
    }
    assert.throws(() => readPerson({ id: 'someone' }, AVATARS), /person\.file of someone/);
    assert.throws(() => readPerson({ id: 'a b', file: 'x.glb' }, AVATARS), /person\.id/);
});
