/**
 * Frames of PCM16 at 16 kHz from the page → sound at the context's rate. Runs on the audio thread.
 */
import { PlayoutBuffer } from './playout-buffer.js';
import { TICKS_PER_SAMPLE, WIRE_RATE } from './protocol.js';
import { Resampler, fromPcm16 } from './resampler.js';

const REPORT_SECONDS = 0.1;

class PlaybackProcessor extends AudioWorkletProcessor {
    constructor() {
        super();
        this.buffer = new PlayoutBuffer(sampleRate);
        this.resampler = new Resampler(WIRE_RATE, sampleRate);
        this.response = 0; // of the frame before
        this.reported = { response: 0, at: 0 };
        this.alive = true;
        this.port.onmessage = (event) => this.receive(event.data);
    }

    /**
     * @param {{type: 'audio', response: number, timestamp: number, samples: Int16Array}
     *     | {type: 'flush', response: number} | {type: 'close'}} message
     */
    receive(message) {
        if (message.type === 'close') {
            this.alive = false;
            return;
        }
        if (message.type === 'flush') {
            this.buffer.flush(message.response);
            return;
        }
        if (message.response !== this.response) {
            this.resampler.reset();
            this.response = message.response;
        }
        const samples = this.resampler.process(fromPcm16(message.samples));
        const ticks = message.samples.length * TICKS_PER_SAMPLE;
        this.buffer.push(message.response, message.timestamp, ticks, samples);
    }

    /**
     * @param {Float32Array[][]} _inputs
     * @param {Float32Array[][]} outputs
     * @returns {boolean}
     */
    process(_inputs, outputs) {
        const output = outputs[0][0];
        this.buffer.pull(output);
        const stats = this.buffer.stats();
        const changed = stats.response !== this.reported.response;
        const due = stats.response !== 0 && currentTime - this.reported.at >= REPORT_SECONDS;
        if (changed || due) {
            this.reported = { response: stats.response, at: currentTime };
            this.port.postMessage(stats);
        }
        return this.alive;
    }
}

registerProcessor('visavis-playback', PlaybackProcessor);
