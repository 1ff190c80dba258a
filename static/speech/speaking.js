/**
 * The part of the page that speaks a text: the form, the player, the words, and how the cache worked.
 */
import { element, setText } from '../dom.js';
import { askSpeech } from './ask.js';
import { speakerOf, toldOf } from './cache.js';
import { FORMATS } from './formats.js';
import { Player } from './player.js';
import { ProblemBox } from './problem.js';
import { Refused } from './refusal.js';
import { WordList } from './word-list.js';
import { Placing } from './words.js';

/** Most runs that are shown. */
const RUNS = 6;

export class Speaking {
    constructor() {
        this.form = element('ask', HTMLFormElement);
        this.text = element('text', HTMLTextAreaElement);
        this.voice = element('voice', HTMLSelectElement);
        this.format = element('format', HTMLSelectElement);
        this.speed = element('speed', HTMLInputElement);
        this.hearButton = element('hear', HTMLButtonElement);
        this.stopButton = element('stop', HTMLButtonElement);
        this.link = element('save-speech', HTMLAnchorElement);
        this.status = element('speak-status', HTMLElement);
        this.runs = element('runs', HTMLOListElement);
        const { text, voice, format, speed } = this;
        this.problem = new ProblemBox('speak-problem', { input: text, text, voice, language: voice, response_format: format, speed });
        const audio = element('speech', HTMLAudioElement);
        this.player = new Player(audio, (message) => setText(this.status, message));
        this.words = new WordList(element('speech-words', HTMLElement), audio);
        /** @type {AbortController | null} */
        this.asking = null;
        this.listen();
    }

    listen() {
        this.form.addEventListener('submit', (event) => {
            event.preventDefault();
            void this.speak();
        });
        this.text.addEventListener('keydown', (event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                this.form.requestSubmit();
            }
        });
        this.speed.addEventListener('input', () => this.showSpeed());
        this.stopButton.addEventListener('click', () => {
            this.stop();
            setText(this.status, 'Stopped.');
        });
        this.showSpeed(); // a browser may have kept the form of a page that was left
    }

    showSpeed() {
        setText(element('speed-value', HTMLElement), Number(this.speed.value).toFixed(2));
    }

    /** Ends what is being made and heard. */
    stop() {
        this.asking?.abort();
        this.asking = null;
        this.player.stop();
        element('spoken', HTMLElement).hidden = true;
        this.busy(false);
    }

    /** Speaks the text of the form; what was being spoken ends. */
    async speak() {
        this.stop();
        this.problem.clear();
        if (this.text.value.trim() === '') {
            this.problem.show(new Refused('There is no text', 'Type what is to be spoken, then press the button again.', 'input'));
            return;
        }
        const controller = new AbortController();
        this.asking = controller;
        this.clear();
        this.busy(true);
        setText(this.status, 'The server speaks …');
        try {
            await this.run(controller.signal);
        } catch (error) {
            if (!controller.signal.aborted) {
                this.stop();
                setText(this.status, '');
                this.problem.show(error);
            }
        } finally {
            if (this.asking === controller) {
                this.asking = null;
                this.busy(false);
            }
        }
    }

    /** @param {AbortSignal} signal */
    async run(signal) {
        const order = { text: this.text.value, voice: this.voice.value, format: this.format.value, speed: Number(this.speed.value) };
        const pressed = performance.now();
        const placing = new Placing(order.text.trimStart().startsWith('<speak') ? '' : order.text);
        /** @type {Uint8Array<ArrayBuffer>[]} */
        const parts = [];
        let told = '';
        /** @type {import('./cache.js').Origin | null} */
        let origin = null;
        this.player.begin(order.format);
        await askSpeech(order, signal, {
            onOrigin: (from) => (origin = from),
            onSound: (bytes) => {
                if (parts.length === 0 && origin !== null) {
                    element('spoken', HTMLElement).hidden = false;
                    told = toldOf(origin, performance.now() - pressed);
                    this.ran(origin, told);
                }
                parts.push(bytes);
                this.player.add(bytes);
            },
            onWords: (words) => this.words.add(placing.next(words)),
        });
        if (parts.length === 0) {
            throw new Refused('There is nothing to say', 'The text has no words: type some.', 'input');
        }
        this.words.plain(placing.after());
        this.finish(order.format, new Blob(parts, { type: FORMATS[order.format].type }));
        setText(this.status, `${told}${this.words.words.length === 0 ? ' This voice tells no times of words.' : ''}`);
    }

    /** As before the first text, but for the runs. */
    clear() {
        URL.revokeObjectURL(this.link.href);
        this.link.hidden = true;
        this.words.clear();
    }

    /**
     * @param {string} format
     * @param {Blob} file
     */
    finish(format, file) {
        this.player.end(file);
        this.link.href = URL.createObjectURL(file);
        this.link.download = `speech.${format}`;
        setText(this.link, `Download speech.${format}`);
        this.link.hidden = false;
    }

    /**
     * Notes where speech came from, the newest first.
     *
     * @param {import('./cache.js').Origin} origin
     * @param {string} told
     */
    ran(origin, told) {
        const item = document.createElement('li');
        item.dataset.cache = origin.cache;
        const [kept, ...rest] = told.split(':');
        const strong = document.createElement('strong');
        strong.textContent = kept;
        const by = document.createElement('span');
        by.className = 'by';
        by.textContent = speakerOf(origin);
        item.append(strong, `:${rest.join(':')}`, by);
        this.runs.prepend(item);
        this.runs.children[RUNS]?.remove();
        element('runs-part', HTMLElement).hidden = false;
    }

    /** @param {boolean} now */
    busy(now) {
        this.form.setAttribute('aria-busy', String(now));
        if (!now && document.activeElement === this.stopButton) {
            this.hearButton.focus(); // a hidden button has no focus
        }
        this.stopButton.hidden = !now;
    }
}
