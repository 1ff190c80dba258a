/**
 * The waveform of a recording: decoded by the browser, drawn on a canvas, and told in words to those who do not see it.
 */
import { context } from '../canvas.js';
import { described, peaksOf } from './peaks.js';

/** Columns of the drawing. */
const COLUMNS = 600;
/** Enough for an outline. */
const RATE = 8000;
/** Longer and larger files are not decoded: a browser does so as a whole, which would fill its memory. */
const LONGEST = 15 * 60;
const LARGEST = 96 * 1024 * 1024;

/**
 * @param {File} file
 * @param {number} seconds - its length; infinite: the browser does not know
 * @returns {boolean}
 */
export function isDrawable(file, seconds) {
    return file.size <= LARGEST && (Number.isFinite(seconds) ? seconds <= LONGEST : file.size <= LARGEST / 8);
}

/**
 * @param {File} file
 * @returns {Promise<{peaks: Float32Array, seconds: number}>}
 * @throws {DOMException} if the browser cannot decode it
 */
export async function outline(file) {
    const decoder = new OfflineAudioContext(1, 1, RATE);
    const sound = await decoder.decodeAudioData(await file.arrayBuffer());
    return { peaks: peaksOf(sound.getChannelData(0), COLUMNS), seconds: sound.duration };
}

export class Waveform {
    /**
     * @param {HTMLCanvasElement} canvas
     * @param {HTMLAudioElement} audio
     */
    constructor(canvas, audio) {
        this.canvas = canvas;
        this.audio = audio;
        this.draw = context(canvas);
        /** @type {Float32Array} */
        this.peaks = new Float32Array(0);
        this.seconds = 0;
        this.frame = 0;
        canvas.addEventListener('click', ({ offsetX }) => this.seek(offsetX / canvas.clientWidth));
        new ResizeObserver(() => this.paint()).observe(canvas);
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint());
        for (const moment of ['play', 'seeked', 'pause', 'ended', 'timeupdate']) {
            audio.addEventListener(moment, () => this.follow());
        }
    }

    clear() {
        this.load(new Float32Array(0), 0);
    }

    /**
     * @param {Float32Array} peaks
     * @param {number} seconds
     */
    load(peaks, seconds) {
        this.peaks = peaks;
        this.seconds = seconds;
        this.canvas.hidden = peaks.length === 0;
        this.canvas.setAttribute('aria-label', peaks.length === 0 ? 'Waveform' : described(peaks, seconds));
        this.paint();
    }

    /** @param {number} share */
    seek(share) {
        if (this.seconds > 0) {
            this.audio.currentTime = share * this.seconds;
        }
    }

    /** Moves the mark with the sound. */
    follow() {
        cancelAnimationFrame(this.frame);
        this.paint();
        if (!this.audio.paused) {
            this.frame = requestAnimationFrame(() => this.follow());
        }
    }

    paint() {
        const { canvas, draw, peaks } = this;
        const ratio = Math.min(2, devicePixelRatio || 1);
        const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
        if (canvas.width !== width || canvas.height !== height) {
            canvas.width = width;
            canvas.height = height;
        }
        draw.clearRect(0, 0, width, height);
        const style = getComputedStyle(document.documentElement);
        const [heard, ahead] = ['--accent', '--line-strong'].map((name) => style.getPropertyValue(name).trim());
        const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 0.02);
        const done = this.seconds > 0 ? this.audio.currentTime / this.seconds : 0;
        const column = width / Math.max(1, peaks.length);
        peaks.forEach((peak, i) => {
            const half = Math.max(ratio / 2, (peak / loudest) * (height / 2 - ratio));
            draw.fillStyle = (i + 0.5) / peaks.length <= done ? heard : ahead;
            draw.fillRect(i * column, height / 2 - half, Math.max(1, column * 0.7), 2 * half);
        });
        draw.fillStyle = heard;
        draw.fillRect(Math.min(width - ratio, done * width), 0, 2 * ratio, height);
    }
}
