/**
 * What the microphone heard of late, and what of it the server has perhaps not heard when a connection is lost. Pure: time is
 * passed in, as Date.now() counts.
 *
 * What was sent into a dead connection is lost as well, so all is kept, for a while. A sentence that is cut off in its middle is
 * forgotten by the server, so it counts as not heard from its beginning on.
 */

const FRAME_MS = 20;
/** All that is kept: 20 s. */
const KEPT_FRAMES = 20000 / FRAME_MS;
/** What was captured so long before the server's last sign of life may not have reached it. */
const ON_THE_WAY_MS = 300;
/** Silence after which nobody is in the middle of a sentence, and silence between two sentences. */
const ENDED_FRAMES = 200 / FRAME_MS;
const PAUSE_FRAMES = 400 / FRAME_MS;
/** Silence that is handed over before and behind what is said. */
const BEFORE_FRAMES = 300 / FRAME_MS;
const BEHIND_FRAMES = 600 / FRAME_MS;

/** RMS of a voice is above the first, and above lasting noise by the second. */
const VOICE_RMS = 0.006;
const NOISE_FACTOR = 4;
const LOUDEST_NOISE = 0.05;

/**
 * @typedef {Object} KeptFrame
 * @property {number} at - when its last sample was captured
 * @property {Int16Array} samples - 20 ms at 16 kHz
 * @property {boolean} voice - somebody may be speaking
 * @property {number} [sentAt] - when it was handed over; none: it was sent as it was captured, if there was a connection
 */

export class KeptSound {
    constructor() {
        /** @type {KeptFrame[]} The oldest first. */
        this.frames = [];
        this.noise = VOICE_RMS / NOISE_FACTOR;
        /** From when on the server has perhaps not heard it; Infinity: it hears all. */
        this.unheardFrom = Infinity;
    }

    /**
     * Keeps a frame.
     *
     * @param {number} at
     * @param {Int16Array} samples
     * @returns {KeptFrame}
     */
    hear(at, samples) {
        const level = rms(samples);
        this.noise = level < this.noise ? level * 0.1 + this.noise * 0.9 : Math.min(LOUDEST_NOISE, this.noise * 1.005 + 1e-7);
        /** @type {KeptFrame} */
        const frame = { at, samples, voice: level > Math.max(VOICE_RMS, this.noise * NOISE_FACTOR) };
        this.frames.push(frame);
        if (this.frames.length > KEPT_FRAMES) {
            this.frames.shift();
        }
        return frame;
    }

    /**
     * The connection is lost.
     *
     * @param {number} signAt - when the server last gave a sign of life
     * @param {boolean} agentSpoke - the agent was heard then, so that what sounded may be its echo
     * @param {number} [waitedFrom] - what was captured from then on had still to be handed over
     */
    lost(signAt, agentSpoke, waitedFrom = Infinity) {
        const isHeard = (/** @type {KeptFrame} */ { at, sentAt = at }) => at < waitedFrom && sentAt <= signAt - ON_THE_WAY_MS;
        let first = this.frames.findIndex((frame) => !isHeard(frame));
        if (first < 0) {
            first = this.frames.length;
        }
        if (!agentSpoke) {
            first = this.sentenceBefore(first);
        }
        const from = this.frames[first]?.at ?? signAt;
        this.unheardFrom = Math.min(this.unheardFrom, from);
    }

    /**
     * @param {number} index - of a frame
     * @returns {number} where the sentence begins that was being said then, or the same
     */
    sentenceBefore(index) {
        let silent = 0;
        let first = index;
        const goesOn = () => silent < (first === index ? ENDED_FRAMES : PAUSE_FRAMES);
        for (let at = index - 1; at >= 0 && goesOn(); at--) {
            silent = this.frames[at].voice ? 0 : silent + 1;
            if (silent === 0) {
                first = at;
            }
        }
        return first;
    }

    /**
     * The call goes on: what it has not heard, without its silent stretches. From now on it hears all.
     *
     * @returns {KeptFrame[]} none, if nobody spoke
     */
    handOver() {
        const unheard = this.unheard();
        const since = distances(unheard);
        const until = distances([...unheard].reverse()).reverse();
        this.unheardFrom = Infinity;
        return unheard.filter((_, i) => since[i] <= BEHIND_FRAMES || until[i] <= BEFORE_FRAMES);
    }

    /** Frames that the server has perhaps not heard, with the silence before them. */
    unheard() {
        const first = this.frames.findIndex(({ at }) => at >= this.unheardFrom);
        if (first < 0) {
            return [];
        }
        let from = first;
        while (from > Math.max(0, first - BEFORE_FRAMES) && !this.frames[from - 1].voice) {
            from--;
        }
        return this.frames.slice(from);
    }

    /** The call is over: nothing of it is kept. */
    clear() {
        this.frames = [];
        this.unheardFrom = Infinity;
    }
}

/**
 * @param {KeptFrame[]} frames
 * @returns {number[]} of each, how many frames before it somebody spoke last; Infinity: nobody did
 */
function distances(frames) {
    let distance = Infinity;
    return frames.map(({ voice }) => (distance = voice ? 0 : distance + 1));
}

/**
 * @param {Int16Array} samples
 * @returns {number} 1 is full scale
 */
function rms(samples) {
    const sum = samples.reduce((sum, sample) => sum + (sample / 32768) ** 2, 0);
    return Math.sqrt(sum / Math.max(1, samples.length));
}
