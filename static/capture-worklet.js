/**
 * Microphone → 20 ms frames of PCM16 at 16 kHz, posted to the page. Runs on the audio thread.
 */
import { Resampler, toPcm16 } from './resampler.js';
import { WIRE_FRAME, WIRE_RATE } from './protocol.js';

/**
 * @typedef {Object} CapturedFrame
 * @property {number} at - when its last sample was captured, as Date.now() counts
 * @property {Int16Array} samples
 */

class CaptureProcessor extends AudioWorkletProcessor {
    constructor() {
        super();
        this.resampler = new Resampler(sampleRate, WIRE_RATE);
        this.frame = new Float32Array(WIRE_FRAME);
        this.filled = 0;
        this.alive = true;
        this.port.onmessage = () => (this.alive = false); // the call is over
    }

    /**
     * @param {Float32Array[][]} inputs
     * @returns {boolean}
     */
    process(inputs) {
        const input = inputs[0][0];
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
