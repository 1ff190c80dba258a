/**
 * Where the eyes look: held looks, quick jumps between them, and eyes that stay on the viewer while the head moves. Pure.
 */
import { shape } from './shapes.js';

/** @typedef {import('./shapes.js').Face} Face */
/** @typedef {{yaw: number, pitch: number, stay: [number, number], chance: number}} Look */
/** @typedef {{jitter: number, speed: number, full: number, follow: number, follow_time: number}} GazeTable */

const LEFT = { in: shape('eyeLookInLeft'), out: shape('eyeLookOutLeft'), up: shape('eyeLookUpLeft'), down: shape('eyeLookDownLeft') };
const RIGHT = { in: shape('eyeLookInRight'), out: shape('eyeLookOutRight'), up: shape('eyeLookUpRight'), down: shape('eyeLookDownRight') };
/** A look farther away than this is a glance elsewhere, which often brings a blink. */
const FAR = 8;
const CONTACT = { yaw: 0, pitch: 0, stay: /** @type {[number, number]} */ ([1, 3]), chance: 1 };

export class Gaze {
    /**
     * @param {GazeTable} table
     * @param {() => number} random
     */
    constructor(table, random) {
        this.table = table;
        this.random = random;
        /** @type {{yaw: number, pitch: number}} */
        this.goal = CONTACT;
        this.eyes = { yaw: 0, pitch: 0 };
        /** How far the head has followed the eyes. */
        this.head = { yaw: 0, pitch: 0 };
        this.until = 0;
    }

    /** Chooses a new look now, as another state or mood has other ones. */
    hurry() {
        this.until = 0;
    }

    /**
     * @param {number} now - seconds
     * @param {number} elapsed - seconds
     * @param {Look[]} looks
     * @returns {boolean} whether a far jump began
     */
    step(now, elapsed, looks) {
        let jumped = false;
        if (now >= this.until) {
            const before = this.goal;
            this.choose(now, looks);
            jumped = Math.hypot(this.goal.yaw - before.yaw, this.goal.pitch - before.pitch) > FAR;
        }
        approach(this.eyes, this.goal, this.table.speed * elapsed);
        const ease = 1 - Math.exp((-3 * elapsed) / this.table.follow_time);
        for (const axis of /** @type {const} */ (['yaw', 'pitch'])) {
            this.head[axis] += (this.goal[axis] * this.table.follow - this.head[axis]) * ease;
        }
        return jumped;
    }

    /**
     * @param {number} now
     * @param {Look[]} looks
     */
    choose(now, looks) {
        let drawn = this.random() * looks.reduce((sum, { chance }) => sum + chance, 0);
        const look = looks.find(({ chance }) => (drawn -= chance) < 0) ?? CONTACT;
        const mirror = this.random() < 0.5 ? -1 : 1;
        const jitter = () => (this.random() * 2 - 1) * this.table.jitter;
        this.goal = { yaw: look.yaw * mirror + jitter(), pitch: look.pitch + jitter() };
        this.until = now + look.stay[0] + (look.stay[1] - look.stay[0]) * this.random();
    }

    /**
     * Turns the eyes by the look minus the head's own turn.
     *
     * @param {Face} face - whose head is already turned
     * @param {{yaw: number, pitch: number}} extra - of a gesture
     */
    turnEyes(face, extra) {
        const yaw = clamp((this.eyes.yaw + extra.yaw - face.yaw) / this.table.full);
        const pitch = clamp((this.eyes.pitch + extra.pitch - face.pitch) / this.table.full);
        const { weights } = face;
        weights[LEFT.out] += Math.max(0, yaw); // yaw goes to the character's left: outwards for its left eye
        weights[RIGHT.in] += Math.max(0, yaw);
        weights[LEFT.in] += Math.max(0, -yaw);
        weights[RIGHT.out] += Math.max(0, -yaw);
        for (const eye of [LEFT, RIGHT]) {
            weights[eye.down] += Math.max(0, pitch);
            weights[eye.up] += Math.max(0, -pitch);
        }
    }
}

/** @param {number} x */
function clamp(x) {
    return Math.min(1, Math.max(-1, x));
}

/**
 * @param {{yaw: number, pitch: number}} from - changed
 * @param {{yaw: number, pitch: number}} to
 * @param {number} reach - degrees
 */
function approach(from, to, reach) {
    const yaw = to.yaw - from.yaw;
    const pitch = to.pitch - from.pitch;
    const share = Math.min(1, reach / Math.max(1e-6, Math.hypot(yaw, pitch)));
    from.yaw += yaw * share;
    from.pitch += pitch * share;
}
