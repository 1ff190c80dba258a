/**
 * Every weight over time as small multiples, and the sound above them on the same axis.
 */
import { context } from '../canvas.js';
import { EXTRA } from './clip.js';

/** @typedef {import('./clip.js').Clip} Clip */
/** @typedef {{name: string, index: number, color: string, low: number, high: number}} Row */

const GROUPS = /** @type {const} */ ([
    [/^eye/, '--eyes'],
    [/^jaw|^tongue/, '--jaw'],
    [/^mouth/, '--lips'],
    [/^brow/, '--brows'],
    [/^head/, '--head'],
    [/./, '--rest'],
]);
const ROW = 30;
const GAP = 6;
/** Room for the names left of the curves. */
export const MARGIN = 148;
const FONT = '12px system-ui, sans-serif';
/** A weight that stays below this counts as still. */
const STILL = 0.02;

/**
 * @param {Clip} clip
 * @param {boolean} all - also those that stay still
 * @returns {Row[]}
 */
export function rowsOf(clip, all) {
    const names = [...clip.shapes, ...EXTRA];
    const rows = names.map((name, index) => {
        let most = 0;
        for (const frame of clip.frames) {
            most = Math.max(most, Math.abs(frame[index]));
        }
        const color = GROUPS.find(([pattern]) => pattern.test(name))?.[1] ?? '--rest';
        const angle = name.startsWith('head');
        const high = angle ? Math.max(5, most) : name === 'level' ? Math.max(0.1, most) : 1;
        return { name, index, color, low: angle ? -high : 0, high, still: most < (angle ? 0.1 : STILL) };
    });
    return rows.filter(({ still }) => all || !still);
}

/** A canvas with a time axis: drawn once, with the current moment on top. */
class TimeCanvas {
    /** @param {HTMLCanvasElement} canvas */
    constructor(canvas) {
        this.canvas = canvas;
        this.draw = context(canvas);
        this.drawn = document.createElement('canvas');
        this.width = 0;
        this.height = 0;
        this.seconds = 1;
    }

    /** @param {number} height - CSS pixels */
    size(height) {
        const ratio = Math.min(2, devicePixelRatio || 1);
        this.width = this.canvas.clientWidth || 600;
        this.height = height;
        this.canvas.style.height = `${height}px`;
        for (const canvas of [this.canvas, this.drawn]) {
            canvas.width = Math.round(this.width * ratio);
            canvas.height = Math.round(height * ratio);
        }
        const draw = /** @type {CanvasRenderingContext2D} */ (this.drawn.getContext('2d'));
        draw.setTransform(ratio, 0, 0, ratio, 0, 0);
        draw.font = FONT;
        return draw;
    }

    /** Narrow pages have no room beside the curves. */
    get margin() {
        return this.width < 520 ? 0 : MARGIN;
    }

    /** @param {number} seconds */
    x(seconds) {
        return this.margin + (seconds / this.seconds) * (this.width - this.margin);
    }

    /** @param {number} x - CSS pixels */
    at(x) {
        return Math.min(this.seconds, Math.max(0, ((x - this.margin) / (this.width - this.margin)) * this.seconds));
    }

    /** @param {number} seconds - position of the line */
    show(seconds) {
        const { draw, canvas, drawn } = this;
        draw.clearRect(0, 0, canvas.width, canvas.height);
        if (drawn.width === 0 || drawn.height === 0) {
            return;
        }
        draw.drawImage(drawn, 0, 0);
        draw.fillStyle = color('--accent');
        draw.fillRect((this.x(seconds) * canvas.width) / this.width - 1, 0, 2, canvas.height);
    }
}

/**
 * @param {string} name - of a style variable
 * @returns {string}
 */
function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The weights. */
export class Plot extends TimeCanvas {
    /** @type {Row[]} */
    rows = [];

    /**
     * @param {Clip} clip
     * @param {boolean} all
     */
    prepare(clip, all) {
        this.clip = clip;
        this.seconds = Math.max(0.1, clip.seconds);
        this.rows = rowsOf(clip, all);
        const draw = this.size(Math.max(1, this.rows.length) * (ROW + GAP));
        const [line, text] = [color('--line'), color('--text')];
        this.rows.forEach((row, i) => {
            const top = i * (ROW + GAP);
            draw.fillStyle = color('--surface-2');
            draw.fillRect(this.margin, top, this.width - this.margin, ROW);
            draw.fillStyle = line;
            const zero = top + ROW - (ROW * (0 - row.low)) / (row.high - row.low);
            draw.fillRect(this.margin, Math.min(zero, top + ROW - 1), this.width - this.margin, 1);
            this.curve(draw, row, top, clip);
            draw.fillStyle = text;
            draw.textBaseline = this.margin > 0 ? 'middle' : 'top';
            draw.fillText(row.name, this.margin > 0 ? 0 : 6, this.margin > 0 ? top + ROW / 2 : top + 2);
        });
        if (this.rows.length === 0) {
            draw.fillStyle = color('--muted');
            draw.textBaseline = 'top';
            draw.fillText('The face stays still.', this.margin, 8);
        }
    }

    /**
     * @param {CanvasRenderingContext2D} draw
     * @param {Row} row
     * @param {number} top
     * @param {Clip} clip
     */
    curve(draw, row, top, clip) {
        const y = (/** @type {number} */ value) => top + ROW - (ROW * (value - row.low)) / (row.high - row.low);
        draw.beginPath();
        draw.moveTo(this.x(0), y(0));
        clip.frames.forEach((frame, i) => draw.lineTo(this.x(i / clip.fps), y(frame[row.index])));
        draw.strokeStyle = color(row.color);
        draw.lineWidth = 1.5;
        draw.stroke();
        draw.lineTo(this.x((clip.frames.length - 1) / clip.fps), y(0));
        draw.closePath();
        draw.globalAlpha = 0.22;
        draw.fillStyle = color(row.color);
        draw.fill();
        draw.globalAlpha = 1;
    }

    /** @param {number} y - CSS pixels */
    rowAt(y) {
        return this.rows[Math.floor(y / (ROW + GAP))];
    }
}

/** Waveform, words and speech sounds. */
export class Axis extends TimeCanvas {
    /** @param {Clip} clip */
    prepare(clip) {
        this.seconds = Math.max(0.1, clip.seconds);
        const draw = this.size(132);
        this.wave(draw, clip, 56);
        const spans = [
            { list: clip.words, top: 62, label: 'words' },
            { list: clip.sounds, top: 86, label: 'sounds' },
        ];
        for (const { list, top, label } of spans) {
            this.spans(draw, list, top);
            this.label(draw, label, top + 10);
        }
        this.label(draw, 'sound', 28);
        this.ticks(draw, 112);
    }

    /**
     * @param {CanvasRenderingContext2D} draw
     * @param {string} text
     * @param {number} y
     */
    label(draw, text, y) {
        if (this.margin > 0) {
            draw.fillStyle = color('--muted');
            draw.textBaseline = 'middle';
            draw.fillText(text, 0, y);
        }
    }

    /**
     * @param {CanvasRenderingContext2D} draw
     * @param {Clip} clip
     * @param {number} height
     */
    wave(draw, clip, height) {
        const sound = clip.sound();
        const loudest = Math.max(2000, sound.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
        draw.fillStyle = color('--speaking-color');
        for (let x = Math.ceil(this.margin); x < this.width; x++) {
            const from = Math.floor(this.at(x) * clip.rate);
            const to = Math.min(sound.length, Math.max(from + 1, Math.floor(this.at(x + 1) * clip.rate)));
            let peak = 0;
            for (let i = from; i < to; i++) {
                peak = Math.max(peak, Math.abs(sound[i]));
            }
            const half = Math.max(0.5, (peak / loudest) * (height / 2));
            draw.fillRect(x, height / 2 - half, 1, 2 * half);
        }
    }

    /**
     * Spans with as much of their text as fits.
     *
     * @param {CanvasRenderingContext2D} draw
     * @param {import('./clip.js').Span[]} list
     * @param {number} top
     */
    spans(draw, list, top) {
        draw.textBaseline = 'middle';
        list.forEach(({ text, start, end }, i) => {
            const [from, to] = [this.x(start), this.x(end)];
            draw.fillStyle = color(i % 2 === 0 ? '--surface-2' : '--line');
            draw.fillRect(from, top, Math.max(1, to - from), 20);
            if (draw.measureText(text).width + 2 <= to - from) {
                draw.fillStyle = color('--text');
                draw.fillText(text, from + (to - from - draw.measureText(text).width) / 2, top + 10);
            }
        });
    }

    /**
     * @param {CanvasRenderingContext2D} draw
     * @param {number} top
     */
    ticks(draw, top) {
        const room = (this.width - this.margin) / this.seconds; // pixels a second
        const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60].find((seconds) => seconds * room >= 46) ?? 120;
        draw.fillStyle = color('--muted');
        draw.textBaseline = 'top';
        for (let at = 0; at <= this.seconds; at += step) {
            draw.fillRect(this.x(at), top - 4, 1, 5);
            const text = `${Number(at.toFixed(1))} s`;
            const x = Math.min(this.x(at) + 3, this.width - draw.measureText(text).width);
            draw.fillText(text, x, top + 2);
        }
    }
}
