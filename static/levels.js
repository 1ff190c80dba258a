/**
 * How loud something looks: decibels instead of amplitude, quick to rise and slow to fall. Pure.
 */

const FLOOR_DB = -52;
const CEILING_DB = -12;

/**
 * @param {number} rms - 0 to 1
 * @returns {number} 0 (quiet) to 1 (loud)
 */
export function loudness(rms) {
    const db = 20 * Math.log10(Math.max(rms, 1e-6));
    return Math.max(0, Math.min(1, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}

/** A level that moves like a meter's needle. */
export class Needle {
    /**
     * @param {number} riseMs
     * @param {number} fallMs
     */
    constructor(riseMs = 25, fallMs = 140) {
        this.riseMs = riseMs;
        this.fallMs = fallMs;
        this.value = 0;
    }

    /**
     * @param {number} target
     * @param {number} elapsedMs
     * @returns {number}
     */
    follow(target, elapsedMs) {
        const time = target > this.value ? this.riseMs : this.fallMs;
        this.value += (target - this.value) * (1 - Math.exp(-elapsedMs / time));
        return this.value;
    }
}
