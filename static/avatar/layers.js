/**
 * Moods, states and gestures of expressions.json as layers that fade into each other. Pure; times are seconds.
 */
import { addLayer, smoothstep } from './shapes.js';

/** @typedef {import('./shapes.js').Face} Face */
/** @typedef {import('./shapes.js').Layer} Layer */

/**
 * @typedef {Layer & {fade: number, lasts?: number, rest?: number, sway?: number, looks?: import('./gaze.js').Look[]}} Mood
 * @typedef {Layer & {t: number, look?: {yaw: number, pitch: number}}} Key
 */

/** How long a mood takes to weaken once its time is over. */
const WEAKEN = 2;

/** The current layer, and those that are still fading out. */
export class Layers {
    /** @param {Mood} first */
    constructor(first) {
        /** @type {{layer: Mood, share: number}[]} Shares add up to 1. */
        this.on = [{ layer: first, share: 1 }];
        /** @type {{layer: Mood, from: number[], since: number}} */
        this.change = { layer: first, from: [1], since: -1e9 };
    }

    get current() {
        return this.change.layer;
    }

    /**
     * @param {Mood} layer
     * @param {number} now
     */
    set(layer, now) {
        this.step(now);
        this.on = this.on.filter((one) => one.layer !== layer && one.share > 0.001);
        this.on.push({ layer, share: 1 - this.on.reduce((sum, { share }) => sum + share, 0) });
        this.change = { layer, from: this.on.map(({ share }) => share), since: now };
    }

    /** @param {number} now */
    step(now) {
        const { layer, from, since } = this.change;
        const share = smoothstep((now - since) / Math.max(0.01, layer.fade));
        this.on.forEach((one, i) => {
            one.share = from[i] + ((one.layer === layer ? 1 : 0) - from[i]) * share;
        });
    }

    /**
     * @param {Face} face
     * @param {number} now
     */
    add(face, now) {
        this.step(now);
        for (const { layer, share } of this.on) {
            addLayer(face, layer, share * (layer === this.change.layer ? this.strength(now) : 1));
        }
    }

    /** @param {number} now */
    strength(now) {
        const { layer, since } = this.change;
        const rest = layer.rest ?? 1;
        return layer.lasts === undefined ? 1 : 1 + (rest - 1) * smoothstep((now - since - layer.lasts) / WEAKEN);
    }
}

/** Gestures in progress. */
export class Gestures {
    constructor() {
        /** @type {{keys: Key[], since: number}[]} */
        this.running = [];
        this.look = { yaw: 0, pitch: 0 };
    }

    /**
     * @param {Key[]} keys
     * @param {number} now
     */
    begin(keys, now) {
        this.running.push({ keys, since: now });
    }

    /**
     * @param {Face} face
     * @param {number} now
     */
    add(face, now) {
        this.look = { yaw: 0, pitch: 0 };
        this.running = this.running.filter(({ keys, since }) => now - since < keys[keys.length - 1].t);
        for (const { keys, since } of this.running) {
            const next = Math.max(1, keys.findIndex(({ t }) => t > now - since));
            const share = smoothstep((now - since - keys[next - 1].t) / (keys[next].t - keys[next - 1].t));
            for (const [key, part] of /** @type {[Key, number][]} */ ([[keys[next - 1], 1 - share], [keys[next], share]])) {
                addLayer(face, key, part);
                this.look.yaw += (key.look?.yaw ?? 0) * part;
                this.look.pitch += (key.look?.pitch ?? 0) * part;
            }
        }
    }
}
