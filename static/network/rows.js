/**
 * The lines of the tests: each with its state in a word and a mark, its time, and what there is to say of it.
 */
import { explained } from './checks.js';

/** @typedef {import('./checks.js').Check} Check */

const STATES = { waiting: 'Waiting', testing: 'Testing…', ok: 'OK', failed: 'Failed', skipped: 'Skipped' };
const SVG = 'http://www.w3.org/2000/svg';

/** One line. */
class Row {
    /** @param {Check} check */
    constructor(check) {
        this.check = check;
        this.item = document.createElement('li');
        this.item.className = 'check';
        this.item.dataset.check = check.id;
        this.use = document.createElementNS(SVG, 'use');
        const mark = document.createElementNS(SVG, 'svg');
        mark.setAttribute('class', 'mark');
        mark.setAttribute('aria-hidden', 'true');
        mark.append(this.use);
        this.state = span('found');
        this.time = span('time');
        this.why = span('why');
        this.fill = document.createElement('div');
        this.fill.className = 'fill';
        this.track = document.createElement('div');
        this.track.className = 'track';
        this.track.setAttribute('aria-hidden', 'true');
        this.track.hidden = true;
        this.track.append(this.fill);
        const what = document.createElement('div');
        what.append(span('name', check.name), span('proves', check.proves), this.why, this.track);
        const outcome = document.createElement('div');
        outcome.className = 'outcome';
        outcome.append(this.state, this.time);
        this.item.append(mark, what, outcome);
    }

    /** @param {import('./checks.js').Result} result */
    show(result) {
        this.item.dataset.state = result.state;
        this.use.setAttribute('href', `#i-${result.state}`);
        this.state.textContent = STATES[result.state];
        this.time.textContent = result.ms === null ? '' : `${Math.round(result.ms)} ms`;
        this.why.textContent = explained(this.check, result);
    }
}

/** All lines. */
export class Rows {
    /**
     * @param {HTMLOListElement} list
     * @param {readonly Check[]} checks
     */
    constructor(list, checks) {
        this.rows = new Map(checks.map((check) => [check.id, new Row(check)]));
        list.replaceChildren(...[...this.rows.values()].map(({ item }) => item));
    }

    /**
     * @param {import('./checks.js').CheckId} id
     * @param {import('./checks.js').Result} result
     */
    show(id, result) {
        this.rows.get(id)?.show(result);
    }

    /** @param {number | null} level - of the microphone, 0 to 1; null: it is closed */
    level(level) {
        const row = this.rows.get('microphone');
        if (row !== undefined) {
            row.track.hidden = level === null;
            row.fill.style.transform = `scaleX(${(level ?? 0).toFixed(2)})`;
        }
    }
}

/**
 * @param {string} className
 * @param {string} [text]
 * @returns {HTMLSpanElement}
 */
function span(className, text = '') {
    const made = document.createElement('span');
    made.className = className;
    made.textContent = text;
    return made;
}
