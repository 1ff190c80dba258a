/**
 * The agent's face at any moment, in step with what is heard.
 */
import { FaceTrack } from './frames.js';
import { LoudnessFit } from './loudness-fit.js';

/** One for the page, for all of its calls. */
export class FaceSource {
    constructor() {
        this.track = new FaceTrack();
        /** @type {import('./clock.js').FaceClock | null} Null: no call is up. */
        this.clock = null;
        this.fit = new LoudnessFit((timestamp) => this.track.levelAt(timestamp));
    }

    /**
     * The face that belongs to what is heard. The object is the same each time.
     *
     * @param {number} at - as performance.now() counts
     * @returns {import('./frames.js').Face | null} null when there is none: the face moves by itself
     */
    now(at) {
        const timestamp = this.clock?.now(at) ?? null;
        return timestamp === null ? null : this.track.at(timestamp);
    }

    /**
     * Takes the response's level, which may show that the clock is wrong.
     *
     * @param {number} at - when that is heard, as performance.now() counts
     * @param {number} level - RMS
     */
    heard(at, level) {
        const timestamp = this.clock?.peek?.(at) ?? null;
        if (timestamp === null) {
            this.fit.clear();
            return;
        }
        const late = this.fit.heard(timestamp, level);
        if (late !== null) {
            this.clock?.correct?.(late);
        }
    }

    /** A call begins or ends. */
    clear() {
        this.track = new FaceTrack();
        this.clock = null;
        this.fit.clear();
    }
}
