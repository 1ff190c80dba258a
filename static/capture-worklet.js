/**
 * Microphone → 20 ms frames of PCM16 at 16 kHz, posted to the page. Runs on the audio thread.
 */
import { Resampler, toPcm16 } from './resampler.js';
import { WIRE_FRAME, WIRE_RATE } from './protocol.js';

const QUANTUM = 128; // samples of a call without input

/**
 * @typedef {Object} CapturedFrame
 * @property {number} at - when its last sample was captured, as Date.now() counts
 * @property {Int16Array} samples
 */

/**
 * Sound of the microphone that never came here, posted whenever there is more of it.
 *
 * @typedef {Object} CaptureStats
 * @property {number} gaps - how often the audio thread left something out
 * @property {number} lostMs - how much that was, in all
 */

class CaptureProcessor extends AudioWorkletProcessor {
    constructor() {
        super();
        this.resampler = new Resampler(sampleRate, WIRE_RATE);
        this.frame = new Float32Array(WIRE_FRAME);
        this.filled = 0;
        /** Where the next samples should begin, on the context's clock; -1: none came yet. */
        this.expected = -1;
        this.gaps = 0;
        this.lost = 0; // samples
        this.alive = true;
        this.port.onmessage = () => (this.alive = false); // the call is over
    }

    /**
     * Counts what was left out before the samples that begin now.
     *
     * @param {number} length - of these samples
     */
    count(length) {
        const missing = this.expected < 0 ? 0 : currentFrame - this.expected;
        this.expected = currentFrame + length;
        if (missing > 0) {
            this.gaps += 1;
            this.lost += missing;
            this.port.postMessage({ gaps: this.gaps, lostMs: Math.round((this.lost * 1000) / sampleRate) });
        }
    }

    /**
     * @param {Float32Array[][]} inputs
     * @returns {boolean}
     */
    process(inputs) {
        const input = inputs[0][0];
        this.count(input?.length ?? QUANTUM);
        if (input === undefined) {
            return this.alive; // no microphone for now: nothing is sent
        }
        const samples = this.resampler.process(input);
        for (let at = 0; at < samples.length; ) {
            const part = samples.subarray(at, at + WIRE_FRAME - this.filled);
            this.frame.set(part, this.filled);
            this.filled += part.length;
            at += part.length;
            if (this.filled === WIRE_FRAME) {
                const samples = toPcm16(this.frame);
                this.port.postMessage({ at: Date.now(), samples }, [samples.buffer]);
                this.filled = 0;
            }
        }
        return this.alive;
    }
}

registerProcessor('visavis-capture', CaptureProcessor);
