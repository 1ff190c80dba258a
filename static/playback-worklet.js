/**
 * Frames of PCM16 at 16 kHz from the page → sound at the context's rate. Runs on the audio thread.
 */
import { PlayoutBuffer } from './playout-buffer.js';
import { TICKS_PER_SAMPLE, WIRE_RATE } from './protocol.js';
import { Resampler, fromPcm16 } from './resampler.js';

const REPORT_SECONDS = 0.1;
const JUMP_TICKS = 48; // 1 ms
const CLOCK_RATE = WIRE_RATE * TICKS_PER_SAMPLE;

class PlaybackProcessor extends AudioWorkletProcessor {
    constructor() {
        super();
        this.buffer = new PlayoutBuffer(sampleRate);
        this.resampler = new Resampler(WIRE_RATE, sampleRate);
        this.response = 0; // of the previous frame
        this.reported = { response: 0, at: 0, timestamp: 0 };
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
        const timestamp = (message.timestamp - this.resampler.delay * CLOCK_RATE) >>> 0;
        this.buffer.push(message.response, timestamp, ticks, samples);
    }

    /**
     * Whether the sound continues elsewhere than the page was last told.
     *
     * @param {number | null} playhead
     */
    jumped(playhead) {
        const { at, timestamp } = this.reported;
        const expected = timestamp + (currentTime - at) * CLOCK_RATE;
        return playhead !== null && Math.abs((playhead - expected) | 0) > JUMP_TICKS;
    }

    /**
     * @param {Float32Array[][]} _inputs
     * @param {Float32Array[][]} outputs
     * @returns {boolean}
     */
    process(_inputs, outputs) {
        const output = outputs[0][0];
        this.buffer.pull(output);
        const { playhead } = this.buffer;
        const { response } = this.buffer.stats();
        const { reported } = this;
        const due = response !== 0 && currentTime - reported.at >= REPORT_SECONDS;
        if (response !== reported.response || due || this.jumped(playhead)) {
            this.reported = { response, at: currentTime, timestamp: playhead ?? reported.timestamp };
            const position = playhead === null ? null : { at: currentTime, timestamp: playhead };
            this.port.postMessage({ ...this.buffer.stats(), position });
        }
        return this.alive;
    }
}

registerProcessor('visavis-playback', PlaybackProcessor);
