/**
 * How loud the answer is: low while the agent finds out whether it is being interrupted, silent once it is.
 */

/** Volume of an answer that is held. */
export const HELD_VOLUME = 0.2;
const HOLD_MS = 30;
const HUSH_MS = 10;
/** Jitter buffers on the way may still hold this much of an answer that has been stopped. */
const DRAIN_MS = 400;

/** The volume of the answers of a call, one at a time; their ids only grow. */
export class AnswerVolume {
    /**
     * @param {(volume: number, ms: number) => void} ramp
     * @param {(detail: {response: number, held: boolean}) => void} onHeld
     */
    constructor(ramp, onHeld) {
        this.ramp = ramp;
        this.onHeld = onHeld;
        /** The answer that is held, 0: none. */
        this.held = 0;
        this.latest = 0; // that began to sound
        this.over = 0; // that was interrupted
        this.draining = 0; // timer
    }

    /**
     * An answer begins to sound.
     *
     * @param {number} response
     */
    started(response) {
        if (response > this.latest) {
            this.latest = response;
            if (this.held !== response) {
                this.restore(HUSH_MS);
            }
        }
    }

    /**
     * The agent hears something, and does not know yet whether it is meant.
     *
     * @param {number} response
     */
    duck(response) {
        if (response > this.over && response >= this.latest && this.held !== response) {
            this.hold(response);
            this.ramp(HELD_VOLUME, HOLD_MS);
        }
    }

    /**
     * It was not meant: the answer goes on.
     *
     * @param {number} response
     */
    resume(response) {
        if (this.held === response) {
            this.restore(HOLD_MS);
        }
    }

    /**
     * It was meant. What still comes of the answer must not be heard, whatever the volume was.
     *
     * @param {number} response
     */
    interrupted(response) {
        if (response > this.over && response >= this.latest) {
            this.over = response;
            this.hold(0);
            this.ramp(0, HUSH_MS);
            this.drained(HUSH_MS);
        }
    }

    /**
     * An answer has been sent to its end: if it ended while held, the next one is not.
     *
     * @param {number} response
     */
    ended(response) {
        if (this.held === response) {
            this.drained(HOLD_MS);
        }
    }

    /** A call begins or ends. */
    reset() {
        this.restore(0);
        this.latest = 0;
        this.over = 0;
    }

    /** @param {number} ms */
    drained(ms) {
        clearTimeout(this.draining);
        this.draining = window.setTimeout(() => this.restore(ms), DRAIN_MS);
    }

    /** @param {number} ms */
    restore(ms) {
        clearTimeout(this.draining);
        this.hold(0);
        this.ramp(1, ms);
    }

    /** @param {number} response */
    hold(response) {
        const before = this.held;
        this.held = response;
        if (before !== response) {
            this.onHeld({ response: response || before, held: response !== 0 });
        }
    }
}
