/**
 * Logs what was drawn when, for measuring how well face and sound agree.
 */

/** @typedef {[at: number, timestamp: number | null, jawOpen: number, level: number]} Row */

/** Longest log: more than ten minutes at 60 frames a second. */
const MOST = 48000;

export class AppliedLog {
    constructor() {
        /** @type {Row[] | null} */
        this.rows = null;
    }

    start() {
        this.rows = [];
    }

    /** @returns {Row[]} the oldest first */
    stop() {
        const { rows } = this;
        this.rows = null;
        return rows ?? [];
    }

    /**
     * @param {number} at
     * @param {number | null} timestamp
     * @param {number} jawOpen
     * @param {number} level
     */
    add(at, timestamp, jawOpen, level) {
        if (this.rows !== null && this.rows.length < MOST) {
            this.rows.push([at, timestamp, jawOpen, level]);
        }
    }
}
