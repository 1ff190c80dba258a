/**
 * The jitter buffer of the WebSocket mode: waits a little before a response begins, a little more after underruns, and drops
 * what would stay behind. Pure: time is counted in the samples that are pulled.
 */
import { WIRE_RATE, TICKS_PER_SAMPLE } from './protocol.js';

const TARGET_MIN_MS = 60;
const TARGET_MAX_MS = 160;
const TARGET_STEP_MS = 20; // more after each underrun, less after each calm period
const CALM_MS = 10000;
const BACKLOG_SLACK_MS = 40; // above the target, while it lasts: quiet parts are skipped
const BACKLOG_WINDOW_MS = 300;
const BACKLOG_LIMIT_MS = 1000; // above it the oldest sound is dropped, quiet or not
const PAUSE_LIMIT_MS = 1000; // a longer pause of the server is not replayed
const PAUSE_MIN_TICKS = 720; // 15 ms: less than that is a frame of another length, not a pause
const QUIET_RMS = 0.01;
const TAIL_MS = 3; // a cut fades out instead of clicking
const CLOCK_RATE = WIRE_RATE * TICKS_PER_SAMPLE;

/**
 * @typedef {Object} Segment
 * @property {number} response
 * @property {number} timestamp - of the first sample, 48 kHz clock
 * @property {Float32Array} samples
 */

/**
 * What the buffer did so far.
 *
 * @typedef {Object} PlayoutStats
 * @property {number} response - the response that sounds, 0 when none does
 * @property {number} depthMs
 * @property {number} targetMs
 * @property {number} underruns
 * @property {number} droppedMs
 */

/**
 * @param {Float32Array} samples
 * @returns {boolean}
 */
function isQuiet(samples) {
    let sum = 0;
    for (const sample of samples) {
        sum += sample * sample;
    }
    return sum < QUIET_RMS * QUIET_RMS * samples.length;
}

/** Keeps a response's sound until it is to be heard. */
export class PlayoutBuffer {
    /** @param {number} rate - samples per second of what is pushed and pulled */
    constructor(rate) {
        this.rate = rate;
        /** @type {Segment[]} */
        this.segments = [];
        this.offset = 0; // samples already played of the first segment
        this.depth = 0; // samples waiting
        this.target = this.samples(TARGET_MIN_MS);
        this.waiting = true; // for the target to be reached
        this.waited = 0;
        this.flushedThrough = 0;
        /** The response that sounds now, 0: none. */
        this.response = 0;
        /** The timestamp of the first sample of the last pull; null: it gave none. @type {number | null} */
        this.playhead = null;
        this.lastPushed = { response: 0, end: 0 };
        this.lowWater = Infinity;
        this.windowed = 0;
        this.calm = 0;
        this.tail = 0;
        this.lastSample = 0;
        this.underruns = 0;
        this.dropped = 0;
    }

    /**
     * @param {number} ms
     * @returns {number}
     */
    samples(ms) {
        return Math.round((ms * this.rate) / 1000);
    }

    /**
     * @param {number} response
     * @param {number} timestamp - 48 kHz clock
     * @param {number} ticks - how long the frame is on that clock
     * @param {Float32Array} samples
     */
    push(response, timestamp, ticks, samples) {
        if (response <= this.flushedThrough || samples.length === 0) {
            return;
        }
        const gap = (timestamp - this.lastPushed.end) | 0;
        const follows = response === this.lastPushed.response;
        if (follows && this.waiting && this.response === response && gap < PAUSE_MIN_TICKS) {
            // The buffer ran dry in the middle of speech: the network is later than we allowed for.
            this.underruns += 1;
            this.calm = 0;
            this.target = Math.min(this.samples(TARGET_MAX_MS), this.target + this.samples(TARGET_STEP_MS));
            this.response = 0;
        }
        if (follows && gap >= PAUSE_MIN_TICKS && this.depth > 0) {
            const pause = Math.round((gap / CLOCK_RATE) * this.rate);
            const samples = new Float32Array(Math.min(pause, this.samples(PAUSE_LIMIT_MS)));
            const begin = timestamp - (samples.length / this.rate) * CLOCK_RATE; // the face moves on to the sound in it
            this.append({ response, timestamp: begin >>> 0, samples });
        }
        this.append({ response, timestamp, samples });
        this.lastPushed = { response, end: (timestamp + ticks) >>> 0 };
        while (this.depth > this.samples(BACKLOG_LIMIT_MS) && this.segments.length > 1) {
            this.dropFirst();
        }
    }

    /**
     * Fills `output` with what is to be heard next, silence where there is nothing.
     *
     * @param {Float32Array} output
     */
    pull(output) {
        this.watchBacklog(output.length);
        if (this.waiting && this.depth > 0) {
            this.waited += output.length;
            this.waiting = this.depth < this.target && this.waited < this.target;
        }
        let at = 0;
        this.playhead = null;
        while (!this.waiting && at < output.length && this.segments.length > 0) {
            const { response, timestamp, samples } = this.segments[0];
            this.playhead ??= (timestamp + (this.offset / this.rate) * CLOCK_RATE) >>> 0;
            const part = samples.subarray(this.offset, this.offset + output.length - at);
            output.set(part, at);
            at += part.length;
            this.offset += part.length;
            this.depth -= part.length;
            this.response = response;
            if (this.offset === samples.length) {
                this.segments.shift();
                this.offset = 0;
            }
        }
        if (at > 0) {
            this.tail = this.samples(TAIL_MS);
            this.lastSample = output[at - 1];
        }
        if (this.segments.length === 0 && !this.waiting) {
            this.waiting = true;
            this.waited = 0;
        }
        this.ringOut(output, at);
    }

    /**
     * Discards a response and all before it, including what is still to arrive of it.
     *
     * @param {number} response
     */
    flush(response) {
        this.flushedThrough = Math.max(this.flushedThrough, response);
        while (this.segments.length > 0 && this.segments[0].response <= this.flushedThrough) {
            this.dropFirst();
        }
        if (this.response <= this.flushedThrough) {
            this.response = 0;
        }
    }

    /** @returns {PlayoutStats} */
    stats() {
        const ms = 1000 / this.rate;
        return {
            response: this.depth > 0 || this.tail > 0 ? this.response : 0,
            depthMs: Math.round(this.depth * ms),
            targetMs: Math.round(this.target * ms),
            underruns: this.underruns,
            droppedMs: Math.round(this.dropped * ms),
        };
    }

    /** @param {Segment} segment */
    append(segment) {
        this.segments.push(segment);
        this.depth += segment.samples.length;
    }

    dropFirst() {
        const left = this.segments[0].samples.length - this.offset;
        this.segments.shift();
        this.offset = 0;
        this.depth -= left;
        this.dropped += left;
    }

    /**
     * What stays above the target for the whole window is backlog: pauses in it are skipped until it is gone.
     *
     * @param {number} length
     */
    watchBacklog(length) {
        if (this.waiting) {
            this.lowWater = Infinity;
            this.windowed = 0;
            return;
        }
        this.calm += length;
        if (this.calm >= this.samples(CALM_MS)) {
            this.calm = 0;
            this.target = Math.max(this.samples(TARGET_MIN_MS), this.target - this.samples(TARGET_STEP_MS));
        }
        this.lowWater = Math.min(this.lowWater, this.depth);
        this.windowed += length;
        if (this.windowed < this.samples(BACKLOG_WINDOW_MS)) {
            return;
        }
        const backlog = this.lowWater - this.target;
        if (backlog <= this.samples(BACKLOG_SLACK_MS)) {
            this.lowWater = Infinity;
            this.windowed = 0;
        } else if (this.offset === 0 && isQuiet(this.segments[0].samples)) {
            this.lowWater -= this.segments[0].samples.length;
            this.dropFirst();
        }
    }

    /**
     * @param {Float32Array} output
     * @param {number} from
     */
    ringOut(output, from) {
        const length = this.samples(TAIL_MS);
        for (let i = from; i < output.length; i++) {
            this.tail = Math.max(0, this.tail - 1);
            output[i] = this.lastSample * (this.tail / length);
        }
    }
}
