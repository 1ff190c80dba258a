/**
 * Blends from the face's idle motion to the server's frames and back, without a jump. Pure; times are milliseconds.
 */
import { soften } from './life.js';
import { OF_EYES, OF_MOUTH, SHAPES, emptyFace, smoothstep } from './shapes.js';

/** @typedef {import('./shapes.js').Face} Face */

const FADE_MS = 150;
/** The mouth must be closed within 100 ms of an interruption, frame and message delays included. */
const CUT_MS = 60;
const LONGEST_STEP_MS = 250;
const GENTLE = 0.6;
const KEPT = SHAPES.map((_, i) => OF_EYES[i] || OF_MOUTH[i]);

export class Blend {
    constructor() {
        this.face = emptyFace();
        /** The server's last face, which fades out. */
        this.served = emptyFace();
        /** 0: the face's idle motion, 1: the server's frames. */
        this.share = 0;
        this.mouth = 0;
        this.cut = false;
        this.last = 0;
    }

    /** The sound has stopped, so the mouth must stop as well. */
    interrupt() {
        this.cut = true;
    }

    /**
     * @param {number} now
     * @param {Face | null} moment - of the server
     * @param {Face} life
     * @param {boolean} calm
     * @returns {Face} the same object each time
     */
    at(now, moment, life, calm) {
        const elapsed = now - this.last;
        const step = elapsed > LONGEST_STEP_MS ? 1 : elapsed / FADE_MS; // a tab that slept jumps
        this.last = now;
        if (moment !== null) {
            copy(moment, this.served);
            if (calm) {
                soften(this.served, GENTLE, 0.25, KEPT);
            }
            this.cut = false;
        }
        this.share = toward(this.share, moment === null ? 0 : 1, step);
        this.mouth = toward(this.mouth, moment === null ? 0 : 1, this.cut ? Math.max(step, elapsed / CUT_MS) : step);
        return this.mix(life);
    }

    /** @param {Face} life */
    mix(life) {
        const { face, served } = this;
        const whole = smoothstep(this.share);
        const mouth = smoothstep(this.mouth);
        for (let i = 0; i < SHAPES.length; i++) {
            const share = OF_MOUTH[i] ? mouth : whole;
            face.weights[i] = life.weights[i] + (served.weights[i] - life.weights[i]) * share;
        }
        for (const axis of /** @type {const} */ (['yaw', 'pitch', 'roll'])) {
            face[axis] = life[axis] + (served[axis] - life[axis]) * whole;
        }
        return face;
    }
}

/**
 * @param {Face} from
 * @param {Face} to
 */
function copy(from, to) {
    to.weights.set(from.weights);
    to.yaw = from.yaw;
    to.pitch = from.pitch;
    to.roll = from.roll;
}

/**
 * @param {number} from
 * @param {number} to
 * @param {number} step
 */
function toward(from, to, step) {
    return from < to ? Math.min(to, from + step) : Math.max(to, from - step);
}
