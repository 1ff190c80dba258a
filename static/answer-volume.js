/**
 * The volume of the response: silent once it is interrupted, until the next one begins.
 */

const HUSH_MS = 10;
/** Jitter buffers may still hold this much of a response that has been stopped. */
const DRAIN_MS = 400;

/** The volume of a call's responses, one at a time; their ids only grow. */
export class AnswerVolume {
    /** @param {(volume: number, ms: number) => void} ramp */
    constructor(ramp) {
        this.ramp = ramp;
        this.latest = 0; // response that began to sound
        this.over = 0; // response that was interrupted
        this.draining = 0; // timer
    }

    /**
     * A response begins to sound.
     *
     * @param {number} response
     */
    started(response) {
        if (response > this.latest) {
            this.latest = response;
            this.restore(HUSH_MS);
        }
    }

    /**
     * The rest of the response must not be heard.
     *
     * @param {number} response
     */
    interrupted(response) {
        if (response > this.over && response >= this.latest) {
            this.over = response;
            this.ramp(0, HUSH_MS);
            clearTimeout(this.draining);
            this.draining = window.setTimeout(() => this.restore(HUSH_MS), DRAIN_MS);
        }
    }

    /** A call begins or ends. */
    reset() {
        this.restore(0);
        this.latest = 0;
        this.over = 0;
    }

    /** @param {number} ms */
    restore(ms) {
        clearTimeout(this.draining);
        this.ramp(1, ms);
    }
}
