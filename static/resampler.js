/**
 * Changes the sample rate of a stream: a polyphase windowed-sinc low-pass, so that nothing above half the lower rate
 * folds back into speech. Pure; runs inside the audio worklets.
 */

const ZERO_CROSSINGS = 24; // each side: flat to 6.6 kHz and 60 dB down at 8.1 kHz for 16 kHz, 1.5 ms of delay
const ROLL_OFF = 0.92; // of half the lower rate
const KAISER_BETA = 7;

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
function greatestCommonDivisor(a, b) {
    return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * The modified Bessel function of order 0, for the Kaiser window.
 *
 * @param {number} x
 * @returns {number}
 */
function bessel(x) {
    let sum = 1;
    let term = 1;
    for (let k = 1; term > sum * 1e-10; k++) {
        term *= (x / (2 * k)) ** 2;
        sum += term;
    }
    return sum;
}

/**
 * One filter per position of an output sample between two input samples, each normalised to pass DC unchanged.
 *
 * @param {number} phases
 * @param {number} half - taps on each side
 * @param {number} cutoff - 1 is half the input rate
 * @returns {Float32Array[]}
 */
function filterBank(phases, half, cutoff) {
    const bank = [];
    const norm = bessel(KAISER_BETA);
    for (let phase = 0; phase < phases; phase++) {
        const taps = new Float32Array(half * 2);
        let sum = 0;
        for (let i = 0; i < taps.length; i++) {
            const t = i - half + 1 - phase / phases;
            const x = Math.PI * t * cutoff;
            const sinc = x === 0 ? 1 : Math.sin(x) / x;
            const edge = Math.min(1, Math.abs(t) / half);
            taps[i] = sinc * (bessel(KAISER_BETA * Math.sqrt(1 - edge * edge)) / norm);
            sum += taps[i];
        }
        bank.push(taps.map((tap) => tap / sum));
    }
    return bank;
}

/** Resamples a mono stream, block by block, keeping its state in between. */
export class Resampler {
    /**
     * @param {number} from - samples per second in
     * @param {number} to - samples per second out
     */
    constructor(from, to) {
        this.from = from;
        const divisor = greatestCommonDivisor(Math.round(from), Math.round(to));
        /** Output samples per cycle. */
        this.up = Math.round(to) / divisor;
        /** Input samples per cycle. */
        this.down = Math.round(from) / divisor;
        const lower = Math.min(from, to);
        this.half = Math.ceil((ZERO_CROSSINGS * from) / lower);
        this.bank = this.up === this.down ? [] : filterBank(this.up, this.half, (ROLL_OFF * lower) / from);
        /** @type {Float32Array} */
        this.past = new Float32Array(this.half * 2 - 1);
        /** Where the next output sample lies: whole input samples, and `phase / up` of one. */
        this.position = 0;
        this.phase = 0;
    }

    /** Seconds by which the output lags behind the input. */
    get delay() {
        return this.bank.length === 0 ? 0 : this.half / this.from;
    }

    /** Forgets past input: what follows is not its continuation. */
    reset() {
        this.past = new Float32Array(this.half * 2 - 1);
        this.position = 0;
        this.phase = 0;
    }

    /**
     * @param {Float32Array} input
     * @returns {Float32Array}
     */
    process(input) {
        if (this.bank.length === 0) {
            return input.slice();
        }
        const taps = this.half * 2;
        const buffer = new Float32Array(this.past.length + input.length);
        buffer.set(this.past);
        buffer.set(input, this.past.length);
        const output = new Float32Array(Math.ceil((buffer.length * this.up) / this.down) + 1);
        let count = 0;
        while (this.position + taps <= buffer.length) {
            const filter = this.bank[this.phase];
            let sum = 0;
            for (let i = 0; i < taps; i++) {
                sum += filter[i] * buffer[this.position + i];
            }
            output[count++] = sum;
            this.phase += this.down;
            const whole = Math.floor(this.phase / this.up);
            this.position += whole;
            this.phase -= whole * this.up;
        }
        const keep = Math.min(this.position, buffer.length);
        this.past = buffer.slice(keep);
        this.position -= keep;
        return output.subarray(0, count);
    }
}

/**
 * @param {Float32Array} samples
 * @returns {Int16Array}
 */
export function toPcm16(samples) {
    const pcm = new Int16Array(samples.length);
    for (let i = 0; i < samples.length; i++) {
        pcm[i] = Math.round(Math.max(-1, Math.min(1, samples[i])) * 32767);
    }
    return pcm;
}

/**
 * @param {Int16Array} pcm
 * @returns {Float32Array}
 */
export function fromPcm16(pcm) {
    const samples = new Float32Array(pcm.length);
    for (let i = 0; i < pcm.length; i++) {
        samples[i] = pcm[i] / 32768;
    }
    return samples;
}
