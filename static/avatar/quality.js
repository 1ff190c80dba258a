/**
 * How much of the face a device can draw, judged by its frames: steps down at once, up rarely. Pure; times are milliseconds.
 */

/** @typedef {'full' | 'lod0' | 'lite'} Level */
/** @typedef {'auto' | 'full' | 'lod0' | 'lite' | 'off'} Choice */

/**
 * @typedef {Object} Step
 * @property {Level} level
 * @property {number} ratio - device pixels per CSS pixel, at most
 */

/** @type {readonly Step[]} From the best down. */
export const STEPS = Object.freeze([
    { level: 'full', ratio: 2 },
    { level: 'full', ratio: 1 },
    { level: 'lod0', ratio: 1 },
    { level: 'lite', ratio: 2 },
]);
const LITE = STEPS.length - 1;

/** Some browsers save power at 30 frames a second: that is smooth enough to stay. */
const SLOW_MS = 42;
const AWFUL_MS = 110;
/** No GPU at all: the steps between would be as bad. */
const HOPELESS_MS = 300;
const HOPELESS_IN_A_ROW = 3;
const WINDOW = 30;
const AWFUL_IN_A_ROW = 6;
/** The first frames of a level build shaders and textures, and are not judged. */
const WARM_UP = 8;
/** After a longer interval the tab slept. */
const SLEPT_MS = 1500;
const FIRST_TRY_MS = 5 * 60 * 1000;

/**
 * @param {unknown} value
 * @returns {value is Choice}
 */
export function isChoice(value) {
    return value === 'auto' || value === 'full' || value === 'lod0' || value === 'lite' || value === 'off';
}

/** Chooses the step. */
export class Quality {
    /** @param {number} [start] - of STEPS */
    constructor(start = 0) {
        this.step = start;
        this.changedAt = 0;
        this.patience = FIRST_TRY_MS;
        this.frames = 0;
        this.awful = 0;
        /** @type {number[]} */
        this.intervals = [];
    }

    reset() {
        this.frames = 0;
        this.awful = 0;
        this.intervals = [];
    }

    /** @returns {Step} */
    get current() {
        return STEPS[this.step];
    }

    /**
     * A frame was drawn.
     *
     * @param {number} now
     * @param {number} interval - since the one before
     * @param {boolean} quiet - nobody speaks: a good time to try more
     * @returns {boolean} whether the step changed
     */
    drew(now, interval, quiet) {
        this.changedAt ||= now;
        if (interval > SLEPT_MS || ++this.frames <= WARM_UP) {
            return false;
        }
        this.awful = interval > AWFUL_MS ? this.awful + 1 : 0;
        this.intervals.push(interval);
        if (this.intervals.length > WINDOW) {
            this.intervals.shift();
        }
        if (this.step < LITE && this.intervals.slice(-HOPELESS_IN_A_ROW).filter((one) => one > HOPELESS_MS).length === HOPELESS_IN_A_ROW) {
            this.patience *= 2;
            this.go(LITE, now);
            return true;
        }
        const slow = this.intervals.length === WINDOW && median(this.intervals) > SLOW_MS;
        if ((slow || this.awful >= AWFUL_IN_A_ROW) && this.step < LITE) {
            this.patience *= 2;
            this.go(this.step + 1, now);
            return true;
        }
        if (this.step > 0 && quiet && now - this.changedAt > this.patience) {
            this.go(this.step - 1, now);
            return true;
        }
        return false;
    }

    /**
     * Something that the step needs is missing, such as WebGL.
     *
     * @param {number} now
     */
    failed(now) {
        this.patience = Infinity;
        this.go(LITE, now);
    }

    /**
     * @param {number} step
     * @param {number} now
     */
    go(step, now) {
        this.step = step;
        this.changedAt = now;
        this.reset();
    }
}

/** @param {number[]} values */
function median(values) {
    return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
