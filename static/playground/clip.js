/**
 * What the server made of a text or a recording, as it arrives line by line: sound, frames, words and speech sounds. Pure.
 */

/** @typedef {{text: string, start: number, end: number}} Span */

/** The numbers of a frame after its weights: the head, then the level. */
export const EXTRA = Object.freeze(['headYaw', 'headPitch', 'headRoll', 'level']);

/**
 * @param {string} text - base64
 * @returns {Uint8Array}
 */
function bytes(text) {
    const raw = atob(text);
    const out = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) {
        out[i] = raw.charCodeAt(i);
    }
    return out;
}

export class Clip {
    constructor() {
        this.rate = 0;
        this.fps = 60;
        /** @type {string[]} */
        this.shapes = [];
        /** @type {Int16Array[]} */
        this.parts = [];
        this.samples = 0;
        /** @type {Float32Array[]} The weights of each frame, then EXTRA. */
        this.frames = [];
        /** @type {Span[]} */
        this.words = [];
        /** @type {Span[]} */
        this.sounds = [];
        this.source = '';
        this.whole = false;
    }

    /**
     * Takes a line of the server's response.
     *
     * @param {any} line
     */
    add(line) {
        if (line.shapes !== undefined) {
            this.rate = line.rate;
            this.fps = line.fps;
            this.shapes = line.shapes;
        }
        if (typeof line.audio === 'string') {
            const raw = bytes(line.audio);
            const view = new DataView(raw.buffer);
            const samples = Int16Array.from({ length: raw.length >> 1 }, (_, i) => view.getInt16(2 * i, true));
            this.parts.push(samples);
            this.samples += samples.length;
        }
        for (const { weights, head, level } of line.frames ?? []) {
            this.frames.push(Float32Array.of(...weights, ...head, level));
        }
        this.words.push(...(line.words ?? []));
        for (const { symbol, start, end } of line.phonemes ?? []) {
            this.sounds.push({ text: symbol, start, end });
        }
        if (line.source !== undefined) {
            this.source = line.source;
            this.whole = true;
        }
    }

    /** Seconds of sound. */
    get heard() {
        return this.rate === 0 ? 0 : this.samples / this.rate;
    }

    /** Seconds of frames: the face comes to rest after the sound. */
    get seconds() {
        return Math.max(this.heard, this.frames.length / this.fps);
    }

    /** @returns {Int16Array} all of the sound */
    sound() {
        const all = new Int16Array(this.samples);
        let at = 0;
        for (const part of this.parts) {
            all.set(part, at);
            at += part.length;
        }
        return all;
    }

    /**
     * The face at a moment, between the two frames around it.
     *
     * @param {number} seconds
     * @param {import('../avatar/shapes.js').Face} face - is overwritten
     */
    face(seconds, face) {
        const count = this.frames.length;
        if (count === 0) {
            face.weights.fill(0);
            face.yaw = face.pitch = face.roll = 0;
            return;
        }
        const at = Math.min(count - 1, Math.max(0, seconds * this.fps));
        const before = this.frames[Math.floor(at)];
        const after = this.frames[Math.min(count - 1, Math.floor(at) + 1)];
        const part = at - Math.floor(at);
        const mix = (/** @type {number} */ i) => before[i] + (after[i] - before[i]) * part;
        const { length } = face.weights;
        for (let i = 0; i < length; i++) {
            face.weights[i] = mix(i);
        }
        face.yaw = mix(length);
        face.pitch = mix(length + 1);
        face.roll = mix(length + 2);
    }

    /** @returns {string} */
    json() {
        const { rate, fps, shapes, source, words, sounds } = this;
        const round = (/** @type {number} */ value) => Math.round(value * 1e4) / 1e4;
        const frames = this.frames.map((frame) => {
            const values = Array.from(frame, round);
            const head = values.slice(shapes.length, shapes.length + 3);
            return { weights: values.slice(0, shapes.length), head, level: values[shapes.length + 3] };
        });
        const phonemes = sounds.map(({ text, start, end }) => ({ symbol: text, start, end }));
        return JSON.stringify({ rate, fps, duration: this.heard, source, shapes, words, phonemes, frames });
    }

    /** @returns {string} a line for each frame: its time, and every value by name */
    csv() {
        const lines = [['time', ...this.shapes, ...EXTRA].join(',')];
        this.frames.forEach((frame, i) => {
            const values = Array.from(frame, (value) => String(Math.round(value * 1e4) / 1e4));
            lines.push([(i / this.fps).toFixed(4), ...values].join(','));
        });
        return `${lines.join('\n')}\n`;
    }

    /** @returns {Uint8Array} the sound as a WAV file */
    wav() {
        const sound = this.sound();
        const file = new DataView(new ArrayBuffer(44 + 2 * sound.length));
        const word = (/** @type {number} */ at, /** @type {string} */ text) => {
            [...text].forEach((char, i) => file.setUint8(at + i, char.charCodeAt(0)));
        };
        word(0, 'RIFF');
        file.setUint32(4, 36 + 2 * sound.length, true);
        word(8, 'WAVEfmt ');
        file.setUint32(16, 16, true);
        file.setUint16(20, 1, true);
        file.setUint16(22, 1, true);
        file.setUint32(24, this.rate, true);
        file.setUint32(28, 2 * this.rate, true);
        file.setUint16(32, 2, true);
        file.setUint16(34, 16, true);
        word(36, 'data');
        file.setUint32(40, 2 * sound.length, true);
        sound.forEach((sample, i) => file.setInt16(44 + 2 * i, sample, true));
        return new Uint8Array(file.buffer);
    }
}
