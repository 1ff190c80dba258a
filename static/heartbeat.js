/**
 * Whether the server is still alive, judged by what arrives from it. Pure: time is passed in, as Date.now() counts.
 *
 * Anything that arrives is a sign of life, be it a message or sound. The page pings once a second, so that there is always
 * something to expect; a server that has never answered a ping is not judged. Silence is counted only while the page's own
 * timer runs on time: in a background tab, on a loaded machine or after a sleep it is the page that was away.
 */

/** Interval of the calls of tick(). */
export const TICK_MS = 250;
const PING_MS = 1000;
/** Most of the time between two ticks that counts as waited; for the rest the page was suspended. */
const CREDIT_MS = 2 * TICK_MS;
const SILENT_MS = 2400;
const DEAD_MS = 6000;

/** @typedef {'fine' | 'silent' | 'dead'} Verdict */

/**
 * @typedef {Object} Beat
 * @property {Verdict} verdict
 * @property {boolean} ping - a ping is due
 */

/** The heartbeat of one connection. */
export class Heartbeat {
    /** @param {number} now */
    constructor(now) {
        /** When something last arrived. */
        this.heardAt = now;
        this.tickedAt = now;
        this.pingedAt = -Infinity;
        /** How long the page has heard nothing. */
        this.silence = 0;
        /** @type {'unknown' | 'yes' | 'no'} */
        this.answers = 'unknown';
    }

    /**
     * Something arrived.
     *
     * @param {number} now
     */
    heard(now) {
        this.heardAt = now;
        this.silence = 0;
    }

    /**
     * A ping was answered.
     *
     * @param {number} now
     */
    answered(now) {
        this.answers = 'yes';
        this.heard(now);
    }

    /**
     * The server does not know pings: none is sent again.
     *
     * @param {number} now
     */
    refused(now) {
        this.answers = 'no';
        this.heard(now);
    }

    /**
     * @param {number} now
     * @returns {Beat}
     */
    tick(now) {
        const waited = now - Math.max(this.tickedAt, this.heardAt);
        this.tickedAt = now;
        this.silence += Math.max(0, Math.min(waited, CREDIT_MS)); // clocks may be set back
        const ping = this.answers !== 'no' && Math.abs(now - this.pingedAt) >= PING_MS;
        if (ping) {
            this.pingedAt = now;
        }
        return { verdict: this.verdict, ping };
    }

    /** @type {Verdict} */
    get verdict() {
        if (this.answers !== 'yes' || this.silence < SILENT_MS) {
            return 'fine';
        }
        return this.silence < DEAD_MS ? 'silent' : 'dead';
    }
}
