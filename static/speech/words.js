/**
 * Words with their times: what stands between them, which one sounds, and how moments are written. Pure.
 */

/** @typedef {{word: string, start: number, end: number}} Word - seconds */
/** @typedef {Word & {before: string}} PlacedWord - `before`: what stands between it and the word before it */

/** Most characters between two words, of which there may be some that have no time. */
const REACH = 120;
/** How long a word stays lit after its end, if no other one begins, in seconds. */
const LINGER = 0.2;

/** Finds words in their text, in order, so that its punctuation, spaces and lines are kept. */
export class Placing {
    /** @param {string} text - empty: it is not known, and words stand a space apart */
    constructor(text) {
        this.text = text;
        this.at = 0;
        this.first = true;
        /** The last words stand for something in the text that reads otherwise. */
        this.lost = false;
    }

    /**
     * @param {readonly Word[]} words - the next ones
     * @returns {PlacedWord[]}
     */
    next(words) {
        return words.map((word) => ({ ...word, before: this.before(word.word) }));
    }

    /**
     * @param {string} word
     * @returns {string}
     */
    before(word) {
        const apart = this.first ? '' : ' ';
        this.first = false;
        const found = word === '' ? -1 : this.text.indexOf(word, this.at);
        if (found < 0 || found - this.at > REACH) {
            this.lost = true;
            return apart;
        }
        const between = this.lost ? apart : this.text.slice(this.at, found);
        this.lost = false;
        this.at = found + word.length;
        return between;
    }

    /** @returns {string} what stands after the last word */
    after() {
        return this.lost || this.first ? '' : this.text.slice(this.at);
    }
}

/**
 * @param {readonly Word[]} words - by their beginnings
 * @param {number} time - seconds
 * @returns {number} the index of the one that sounds; -1: none
 */
export function wordAt(words, time) {
    let [low, high] = [0, words.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if (words[middle].start <= time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const word = words[low - 1];
    return word !== undefined && time <= word.end + LINGER ? low - 1 : -1;
}

/**
 * @param {number} seconds
 * @returns {string} such as 0:07 or 1:02:03
 */
export function clock(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
