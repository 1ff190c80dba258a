/**
 * Plays a file that arrives in pieces: while it arrives where the browser can (Media Source Extensions), else once it is whole.
 */
import { FORMATS, playable } from './formats.js';

export class Player {
    /**
     * @param {HTMLAudioElement} audio
     * @param {(message: string) => void} tell - why nothing is heard
     */
    constructor(audio, tell) {
        this.audio = audio;
        this.tell = tell;
        this.address = '';
        this.format = '';
        /** @type {Stream | null} Plays what arrives; null: the file is awaited. */
        this.stream = null;
        /** @type {Blob | null} All of it; null: it is not there yet. */
        this.file = null;
        audio.addEventListener('error', () => this.failed());
    }

    /**
     * Begins a file. To be called in the press of a button: browsers keep sound back otherwise.
     *
     * @param {string} format
     */
    begin(format) {
        this.stop();
        this.format = format;
        const { type, streams } = FORMATS[format];
        if (streams && typeof MediaSource !== 'undefined' && MediaSource.isTypeSupported(type)) {
            this.stream = new Stream(type, () => this.failed());
            this.open(this.stream.media);
            this.play();
        }
    }

    /** @param {Uint8Array<ArrayBuffer>} bytes - the next ones of the file */
    add(bytes) {
        this.stream?.add(bytes);
    }

    /** @param {Blob} file - all of it */
    end(file) {
        this.file = file;
        if (this.stream === null || this.stream.broken) {
            this.playWhole(file);
        } else {
            this.stream.end();
        }
    }

    /** @param {Blob} file */
    playWhole(file) {
        this.stream = null;
        const at = this.audio.currentTime;
        this.open(playable(this.format, file));
        this.audio.currentTime = at;
        this.play();
    }

    stop() {
        this.stream = null;
        this.file = null;
        this.audio.pause();
        this.audio.removeAttribute('src');
        this.audio.load();
        URL.revokeObjectURL(this.address);
        this.address = '';
    }

    /** @param {Blob | MediaSource} source */
    open(source) {
        URL.revokeObjectURL(this.address);
        this.address = URL.createObjectURL(source);
        this.audio.src = this.address;
    }

    play() {
        this.audio.play().catch((error) => {
            if (error.name === 'NotAllowedError') {
                this.tell('The browser keeps the sound back: press play.');
            } else if (error.name !== 'AbortError' && this.stream === null) {
                this.failed();
            }
        });
    }

    /** The browser does not play what it was given. */
    failed() {
        if (this.stream !== null) {
            this.stream.broken = true;
            if (this.file !== null) {
                this.playWhole(this.file);
            }
        } else if (this.address !== '') {
            this.tell(`This browser cannot play ${this.format.toUpperCase()}: download the file, or choose another format.`);
        }
    }
}

/** A file on its way into the browser's decoder. */
class Stream {
    /**
     * @param {string} type
     * @param {() => void} onBroken - the browser does not take it
     */
    constructor(type, onBroken) {
        this.onBroken = onBroken;
        this.media = new MediaSource();
        /** @type {SourceBuffer | null} */
        this.buffer = null;
        /** @type {Uint8Array<ArrayBuffer>[]} */
        this.waiting = [];
        this.whole = false;
        this.broken = false;
        this.media.addEventListener('sourceopen', () => {
            try {
                this.buffer = this.media.addSourceBuffer(type);
            } catch {
                this.onBroken();
                return;
            }
            this.buffer.addEventListener('updateend', () => this.pump());
            this.pump();
        }, { once: true });
    }

    /** @param {Uint8Array<ArrayBuffer>} bytes */
    add(bytes) {
        this.waiting.push(bytes);
        this.pump();
    }

    end() {
        this.whole = true;
        this.pump();
    }

    pump() {
        if (this.buffer === null || this.broken || this.buffer.updating || this.media.readyState !== 'open') {
            return;
        }
        const next = this.waiting.shift();
        try {
            if (next !== undefined) {
                this.buffer.appendBuffer(next);
            } else if (this.whole) {
                this.media.endOfStream();
            }
        } catch {
            this.onBroken(); // such as for a full buffer
        }
    }
}
