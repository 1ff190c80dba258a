/**
 * The part of the page that reads a recording: the file, its waveform, its words, and how far the server is.
 */
import { element, setText } from '../dom.js';
import { languageName } from '../languages.js';
import { ProblemBox } from './problem.js';
import { Refused } from './refusal.js';
import { save, stem } from './save.js';
import { asSrt, asText, asVtt } from './subtitles.js';
import { transcribe } from './upload.js';
import { Waveform, isDrawable, outline } from './waveform.js';
import { WordList } from './word-list.js';
import { Placing, clock } from './words.js';

/** @typedef {import('./subtitles.js').Segment} Segment */

/** Longest wait for a browser to say how long a file is, in milliseconds. */
const PATIENCE_MS = 5000;

export class Listening {
    constructor() {
        this.input = element('recording', HTMLInputElement);
        this.language = element('heard-language', HTMLSelectElement);
        this.cancel = element('cancel', HTMLButtonElement);
        this.status = element('listen-status', HTMLElement);
        this.note = element('listen-note', HTMLElement);
        this.progress = element('listen-progress', HTMLProgressElement);
        this.audio = element('sound', HTMLAudioElement);
        this.problem = new ProblemBox('listen-problem', { file: this.input, language: this.language });
        this.words = new WordList(element('heard-words', HTMLElement), this.audio);
        this.waveform = new Waveform(element('waveform', HTMLCanvasElement), this.audio);
        /** @type {AbortController | null} */
        this.work = null;
        /** @type {Segment[]} */
        this.segments = [];
        this.name = '';
        this.address = '';
        this.listen();
    }

    listen() {
        this.input.addEventListener('change', () => {
            const [file] = this.input.files ?? [];
            if (file !== undefined) {
                void this.hear(file);
                this.input.value = ''; // the same file may be chosen again
            }
        });
        this.cancel.addEventListener('click', () => {
            this.stop();
            setText(this.status, this.segments.length > 0 ? 'Cancelled: what was heard until then stays.' : 'Cancelled.');
        });
        this.audio.addEventListener('error', () => {
            if (this.address !== '') {
                this.noteWave('This browser cannot play this file; the server may still hear it.');
            }
        });
        const saves = /** @type {const} */ ([['txt', 'text/plain', asText], ['srt', 'application/x-subrip', asSrt], ['vtt', 'text/vtt', asVtt]]);
        for (const [kind, type, write] of saves) {
            element(`save-${kind}`, HTMLButtonElement).addEventListener('click', () => save(`${this.name}.${kind}`, type, write(this.segments)));
        }
    }

    /** Ends the work in progress. */
    stop() {
        this.work?.abort();
        this.work = null;
        this.busy(false);
    }

    /**
     * Hears a file; one that is being heard is given up.
     *
     * @param {File} file
     */
    async hear(file) {
        this.stop();
        this.clear();
        if (file.size === 0) {
            this.problem.show(new Refused('The file is empty', `${file.name} has no bytes. Choose a file with sound in it.`, 'file'));
            return;
        }
        const controller = new AbortController();
        this.work = controller;
        this.busy(true);
        this.open(file);
        setText(this.status, `${file.name} is sent …`);
        try {
            await this.run(file, controller.signal);
        } catch (error) {
            if (!controller.signal.aborted) {
                setText(this.status, '');
                this.problem.show(error);
            }
        } finally {
            if (this.work === controller) {
                this.work = null;
                this.busy(false);
            }
        }
    }

    /**
     * @param {File} file
     * @param {AbortSignal} signal
     */
    async run(file, signal) {
        void this.draw(file, signal);
        const { language, duration, times } = await transcribe(file, this.language.value, signal, {
            onSent: (share) => this.sent(file, share),
            onSegment: (segment) => this.segment(segment),
        });
        const words = this.words.words.length;
        if (words === 0) {
            setText(this.status, `No words were heard in ${clock(duration)}. If there are some, choose their language and try again.`);
            return;
        }
        const how = times === 'measured' ? '' : ' Their times are estimates.';
        setText(this.status, `${words} words in ${clock(duration)}${language === '' ? '' : `, ${languageName(language)}`}.${how}`);
    }

    /**
     * @param {File} file
     * @param {number} share
     */
    sent(file, share) {
        if (share < 1) {
            this.progress.value = share;
            setText(this.note, `${Math.floor(share * 100)} % sent`);
            return;
        }
        this.progress.removeAttribute('value'); // it is not known how long the first words take
        this.progress.setAttribute('aria-label', 'Heard');
        setText(this.note, '');
        setText(this.status, `The server listens to ${file.name} …`);
    }

    /** @param {Segment} segment */
    segment(segment) {
        this.segments.push(segment);
        this.words.paragraph();
        const placing = new Placing(segment.text);
        this.words.add(placing.next(segment.words));
        this.words.plain(segment.words.length === 0 ? segment.text : placing.after());
        element('saves', HTMLElement).hidden = false;
        const { duration } = this.audio;
        if (Number.isFinite(duration) && duration > 0) {
            this.progress.value = Math.min(1, segment.end / duration);
            setText(this.note, `${clock(segment.end)} of ${clock(duration)} heard`);
        } else {
            setText(this.note, `${clock(segment.end)} heard`);
        }
    }

    /** @param {File} file */
    open(file) {
        this.name = stem(file.name);
        this.address = URL.createObjectURL(file);
        this.audio.src = this.address;
        element('heard', HTMLElement).hidden = false;
    }

    /**
     * @param {File} file
     * @param {AbortSignal} signal
     */
    async draw(file, signal) {
        const seconds = await lengthOf(this.audio);
        if (signal.aborted) {
            return;
        }
        if (!isDrawable(file, seconds)) {
            this.noteWave('The file is too long for a waveform.');
            return;
        }
        try {
            const { peaks, seconds: exact } = await outline(file);
            if (!signal.aborted) {
                this.waveform.load(peaks, exact);
            }
        } catch {
            if (!signal.aborted) {
                this.noteWave('This browser cannot decode this file, so there is no waveform; the server may still hear it.');
            }
        }
    }

    /** @param {string} text */
    noteWave(text) {
        setText(element('waveform-note', HTMLElement), text);
    }

    /** As before the first file. */
    clear() {
        URL.revokeObjectURL(this.address);
        this.address = '';
        this.audio.removeAttribute('src');
        this.audio.load();
        this.segments = [];
        this.words.clear();
        this.waveform.clear();
        this.noteWave('');
        this.problem.clear();
        setText(this.status, '');
        setText(this.note, '');
        element('heard', HTMLElement).hidden = true;
        element('saves', HTMLElement).hidden = true;
    }

    /** @param {boolean} now */
    busy(now) {
        if (!now && document.activeElement === this.cancel) {
            this.input.focus(); // a hidden button has no focus
        }
        this.cancel.hidden = !now;
        this.progress.hidden = !now;
        if (now) {
            this.progress.value = 0;
            this.progress.setAttribute('aria-label', 'Sent');
        } else {
            setText(this.note, '');
        }
    }
}

/**
 * @param {HTMLAudioElement} audio
 * @returns {Promise<number>} seconds; infinite: the browser does not know
 */
function lengthOf(audio) {
    return new Promise((resolve) => {
        const settle = () => resolve(Number.isFinite(audio.duration) ? audio.duration : Infinity);
        if (audio.readyState > 0) {
            settle();
            return;
        }
        audio.addEventListener('loadedmetadata', settle, { once: true });
        audio.addEventListener('error', settle, { once: true });
        setTimeout(settle, PATIENCE_MS);
    });
}
