/**
 * Listens to the microphone (input 0) and the response (input 1) on one clock: their levels every 20 ms, when voice
 * ends and begins, and, while recording, every sample of both. Runs on the audio thread.
 */

const BLOCK_SECONDS = 0.02;
const CHUNK_SECONDS = 0.25;
const VOICE_RMS = 0.01; // least level of a voice in the microphone; lasting noise raises it
const NOISE_FACTOR = 4;
const ANSWER_RMS = 0.003; // above the comfort noise of a codec

/**
 * @param {Float32Array | undefined} samples
 * @returns {number}
 */
function energy(samples) {
    let sum = 0;
    for (const sample of samples ?? []) {
        sum += sample * sample;
    }
    return sum;
}

class TapProcessor extends AudioWorkletProcessor {
    constructor() {
        super();
        this.block = Math.round(sampleRate * BLOCK_SECONDS);
        this.counted = 0;
        this.micEnergy = 0;
        this.answerEnergy = 0;
        this.noise = VOICE_RMS;
        /** When the microphone last carried a voice, and when the response last began and ended; seconds of the context. */
        this.voiceEnd = -1;
        this.answerStart = -1;
        this.answerEnd = -1;
        /** @type {{mic: Float32Array, answer: Float32Array, filled: number, at: number} | null} `at`: seconds of the context */
        this.recording = null;
        this.port.onmessage = (event) => this.receive(event.data);
    }

    /** @param {'start' | 'stop'} command */
    receive(command) {
        if (command === 'start') {
            this.recording = this.emptyChunk();
        } else {
            this.postChunk(true);
            this.recording = null;
        }
    }

    /**
     * @param {Float32Array[][]} inputs
     * @returns {boolean}
     */
    process(inputs) {
        const mic = inputs[0][0];
        const answer = inputs[1][0];
        const length = mic?.length ?? answer?.length ?? 128;
        this.record(mic, answer, length);
        this.micEnergy += energy(mic);
        this.answerEnergy += energy(answer);
        this.counted += length;
        if (this.counted >= this.block) {
            this.measure(currentTime + (length - this.counted / 2) / sampleRate);
        }
        return true;
    }

    /** @param {number} at - the middle of the measured block */
    measure(at) {
        const mic = Math.sqrt(this.micEnergy / this.counted);
        const answer = Math.sqrt(this.answerEnergy / this.counted);
        this.counted = 0;
        this.micEnergy = 0;
        this.answerEnergy = 0;
        this.noise = mic < this.noise ? mic * 0.1 + this.noise * 0.9 : Math.min(0.05, this.noise * 1.005 + 1e-7);
        if (mic > Math.max(VOICE_RMS, this.noise * NOISE_FACTOR)) {
            this.voiceEnd = currentTime;
        }
        if (answer > ANSWER_RMS) {
            if (currentTime - this.answerEnd > 0.5) {
                this.answerStart = currentTime - BLOCK_SECONDS;
            }
            this.answerEnd = currentTime;
        }
        const { voiceEnd, answerStart } = this;
        this.port.postMessage({ type: 'levels', at, mic, answer, voiceEnd, answerStart });
    }

    emptyChunk() {
        const length = Math.round(sampleRate * CHUNK_SECONDS);
        return { mic: new Float32Array(length), answer: new Float32Array(length), filled: 0, at: -1 };
    }

    /**
     * @param {Float32Array | undefined} mic
     * @param {Float32Array | undefined} answer
     * @param {number} length
     */
    record(mic, answer, length) {
        if (this.recording === null) {
            return;
        }
        if (this.recording.filled + length > this.recording.mic.length) {
            this.postChunk(false);
            this.recording = this.emptyChunk();
        }
        const { filled } = this.recording;
        if (filled === 0) {
            this.recording.at = currentTime;
        }
        if (mic !== undefined) {
            this.recording.mic.set(mic, filled);
        }
        if (answer !== undefined) {
            this.recording.answer.set(answer, filled);
        }
        this.recording.filled += length;
    }

    /** @param {boolean} last */
    postChunk(last) {
        if (this.recording === null) {
            this.port.postMessage({ type: 'chunk', mic: new Float32Array(0), answer: new Float32Array(0), at: -1, last });
            return;
        }
        const mic = this.recording.mic.subarray(0, this.recording.filled);
        const answer = this.recording.answer.subarray(0, this.recording.filled);
        this.port.postMessage({ type: 'chunk', mic, answer, at: this.recording.at, last });
    }
}

registerProcessor('visavis-tap', TapProcessor);
