/**
 * Words that light up as they sound, and that lead to their moment when they are pressed.
 *
 * One of them is in the order of the Tab key; the arrow keys, Home and End go to the others, so that a long transcript is passed at once.
 */
import { clock, wordAt } from './words.js';

/** @typedef {import('./words.js').PlacedWord} PlacedWord */

export class WordList {
    /**
     * @param {HTMLElement} place
     * @param {HTMLAudioElement} audio - in which the words sound
     */
    constructor(place, audio) {
        this.place = place;
        this.audio = audio;
        /** @type {PlacedWord[]} */
        this.words = [];
        /** @type {HTMLButtonElement[]} */
        this.buttons = [];
        /** @type {HTMLElement | null} Where further words go. */
        this.line = null;
        this.lit = -1;
        /** The word in the order of the Tab key. */
        this.reached = 0;
        place.addEventListener('click', ({ target }) => this.go(this.buttons.indexOf(/** @type {HTMLButtonElement} */ (target))));
        place.addEventListener('keydown', (event) => this.key(event));
        for (const moment of ['play', 'seeked', 'pause', 'ended']) {
            audio.addEventListener(moment, () => this.follow());
        }
        this.frame = 0;
    }

    clear() {
        this.words = [];
        this.buttons = [];
        this.line = null;
        this.lit = -1;
        this.reached = 0;
        this.place.replaceChildren();
    }

    /** Begins a paragraph. */
    paragraph() {
        this.line = document.createElement('p');
        this.line.dir = 'auto';
        this.place.append(this.line);
    }

    /** @param {readonly PlacedWord[]} words - the next ones of the paragraph */
    add(words) {
        if (this.line === null) {
            this.paragraph();
        }
        for (const word of words) {
            const button = document.createElement('button');
            button.type = 'button';
            button.className = 'word';
            button.textContent = word.word;
            button.title = clock(word.start);
            button.tabIndex = this.buttons.length === this.reached ? 0 : -1;
            this.buttons.push(button);
            this.words.push(word);
            this.line?.append(word.before, button);
        }
    }

    /** @param {string} text - without a time */
    plain(text) {
        this.line?.append(text);
    }

    /** @param {number} index - of a word; others are ignored */
    go(index) {
        const word = this.words[index];
        if (word !== undefined) {
            this.reach(index);
            this.audio.currentTime = word.start + 0.001; // not a rounding before it
            this.show(word.start + 0.001);
        }
    }

    /** @param {number} index */
    reach(index) {
        this.buttons[this.reached].tabIndex = -1;
        this.reached = index;
        this.buttons[index].tabIndex = 0;
    }

    /** @param {KeyboardEvent} event */
    key(event) {
        const at = this.buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target));
        const last = this.buttons.length - 1;
        if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) {
            return;
        }
        const forward = getComputedStyle(this.buttons[at]).direction === 'rtl' ? -1 : 1;
        const places = /** @type {Record<string, number>} */ ({ ArrowRight: at + forward, ArrowLeft: at - forward, Home: 0, End: last, ArrowDown: this.beyond(at, 1), ArrowUp: this.beyond(at, -1) });
        const to = places[event.key];
        if (to !== undefined) {
            event.preventDefault();
            this.reach(Math.min(last, Math.max(0, to)));
            this.buttons[this.reached].focus();
        }
    }

    /**
     * @param {number} at
     * @param {1 | -1} way
     * @returns {number} the first word of the next paragraph, or the last of the one before
     */
    beyond(at, way) {
        let to = at;
        while (this.buttons[to] !== undefined && this.buttons[to].parentElement === this.buttons[at].parentElement) {
            to += way;
        }
        return to;
    }

    /** Lights the word that sounds, once per animation frame while there is sound. */
    follow() {
        cancelAnimationFrame(this.frame);
        this.show(this.audio.currentTime);
        if (!this.audio.paused) {
            this.frame = requestAnimationFrame(() => this.follow());
        }
    }

    /** @param {number} time - seconds */
    show(time) {
        const now = wordAt(this.words, time);
        if (now === this.lit) {
            return;
        }
        this.buttons[this.lit]?.removeAttribute('aria-current');
        this.lit = now;
        const button = this.buttons[now];
        if (button !== undefined) {
            button.setAttribute('aria-current', 'true');
            this.reveal(button);
        }
    }

    /** @param {HTMLElement} button - is scrolled to within its place; the page stays where it is */
    reveal(button) {
        const { place } = this;
        const [top, bottom] = [button.offsetTop, button.offsetTop + button.offsetHeight];
        if (top < place.scrollTop || bottom > place.scrollTop + place.clientHeight) {
            place.scrollTop = top - place.clientHeight / 3;
        }
    }
}
