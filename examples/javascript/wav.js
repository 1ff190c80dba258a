/** WAV files of 16-bit mono. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Sample rates that a client may send. */
const RATES = [8000, 16000, 24000, 44100, 48000];

/** The sample rate, and the samples as stored in the file. */
export function readWav(path) {
    const file = readFileSync(path);
    let rate = 0;
    for (let at = 12; at + 8 <= file.length;) {
        const [kind, length] = [file.toString('latin1', at, at + 4), file.readUInt32LE(at + 4)];
        if (kind === 'fmt ') {
            rate = file.readUInt32LE(at + 12);
            if (file.readUInt16LE(at + 10) !== 1 || file.readUInt16LE(at + 22) !== 16 || !RATES.includes(rate)) {
                throw new Error(`${path}: ${rate} Hz; it must be 16-bit mono of ${RATES.join(', ')} Hz`);
            }
        } else if (kind === 'data' && rate > 0) {
            return { rate, samples: file.subarray(at + 8, at + 8 + length) };
        }
        at += 8 + length + (length % 2);
    }
    throw new Error(`${path} is not a WAV file`);
}

/** Writes samples at 16 kHz; returns their length in seconds. */
export function writeWav(path, samples) {
    const head = Buffer.alloc(44);
    head.write('RIFF');
    head.writeUInt32LE(36 + samples.length, 4);
    head.write('WAVEfmt ', 8);
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(1, 20); // PCM
    head.writeUInt16LE(1, 22); // channels
    head.writeUInt32LE(16000, 24);
    head.writeUInt32LE(32000, 28); // bytes a second
    head.writeUInt16LE(2, 32); // bytes a sample
    head.writeUInt16LE(16, 34); // bits
    head.write('data', 36);
    head.writeUInt32LE(samples.length, 40);
    writeFileSync(path, Buffer.concat([head, samples]));
    return samples.length / 32000;
}
