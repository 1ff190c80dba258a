/**
 * WAV files of 16-bit PCM, mono: enough for a microphone and for recordings.
 */
import fs from 'node:fs';

/**
 * @typedef {Object} Sound
 * @property {number} sampleRate
 * @property {Float32Array} samples
 */

/**
 * Reads 16-bit PCM, only the first channel.
 *
 * @param {string} file
 * @returns {Sound}
 */
export function readWav(file) {
    const bytes = fs.readFileSync(file);
    if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') {
        throw new Error(`${file} is not a WAV file.`);
    }
    let sampleRate = 0;
    let channels = 1;
    for (let at = 12; at + 8 <= bytes.length; ) {
        const name = bytes.toString('latin1', at, at + 4);
        const size = Math.min(bytes.readUInt32LE(at + 4), bytes.length - at - 8);
        if (name === 'fmt ') {
            channels = bytes.readUInt16LE(at + 10);
            sampleRate = bytes.readUInt32LE(at + 12);
            if (bytes.readUInt16LE(at + 22) !== 16) {
                throw new Error(`${file} is not 16-bit PCM.`);
            }
        } else if (name === 'data') {
            const samples = new Float32Array(Math.floor(size / 2 / channels));
            for (let i = 0; i < samples.length; i++) {
                samples[i] = bytes.readInt16LE(at + 8 + i * 2 * channels) / 32768;
            }
            return { sampleRate, samples };
        }
        at += 8 + size + (size % 2);
    }
    throw new Error(`${file} has no sound in it.`);
}

/**
 * @param {number} sampleRate
 * @param {Int16Array} samples
 * @returns {Buffer} a file
 */
export function encodeWav(sampleRate, samples) {
    const bytes = Buffer.alloc(44 + samples.byteLength);
    bytes.write('RIFF', 0, 'latin1');
    bytes.writeUInt32LE(36 + samples.byteLength, 4);
    bytes.write('WAVEfmt ', 8, 'latin1');
    bytes.writeUInt32LE(16, 16);
    bytes.writeUInt16LE(1, 20); // PCM
    bytes.writeUInt16LE(1, 22);
    bytes.writeUInt32LE(sampleRate, 24);
    bytes.writeUInt32LE(sampleRate * 2, 28);
    bytes.writeUInt16LE(2, 32);
    bytes.writeUInt16LE(16, 34);
    bytes.write('data', 36, 'latin1');
    bytes.writeUInt32LE(samples.byteLength, 40);
    Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).copy(bytes, 44);
    return bytes;
}

/**
 * @param {string} file
 * @param {Sound} sound
 */
export function writeWav(file, { sampleRate, samples }) {
    const pcm = new Int16Array(samples.length);
    samples.forEach((sample, i) => {
        pcm[i] = Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
    });
    fs.writeFileSync(file, encodeWav(sampleRate, pcm));
}

/**
 * Silence, the speech, silence: Chromium's file microphone starts with the call and begins again at its end, so the
 * greeting must pass before the speech, and the test after it.
 *
 * @param {string} from
 * @param {string} to
 * @param {{before?: number, after?: number}} [seconds]
 */
export function padWav(from, to, { before = 8, after = 120 } = {}) {
    const { sampleRate, samples } = readWav(from);
    const padded = new Float32Array(Math.round((before + after) * sampleRate) + samples.length);
    padded.set(samples, Math.round(before * sampleRate));
    writeWav(to, { sampleRate, samples: padded });
}

/**
 * Where sound begins and ends, by 20 ms blocks.
 *
 * @param {Sound} sound
 * @param {number} threshold - RMS
 * @param {number} [from] - sample to begin at
 * @returns {{first: number, last: number} | null} samples
 */
export function findSound({ sampleRate, samples }, threshold, from = 0) {
    const block = Math.round(sampleRate / 50);
    let first = -1;
    let last = -1;
    for (let at = from; at + block <= samples.length; at += block) {
        const energy = samples.subarray(at, at + block).reduce((sum, sample) => sum + sample * sample, 0);
        if (Math.sqrt(energy / block) > threshold) {
            first = first < 0 ? at : first;
            last = at + block;
        }
    }
    return first < 0 ? null : { first, last };
}
