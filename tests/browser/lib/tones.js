/**
 * Tones: as frames of a response, and as a WAV file.
 */
import { TICKS_PER_SAMPLE, WIRE_FRAME, WIRE_RATE, encodeAudio } from '../../../static/protocol.js';
import { encodeWav } from './wav.js';

export const FRAME_MS = 20;

/**
 * @param {number} sequence - from 0
 * @param {number} response
 * @returns {ArrayBuffer} a frame as a server sends it
 */
export function answerFrame(sequence, response) {
    const at = sequence * WIRE_FRAME;
    const frame = encodeAudio(sequence, at * TICKS_PER_SAMPLE, tone(WIRE_FRAME, at));
    new DataView(frame).setUint32(8, response, true); // the page itself only ever sends 0
    return frame;
}

/**
 * @param {number} seconds
 * @returns {Buffer} a WAV file
 */
export function toneFile(seconds) {
    return encodeWav(WIRE_RATE, tone(WIRE_RATE * seconds, 0));
}

/**
 * @param {number} length - samples
 * @param {number} from - the first one
 * @returns {Int16Array}
 */
function tone(length, from) {
    return Int16Array.from({ length }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * (from + i)) / WIRE_RATE));
}
