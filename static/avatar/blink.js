/**
 * Blinks: when the next one begins, and how far the lids are closed now. Pure.
 */

/** @typedef {{close: number, hold: [number, number], open: number, every: [number, number], saccade: number}} BlinkTable */

export class Blink {
    /**
     * @param {BlinkTable} table - seconds
     * @param {() => number} random
     */
    constructor(table, random) {
        this.table = table;
        this.random = random;
        this.begins = -1;
        this.hold = 0;
    }

    /** @param {number} now - seconds */
    plan(now) {
        const [least, most] = this.table.every;
        this.begin(now + least + (most - least) * this.random());
    }

    /** @param {number} now */
    begin(now) {
        const [least, most] = this.table.hold;
        this.begins = now;
        this.hold = least + (most - least) * this.random() ** 3; // short ones are more frequent
    }

    /**
     * The eyes jump, which often brings a blink.
     *
     * @param {number} now
     */
    jumped(now) {
        if (now < this.begins && this.random() < this.table.saccade) {
            this.begin(now);
        }
    }

    /**
     * @param {number} now
     * @returns {number} 0 open, 1 closed
     */
    at(now) {
        const { close, open } = this.table;
        if (this.begins < 0 || now > this.begins + close + this.hold + open) {
            this.plan(now);
        }
        const t = now - this.begins;
        if (t <= 0) {
            return 0;
        }
        if (t < close + this.hold) {
            return Math.min(1, t / close);
        }
        return Math.max(0, 1 - (t - close - this.hold) / open);
    }
}
