/**
 * The outline of a sound: its peaks, to be drawn, and the same in words, to be read. Pure.
 */
import { clock } from './words.js';

/** What is quieter than this share of the loudest is a pause. */
const QUIET = 0.08;
/** No sound is louder than this in silence. */
const SILENCE = 0.002;
/** Shorter pauses are none, in seconds. */
const PAUSE = 0.4;
/** Most stretches that are told one by one. */
const TOLD = 6;

/**
 * @param {Float32Array} samples
 * @param {number} count - of the columns that are drawn
 * @returns {Float32Array} the loudest of each, 0 to 1
 */
export function peaksOf(samples, count) {
    const peaks = new Float32Array(count);
    for (let column = 0; column < count; column++) {
        const to = Math.floor(((column + 1) * samples.length) / count);
        let most = 0;
        for (let i = Math.floor((column * samples.length) / count); i < to; i++) {
            most = Math.max(most, Math.abs(samples[i]));
        }
        peaks[column] = Math.min(1, most);
    }
    return peaks;
}

/**
 * @param {Float32Array} peaks
 * @param {number} seconds
 * @returns {{start: number, end: number}[]} where there is sound, in seconds
 */
export function stretches(peaks, seconds) {
    const column = seconds / Math.max(1, peaks.length);
    const least = Math.max(SILENCE, QUIET * peaks.reduce((most, peak) => Math.max(most, peak), 0));
    /** @type {{start: number, end: number}[]} */
    const found = [];
    peaks.forEach((peak, i) => {
        if (peak < least) {
            return;
        }
        const last = found[found.length - 1];
        if (last !== undefined && i * column - last.end < PAUSE) {
            last.end = (i + 1) * column;
        } else {
            found.push({ start: i * column, end: (i + 1) * column });
        }
    });
    return found;
}

/**
 * @param {Float32Array} peaks
 * @param {number} seconds
 * @returns {string} the picture in words
 */
export function described(peaks, seconds) {
    const found = stretches(peaks, seconds);
    const whole = `Waveform of ${clock(seconds)}`;
    if (found.length === 0) {
        return `${whole}: silence.`;
    }
    if (found.length > TOLD) {
        return `${whole}: ${found.length} stretches of sound with pauses between them, the first at ${clock(found[0].start)}, the last until ${clock(found[found.length - 1].end)}.`;
    }
    return `${whole}: sound ${found.map(({ start, end }) => `from ${clock(start)} to ${clock(end)}`).join(', ')}.`;
}
