/**
 * How wrong the face's clock is, found by correlating the loudness in the frames with the loudness that is heard. No
 * browser reports the delay between the receiver and the ear, but it can be measured this way. Pure.
 */

const WINDOW = 150; // levels of 20 ms
const REACH_MS = 120;
const STEP_MS = 10;
const TICKS_PER_MS = 48;
const ALIKE = 0.9; // least correlation that shows a time
const AUDIBLE = 0.01; // mean loudness of a window, RMS
const VARIED = 0.3; // standard deviation of its square root, against its mean

/** Compares one window of three seconds after another. */
export class LoudnessFit {
    /** @param {(timestamp: number) => number} told - the level in the frames at a moment, 0 where there are none */
    constructor(told) {
        this.told = told;
        /** @type {{timestamp: number, loudness: number}[]} */
        this.points = [];
    }

    /**
     * @param {number} timestamp - the clock's time
     * @param {number} level - heard then, RMS
     * @returns {number | null} ms by which the clock is late; null: not known yet
     */
    heard(timestamp, level) {
        this.points.push({ timestamp, loudness: Math.sqrt(level) });
        if (this.points.length < WINDOW) {
            return null;
        }
        const points = this.points.splice(0);
        const mean = points.reduce((sum, { loudness }) => sum + loudness, 0) / WINDOW;
        const spread = Math.sqrt(points.reduce((sum, { loudness }) => sum + (loudness - mean) ** 2, 0) / WINDOW);
        return mean ** 2 > AUDIBLE && spread > VARIED * mean ? this.late(points) : null;
    }

    /** Forgets what was heard: it belongs to another time than what follows. */
    clear() {
        this.points.length = 0;
    }

    /**
     * @param {{timestamp: number, loudness: number}[]} points
     * @returns {number | null}
     */
    late(points) {
        const fits = [];
        for (let ms = -REACH_MS; ms <= REACH_MS; ms += STEP_MS) {
            fits.push(this.alike(points, ms * TICKS_PER_MS));
        }
        const best = fits.indexOf(Math.max(...fits));
        if (fits[best] < ALIKE || best === 0 || best === fits.length - 1) {
            return null;
        }
        const bend = fits[best - 1] - 2 * fits[best] + fits[best + 1];
        const within = bend === 0 ? 0 : (fits[best - 1] - fits[best + 1]) / (2 * bend);
        return (best + within) * STEP_MS - REACH_MS;
    }

    /**
     * @param {{timestamp: number, loudness: number}[]} points
     * @param {number} ticks
     * @returns {number} the correlation with the frames' levels that much later
     */
    alike(points, ticks) {
        let [heard, told, squares, toldSquares, products] = [0, 0, 0, 0, 0];
        for (const { timestamp, loudness } of points) {
            const other = Math.sqrt(this.told((timestamp + ticks) >>> 0));
            heard += loudness;
            told += other;
            squares += loudness * loudness;
            toldSquares += other * other;
            products += loudness * other;
        }
        const count = points.length;
        const varied = (squares - (heard * heard) / count) * (toldSquares - (told * told) / count);
        return varied > 0 ? (products - (heard * told) / count) / Math.sqrt(varied) : 0;
    }
}
