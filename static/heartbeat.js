/**
 * Whether the server is still there, by what comes from it. Pure: time is passed in, as Date.now() counts.
 *
 * Anything that comes is life, be it a message or sound. The page asks for an answer once a second, so that there is always
 * something to come; a server that has never answered is not judged. Silence is counted only while the page's own timer
 * runs in time: in a background tab, on a loaded machine or after a sleep it is the page that was away.
 */

/** How often tick() is to be called. */
export const TICK_MS = 250;
const PING_MS = 1000;
/** Of the time between two ticks this much counts as waited; the rest, the page was not there to hear. */
const CREDIT_MS = 2 * TICK_MS;
const SILENT_MS = 2400;
const DEAD_MS = 6000;

/** @typedef {'fine' | 'silent' | 'dead'} Verdict */

/**
 * @typedef {Object} Beat
 * @property {Verdict} verdict
 * @property {boolean} ping - the server is to be asked now
 */

/** Of one connection. */
export class Heartbeat {
    /** @param {number} now */
    constructor(now) {
        /** When something last came. */
        this.heardAt = now;
        this.tickedAt = now;
        this.pingedAt = -Infinity;
        /** How long the page has listened in vain. */
        this.silence = 0;
        /** @type {'unknown' | 'yes' | 'no'} */
        this.answers = 'unknown';
    }

    /**
     * Something came.
     *
     * @param {number} now
     */
    heard(now) {
        this.heardAt = now;
        this.silence = 0;
    }

    /**
     * The answer to a ping came.
     *
     * @param {number} now
     */
    answered(now) {
        this.answers = 'yes';
        this.heard(now);
    }

    /**
     * The server does not know what a ping is: it is not asked again.
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
