/**
 * How far the face lags the sound: by how much the loudness given to the face must be shifted to match the loudness that
 * was heard. Pure.
 *
 * @typedef {[number, number]} Point a time in ms, and a level
 */

const GRID_MS = 5;
const REACH_MS = 200;
const WINDOW_MS = 2000;
const ENOUGH = 0.8; // least correlation that shows a time
const AUDIBLE = 0.005; // standard deviation of the level within a window

/**
 * @param {Point[]} points - by time
 * @param {number} from - ms
 * @param {number} count - steps of the grid
 * @returns {Float64Array} loudness on the grid
 */
function sampled(points, from, count) {
    const values = new Float64Array(count);
    let at = 0;
    for (let i = 0; i < count; i++) {
        const time = from + i * GRID_MS;
        while (at + 1 < points.length && points[at + 1][0] <= time) {
            at += 1;
        }
        const [t0, v0] = points[at];
        const [t1, v1] = points[Math.min(at + 1, points.length - 1)];
        const share = t1 > t0 ? Math.min(1, Math.max(0, (time - t0) / (t1 - t0))) : 0;
        values[i] = Math.sqrt(Math.max(0, v0 + (v1 - v0) * share));
    }
    return values;
}

/**
 * @param {Float64Array} a
 * @param {Float64Array} b
 * @param {number} shift - of `b`
 * @returns {number}
 */
function correlation(a, b, shift) {
    const n = a.length;
    let sumA = 0;
    let sumB = 0;
    let aa = 0;
    let bb = 0;
    let ab = 0;
    for (let i = 0; i < n; i++) {
        const x = a[i];
        const y = b[i + shift];
        sumA += x;
        sumB += y;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    const varied = Math.sqrt((aa - (sumA * sumA) / n) * (bb - (sumB * sumB) / n));
    return varied > 1e-12 ? (ab - (sumA * sumB) / n) / varied : 0;
}

/**
 * @param {Point[]} heard
 * @param {Point[]} seen
 * @param {number} from - ms
 * @returns {{skew: number, correlation: number} | null} `skew` in ms, above 0: the face is late; null: too little to tell
 */
export function skewAt(heard, seen, from) {
    const count = WINDOW_MS / GRID_MS;
    const reach = REACH_MS / GRID_MS;
    const sound = sampled(heard, from, count);
    const mean = sound.reduce((sum, value) => sum + value ** 2, 0) / count;
    const deviation = Math.sqrt(sound.reduce((sum, value) => sum + (value ** 2 - mean) ** 2, 0) / count);
    if (deviation < AUDIBLE) {
        return null;
    }
    const face = sampled(seen, from - REACH_MS, count + 2 * reach);
    const fits = Array.from({ length: 2 * reach + 1 }, (_, shift) => correlation(sound, face, shift));
    const best = fits.indexOf(Math.max(...fits));
    if (fits[best] < ENOUGH || best === 0 || best === fits.length - 1) {
        return null;
    }
    const [before, peak, after] = fits.slice(best - 1, best + 2);
    const bend = before - 2 * peak + after;
    const within = bend === 0 ? 0 : (before - after) / (2 * bend);
    return { skew: (best + within) * GRID_MS - REACH_MS, correlation: peak };
}

/**
 * @param {Point[]} heard
 * @param {Point[]} seen
 * @returns {{at: number, skew: number, correlation: number}[]} window by window, where it can be measured
 */
export function skews(heard, seen) {
    const found = [];
    const windows = { first: (heard[0]?.[0] ?? 0) + REACH_MS, last: (heard.at(-1)?.[0] ?? 0) - WINDOW_MS - REACH_MS };
    for (let at = windows.first; at <= windows.last; at += WINDOW_MS) {
        const one = seen.length > 1 ? skewAt(heard, seen, at) : null;
        if (one !== null) {
            found.push({ at, ...one });
        }
    }
    return found;
}

/**
 * @param {number[]} values
 * @param {number} share - 0 to 1
 * @returns {number} by nearest rank; NaN of none
 */
export function percentile(values, share) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/**
 * @param {{at: number, skew: number}[]} found
 * @returns {number} by how much the skew has grown from the first third to the last, ms
 */
export function drift(found) {
    const third = Math.ceil(found.length / 3);
    const middle = (/** @type {{skew: number}[]} */ part) => percentile(part.map(({ skew }) => skew), 0.5);
    return middle(found.slice(-third)) - middle(found.slice(0, third));
}
