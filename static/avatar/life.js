/**
 * The face's idle motion, while no frames arrive from the server: it blinks, looks, breathes and has a mood. The tables
 * are the server's, static/avatars/expressions.json. Pure: time and randomness are passed in.
 */
import { Blink } from './blink.js';
import { Gaze } from './gaze.js';
import { Gestures, Layers } from './layers.js';
import { INDEX, OF_EYES, emptyFace, shape } from './shapes.js';

/** @typedef {import('./shapes.js').Face} Face */
/** @typedef {import('./layers.js').Mood} Mood */

/**
 * @typedef {Object} Tables
 * @property {Record<string, Mood>} moods
 * @property {Record<string, import('./layers.js').Key[]>} gestures
 * @property {Record<string, Mood>} states
 * @property {import('./blink.js').BlinkTable} blink
 * @property {import('./gaze.js').GazeTable} gaze
 * @property {{period: number, pitch: number, weights?: Record<string, number>}} breath
 * @property {{yaw: number, pitch: number, roll: number, periods: [number, number]}} sway
 */

/** A longer step means that the tab slept: the excess is skipped. */
const LONGEST_STEP = 0.25;
/** The share of moods and gestures that is left with less motion. */
const GENTLE = 0.6;
const NO_LOOKS = [{ yaw: 0, pitch: 0, stay: /** @type {[number, number]} */ ([2, 5]), chance: 1 }];
const BLINKS = [shape('eyeBlinkLeft'), shape('eyeBlinkRight')];
const PHASES = { yaw: 0, pitch: 1.9, roll: 4.1 };
const TURN = 2 * Math.PI;

export class Life {
    /**
     * @param {Tables} tables
     * @param {() => number} [random]
     */
    constructor(tables, random = Math.random) {
        this.tables = tables;
        this.mood = new Layers(tables.moods.neutral);
        this.state = new Layers(tables.states.idle);
        this.gestures = new Gestures();
        this.gaze = new Gaze(tables.gaze, random);
        this.blink = new Blink(tables.blink, random);
        this.face = emptyFace();
        /** -1 to 1: out and in. */
        this.breath = 0;
        this.last = 0;
        /** Seconds that the tab slept. */
        this.slept = 0;
    }

    /**
     * @param {string} name - `idle`, `listening`, `thinking` or `speaking`
     * @param {number} now - milliseconds
     */
    setState(name, now) {
        const state = this.tables.states[name] ?? this.tables.states.idle;
        if (state !== this.state.current) {
            this.state.set(state, this.time(now));
            this.gaze.hurry();
        }
    }

    /**
     * @param {string} name
     * @param {number} now - milliseconds
     * @returns {boolean} whether there is such a mood
     */
    setMood(name, now) {
        if (!Object.hasOwn(this.tables.moods, name)) {
            return false;
        }
        this.mood.set(this.tables.moods[name], this.time(now));
        this.gaze.hurry();
        return true;
    }

    /**
     * @param {string} name
     * @param {number} now - milliseconds
     * @returns {boolean} whether there is such a gesture
     */
    gesture(name, now) {
        if (!Object.hasOwn(this.tables.gestures, name)) {
            return false;
        }
        this.gestures.begin(this.tables.gestures[name], this.time(now));
        return true;
    }

    /**
     * @param {number} now - milliseconds
     * @returns {number} seconds on the face's own clock, which stops while the tab sleeps
     */
    time(now) {
        return now / 1000 - this.slept;
    }

    /**
     * The face now. The object is the same each time.
     *
     * @param {number} now - milliseconds
     * @param {boolean} calm - the person asked for less motion
     * @returns {Face}
     */
    at(now, calm) {
        let time = this.time(now);
        if (time - this.last > LONGEST_STEP) {
            this.slept += time - this.last - LONGEST_STEP;
            time = this.time(now);
        }
        const elapsed = Math.max(0, time - this.last);
        this.last = time;
        const { face } = this;
        face.weights.fill(0);
        Object.assign(face, { yaw: 0, pitch: 0, roll: 0 });
        this.mood.add(face, time);
        this.state.add(face, time);
        this.gestures.add(face, time);
        if (calm) {
            soften(face, GENTLE, 0.35);
        } else {
            this.move(face, time);
        }
        this.look(face, time, elapsed, calm);
        for (let i = 0; i < face.weights.length; i++) {
            face.weights[i] = Math.min(1, Math.max(0, face.weights[i]));
        }
        return face;
    }

    /**
     * Breath and the slight sway of the head.
     *
     * @param {Face} face
     * @param {number} time
     */
    move(face, time) {
        const { breath, sway } = this.tables;
        this.breath = Math.sin((TURN * time) / breath.period);
        face.pitch += this.breath * breath.pitch;
        for (const [name, weight] of Object.entries(breath.weights ?? {})) {
            face.weights[INDEX.get(name) ?? 0] += (weight * (1 + this.breath)) / 2;
        }
        const scale = this.state.current.sway ?? 1;
        for (const axis of /** @type {const} */ (['yaw', 'pitch', 'roll'])) {
            const [quick, slow] = sway.periods.map((period, i) => Math.sin((TURN * time) / period + PHASES[axis] * (i + 1)));
            face[axis] += sway[axis] * scale * (0.4 * quick + 0.6 * slow);
        }
    }

    /**
     * @param {Face} face
     * @param {number} time
     * @param {number} elapsed
     * @param {boolean} calm
     */
    look(face, time, elapsed, calm) {
        const looks = this.mood.current.looks ?? this.state.current.looks ?? NO_LOOKS;
        if (this.gaze.step(time, elapsed, calm ? NO_LOOKS : looks)) {
            this.blink.jumped(time);
        }
        if (!calm) {
            face.yaw += this.gaze.head.yaw;
            face.pitch += this.gaze.head.pitch;
        }
        this.gaze.turnEyes(face, this.gestures.look);
        const closed = this.blink.at(time);
        for (const i of BLINKS) {
            face.weights[i] = Math.max(face.weights[i], closed);
        }
    }
}

/**
 * Reduces all motion except the eyes' and, with `kept`, that of a speaking mouth.
 *
 * @param {Face} face - changed
 * @param {number} share - of the weights
 * @param {number} turn - share of the head's turn
 * @param {boolean[]} [kept] - weights that stay
 */
export function soften(face, share, turn, kept = OF_EYES) {
    for (let i = 0; i < face.weights.length; i++) {
        face.weights[i] *= kept[i] ? 1 : share;
    }
    face.yaw *= turn;
    face.pitch *= turn;
    face.roll *= turn;
}
