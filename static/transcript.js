/**
 * Who said what, built from the server's messages. Pure.
 */

/**
 * One utterance or response, or a note of the page between them.
 *
 * @typedef {Object} Entry
 * @property {number} id - its place, from 0; never changes
 * @property {'user' | 'agent' | 'page'} who
 * @property {string} text
 * @property {boolean} final - it will not change any more
 * @property {number} [response] - of the agent: the response's id
 * @property {boolean} [typed] - of the person: written, not spoken
 * @property {boolean} [earlier] - said before the page was loaded
 * @property {boolean} [interrupted] - of the agent: `text` is what was heard before the interruption
 * @property {number} [stable] - of words that are not final: how many characters will not change any more
 * @property {string} [language] - ISO 639-1, of the words
 * @property {string} [voice] - of the agent: the voice that speaks
 * @property {'identified' | 'switched'} [languageNews] - the first words with a language, or the first in another one
 * @property {import('./turns.js').Marks} [marks] - of the agent: the turn's times in ms after the last spoken sample
 */

const NO_SPACES = /[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]/; // scripts without spaces between words

/**
 * @param {string} left
 * @param {string} right
 * @returns {string}
 */
export function joinText(left, right) {
    const next = right.trim();
    if (left === '' || next === '') {
        return left + next;
    }
    const tight = NO_SPACES.test(left.slice(-1)) && NO_SPACES.test(next[0]);
    return left + (tight ? '' : ' ') + next;
}

/**
 * @param {Entry} entry
 * @returns {boolean}
 */
function hasLanguage({ who, text, language }) {
    return who === 'user' && text !== '' && Boolean(language);
}

/**
 * @param {string} text - as it came, untrimmed
 * @param {unknown} stable - characters of it that will not change any more
 * @returns {number | undefined} the same of the trimmed text; undefined when the server does not say
 */
function stableCharacters(text, stable) {
    if (typeof stable !== 'number') {
        return undefined;
    }
    const before = text.length - text.trimStart().length;
    return Math.max(0, Math.min([...text.trim()].length, Math.floor(stable) - before));
}

/**
 * @param {Record<string, any>} data - of a `bot-output`
 * @returns {boolean} whether it reports the progress of a segment that is already known
 */
function isProgress({ spoken_status }) {
    return spoken_status === 'in-progress' || spoken_status === 'completed';
}

/**
 * @param {unknown} said - of the server's message `resumed`
 * @returns {{who: 'user' | 'agent', text: string}[]}
 */
function readSaid(said) {
    const lines = Array.isArray(said) ? said : [];
    return lines
        .filter((line) => line?.role === 'user' || line?.role === 'assistant')
        .map(({ role, text }) => ({ who: /** @type {'user' | 'agent'} */ (role === 'user' ? 'user' : 'agent'), text: String(text ?? '').trim() }))
        .filter(({ text }) => text !== '');
}

/** The transcript of one call. */
export class Transcript {
    /** @param {string} [language] - the person chose it; empty: it is identified */
    constructor(language = '') {
        this.languageFixed = language !== '';
        /** @type {Entry[]} */
        this.entries = [];
        this.nextId = 0;
        /** @type {Entry[]} Typed, and not yet confirmed by the server. */
        this.unconfirmed = [];
        /** The first entry of the current call; each call numbers its responses from the start. */
        this.since = 0;
    }

    /** The language of the person's last words, as identified; empty: none yet. */
    get language() {
        const spoken = this.languageFixed ? undefined : this.entries.findLast(hasLanguage);
        return spoken?.language ?? '';
    }

    /** The voice that the agent spoke with last; empty: none yet, or not told. */
    get voice() {
        return this.entries.findLast((entry) => entry.id >= this.since && entry.voice !== undefined)?.voice ?? '';
    }

    /**
     * Applies a message of the server.
     *
     * @param {import('./protocol.js').Message} message
     * @returns {Entry | null} the entry that changed
     */
    apply({ type, data }) {
        switch (type) {
            case 'user-transcription':
                return this.userSpoke(String(data.text ?? ''), data.final === true, data);
            case 'user-llm-text':
                this.confirm(String(data.text ?? '').trim());
                return null; // shown since it was typed
            case 'bot-output':
                return isProgress(data) ? null : this.agentSpeaks(Number(data.response), String(data.text ?? ''), data);
            case 'bot-stopped-speaking':
                return this.finish(Number(data.response));
            case 'bot-interrupted':
                return this.cut(Number(data.response), String(data.heard ?? ''));
            case 'server-message':
                return this.serverMessage(data);
            default:
                return null;
        }
    }

    /**
     * @param {Record<string, any>} data
     * @returns {Entry | null}
     */
    serverMessage(data) {
        switch (data.type) {
            case 'turn': // also the end of a response that was only shown
                this.finish(Number(data.response));
                return this.mark(Number(data.response), data.marks);
            case 'response-failed': // only this was heard of it
                return this.cut(Number(data.response), String(data.heard ?? ''), false);
            default:
                return null;
        }
    }

    /**
     * @param {string} text
     * @returns {Entry}
     */
    userTyped(text) {
        const entry = this.add({ who: 'user', text, final: true, typed: true });
        this.unconfirmed.push(entry);
        return entry;
    }

    /**
     * Another call replaces this one.
     *
     * @param {string} text - the page's note of it
     * @returns {Entry}
     */
    newCall(text) {
        this.close();
        this.since = this.nextId;
        return this.add({ who: 'page', text, final: true });
    }

    /**
     * The call goes on over another connection, perhaps on another page.
     *
     * @param {unknown} said - as the server remembers it
     * @returns {Entry[]} what this page has not heard of
     */
    goesOn(said) {
        this.close(); // what broke off begins anew
        const lines = readSaid(said);
        if (this.entries.some(({ who }) => who !== 'page')) {
            this.confirmSaid(lines.filter(({ who }) => who === 'user').map(({ text }) => text));
            return [];
        }
        return lines.map((line) => this.add({ ...line, final: true, earlier: true }));
    }

    /**
     * Typed words that the server remembers have reached it; the same words may have been said before.
     *
     * @param {string[]} said - by the person
     */
    confirmSaid(said) {
        for (const { text } of [...this.unconfirmed]) {
            const told = said.filter((other) => other === text).length;
            const same = this.entries.filter((entry) => entry.who === 'user' && entry.text === text);
            if (told > same.filter((entry) => !this.unconfirmed.includes(entry)).length) {
                this.confirm(text);
            }
        }
    }

    /** The call is over: nothing is partial any more. */
    close() {
        for (const entry of this.entries) {
            entry.final = true;
        }
        this.entries = this.entries.filter((entry) => entry.text !== '');
    }

    /**
     * The server has received typed words.
     *
     * @param {string} text
     * @returns {boolean}
     */
    confirm(text) {
        const typed = this.unconfirmed.findIndex((entry) => entry.text === text);
        if (typed >= 0) {
            this.unconfirmed.splice(typed, 1);
        }
        return typed >= 0;
    }

    /**
     * @param {string} text
     * @param {boolean} final
     * @param {{language?: string, stable?: number}} about
     * @returns {Entry | null}
     */
    userSpoke(text, final, { language, stable }) {
        if (final && this.confirm(text.trim())) {
            return null; // it is shown already
        }
        const open = this.entries.findLast((entry) => entry.who === 'user' && !entry.final);
        if (open === undefined && text.trim() === '') {
            return null;
        }
        const entry = open ?? this.add({ who: 'user', text: '', final: false });
        entry.text = text.trim();
        entry.final = final;
        entry.language = language || undefined;
        entry.languageNews = this.languageNews(entry);
        entry.stable = final ? undefined : stableCharacters(text, stable);
        if (final && entry.text === '') {
            this.remove(entry); // it was not speech after all
        }
        return entry;
    }

    /**
     * @param {Entry} entry
     * @returns {Entry['languageNews']}
     */
    languageNews(entry) {
        if (this.languageFixed || !hasLanguage(entry)) {
            return undefined;
        }
        const before = this.entries.findLast((other) => other.id < entry.id && hasLanguage(other));
        if (before === undefined) {
            return 'identified';
        }
        return before.language === entry.language ? undefined : 'switched';
    }

    /**
     * @param {number} response
     * @param {string} text
     * @param {{language?: string, voice?: string}} about
     * @returns {Entry | null}
     */
    agentSpeaks(response, text, { language, voice }) {
        const known = this.answer(response);
        if (known?.interrupted) {
            return null;
        }
        const entry = known ?? this.add({ who: 'agent', text: '', final: false, response });
        entry.text = joinText(entry.text, text);
        entry.final = false;
        if (language) {
            entry.language = language;
        }
        if (voice) {
            entry.voice = voice;
        }
        return entry;
    }

    /**
     * @param {number} response
     * @returns {Entry | null}
     */
    finish(response) {
        const entry = this.answer(response);
        if (entry !== null) {
            entry.final = true;
        }
        return entry;
    }

    /**
     * @param {number} response
     * @param {string} heard
     * @param {boolean} [byPerson] - the person interrupted it
     * @returns {Entry | null}
     */
    cut(response, heard, byPerson = true) {
        const entry = this.answer(response);
        if (entry === null) {
            return null;
        }
        entry.text = heard.trim();
        entry.final = true;
        entry.interrupted = byPerson || undefined;
        if (entry.text === '') {
            this.remove(entry); // nothing of it was heard
        }
        return entry;
    }

    /**
     * @param {number} response
     * @param {import('./turns.js').Marks | undefined} marks
     * @returns {Entry | null}
     */
    mark(response, marks) {
        const entry = this.answer(response);
        if (entry !== null) {
            entry.marks = marks ?? {};
        }
        return entry;
    }

    /**
     * @param {number} response
     * @returns {Entry | null}
     */
    answer(response) {
        return this.entries.findLast((entry) => entry.id >= this.since && entry.response === response) ?? null;
    }

    /**
     * @param {Omit<Entry, 'id'>} entry
     * @returns {Entry}
     */
    add(entry) {
        const added = { id: this.nextId++, ...entry };
        this.entries.push(added);
        return added;
    }

    /** @param {Entry} entry */
    remove(entry) {
        this.entries = this.entries.filter((other) => other !== entry);
    }
}
