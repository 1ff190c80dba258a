/**
 * Shows the transcript: every entry as a line, new ones scrolled into view unless the person reads further up, and
 * finished ones announced to screen readers once.
 */

import { languageName } from './languages.js';

/** @typedef {import('./transcript.js').Entry} Entry */

/** @type {Record<Entry['who'], string>} */
const SPEAKERS = { user: 'You', agent: 'Visavis', page: '' };
const ANNOUNCED_LINES = 4; // kept for screen readers that lag behind; older ones are in the list

/**
 * @typedef {Object} Line
 * @property {HTMLLIElement} item
 * @property {HTMLElement} language
 * @property {HTMLParagraphElement} text
 * @property {HTMLParagraphElement} meta
 * @property {boolean} announced
 * @property {Entry} entry
 */

/**
 * @param {number} ms
 * @returns {string}
 */
function seconds(ms) {
    return `${(ms / 1000).toFixed(ms < 995 ? 2 : 1)} s`;
}

/**
 * A turn's times as one readable line.
 *
 * @param {import('./turns.js').Marks} marks
 * @returns {string} empty when there is nothing to tell
 */
export function describeTurn(marks) {
    const first = marks.heard ?? marks.first_sent ?? marks.first_audio;
    const asked = typeof marks.transcript === 'number' || typeof marks.turn_decided === 'number';
    if (typeof first !== 'number' || !asked) {
        return ''; // such as a greeting, which answers nothing
    }
    const parts = /** @type {const} */ ([
        ['transcript', 'words'],
        ['first_token', 'thought'],
        ['first_audio', 'voice'],
    ]);
    const steps = parts
        .filter(([mark]) => Number(marks[mark]) > 0) // typed words need no transcription
        .map(([mark, name]) => `${name} ${seconds(/** @type {number} */ (marks[mark]))}`);
    return `Answered in ${seconds(first)}${steps.length > 0 ? ` (${steps.join(', ')})` : ''}`;
}

/**
 * Writes an entry's words, with those that may still change set apart.
 *
 * @param {HTMLElement} target
 * @param {Entry} entry
 */
function writeText(target, { who, text, final, stable = 0 }) {
    const characters = [...text];
    const settled = final || who !== 'user' ? text : characters.slice(0, stable).join('');
    const open = text.slice(settled.length);
    if (target.firstChild?.textContent === settled && (target.lastElementChild?.textContent ?? '') === open) {
        return;
    }
    target.replaceChildren(settled);
    if (open !== '') {
        const tail = document.createElement('span');
        tail.className = 'open';
        tail.textContent = open;
        target.append(tail);
    }
}

/** The list of captions and its announcements to screen readers. */
export class Captions {
    /**
     * @param {HTMLElement} list
     * @param {HTMLElement} scroll - the scrolling element around the list
     * @param {HTMLElement} announcer
     * @param {HTMLElement} empty - shown while there is nothing to show
     */
    constructor(list, scroll, announcer, empty) {
        this.list = list;
        this.scroll = scroll;
        this.announcer = announcer;
        this.empty = empty;
        /** @type {Map<number, Line>} */
        this.lines = new Map();
        /** Languages of the words that will not change any more. */
        this.languages = new Set();
    }

    clear() {
        this.lines.clear();
        this.languages.clear();
        this.list.replaceChildren();
        this.announcer.replaceChildren();
        this.empty.hidden = false;
    }

    /** @param {Entry} entry */
    show(entry) {
        const stick = this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight < 80;
        const line = this.lines.get(entry.id) ?? this.addLine(entry);
        if (entry.text === '') {
            this.removeLine(entry.id, line);
            return;
        }
        line.item.classList.toggle('partial', !entry.final);
        line.item.classList.toggle('interrupted', entry.interrupted === true);
        writeText(line.text, entry);
        if (entry.language) {
            line.text.lang = entry.language;
            line.language.lang = entry.language;
        }
        line.entry = entry;
        this.nameLanguages(line);
        const notes = [];
        if (entry.typed) {
            notes.push('typed');
        }
        if (entry.interrupted) {
            notes.push('interrupted');
        }
        if (entry.marks !== undefined) {
            notes.push(describeTurn(entry.marks));
        }
        line.meta.textContent = notes.filter((note) => note !== '').join(' · ');
        if (entry.final && !line.announced && !entry.typed && !entry.earlier) {
            line.announced = true;
            this.announce(entry);
        }
        if (stick) {
            this.scroll.scrollTop = this.scroll.scrollHeight;
        }
    }

    /**
     * Names a line's language: where it is identified, and at each turn once a call has more than one.
     *
     * @param {Line} changed
     */
    nameLanguages(changed) {
        const { who, final, language } = changed.entry;
        const before = this.languages.size;
        if (language && (final || who === 'agent')) {
            this.languages.add(language);
        }
        const grew = this.languages.size > before && this.languages.size === 2;
        for (const line of grew ? this.lines.values() : [changed]) {
            const { entry } = line;
            const each = this.languages.size > 1 && (entry.final || entry.who === 'agent');
            const named = entry.language && (each || entry.languageNews !== undefined);
            line.language.textContent = named ? languageName(entry.language ?? '') : '';
        }
    }

    /** @param {Entry[]} entries - after a call: all are final, empty ones are gone */
    settle(entries) {
        const kept = new Set(entries.map((entry) => entry.id));
        for (const [id, line] of this.lines) {
            if (!kept.has(id)) {
                this.removeLine(id, line);
            }
        }
        entries.forEach((entry) => this.show(entry));
    }

    /**
     * @param {Entry} entry
     * @returns {Line}
     */
    addLine(entry) {
        this.empty.hidden = true;
        const item = document.createElement('li');
        item.className = `line ${entry.who}`;
        const who = document.createElement('span');
        who.className = 'who';
        who.textContent = SPEAKERS[entry.who];
        const language = document.createElement('span');
        language.className = 'language';
        const text = document.createElement('p');
        text.className = 'text';
        text.dir = 'auto';
        const meta = document.createElement('p');
        meta.className = 'meta';
        const head = document.createElement('div');
        head.className = 'line-head';
        head.append(who, language);
        item.append(head, text, meta);
        this.list.append(item);
        const line = { item, language, text, meta, announced: false, entry };
        this.lines.set(entry.id, line);
        return line;
    }

    /**
     * @param {number} id
     * @param {Line} line
     */
    removeLine(id, line) {
        line.item.remove();
        this.lines.delete(id);
        this.empty.hidden = this.lines.size > 0;
    }

    /** @param {Entry} entry */
    announce(entry) {
        const said = document.createElement('p');
        const who = SPEAKERS[entry.who];
        said.textContent = `${who === '' ? '' : `${who}: `}${entry.text}${entry.interrupted ? ' (interrupted)' : ''}`;
        if (entry.language) {
            said.lang = entry.language;
        }
        this.announcer.append(said);
        while (this.announcer.childElementCount > ANNOUNCED_LINES) {
            this.announcer.firstElementChild?.remove();
        }
    }
}
