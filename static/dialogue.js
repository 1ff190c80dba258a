/**
 * What is said in a call: transcript and turns, which change together and report each change.
 */
import { Transcript } from './transcript.js';
import { Turns } from './turns.js';

/** @typedef {'listening' | 'thinking' | 'speaking'} AgentState */

/** The dialogue of the call in progress, or of the last one. */
export class Dialogue {
    /** @param {(type: 'transcript' | 'language' | 'voice' | 'waterfall', detail: any) => void} onChange - docs/page.md lists the details */
    constructor(onChange) {
        this.onChange = onChange;
        this.transcript = new Transcript();
        this.turns = new Turns();
        /** @type {AgentState} As the server reports it. */
        this.agent = 'listening';
    }

    /**
     * A call begins.
     *
     * @param {string} [language] - the person chose it; empty: it is identified
     */
    begin(language) {
        this.transcript = new Transcript(language);
        this.turns = new Turns();
        this.agent = 'listening';
    }

    /**
     * Applies a message of the server.
     *
     * @param {import('./protocol.js').Message} message
     */
    apply(message) {
        const previous = this.transcript.language;
        const before = this.transcript.voice;
        this.entryChanged(this.transcript.apply(message));
        const { language, voice } = this.transcript;
        if (language !== previous) {
            this.onChange('language', { language, previous });
        }
        if (voice !== before) {
            this.onChange('voice', { voice, previous: before });
        }
        this.turnChanged(this.turns.apply(message));
        if (message.type === 'server-message' && message.data.type === 'resumed') {
            this.transcript.goesOn(message.data.said).forEach((entry) => this.entryChanged(entry));
        }
    }

    /** @param {string} text - that the person typed */
    typed(text) {
        this.turns.typed(text);
        this.entryChanged(this.transcript.userTyped(text));
    }

    /** @returns {string[]} typed words that the server has not confirmed; they are asked again */
    retype() {
        const texts = this.transcript.unconfirmed.map(({ text }) => text);
        texts.forEach((text) => this.turns.typed(text));
        return texts;
    }

    /**
     * The page heard a response begin.
     *
     * @param {number} response
     * @param {number} ms - after the last spoken sample
     */
    heard(response, ms) {
        const turn = this.turns.heard(response, ms);
        this.turnChanged(turn);
        this.entryChanged(turn === null ? null : this.transcript.mark(response, { ...turn.marks, heard: ms }));
    }

    /**
     * A new call replaces this one: it numbers its responses from the start, and the old words stay.
     *
     * @param {string} text - the page's note of it
     */
    newCall(text) {
        this.turns = new Turns();
        this.agent = 'listening';
        this.entryChanged(this.transcript.newCall(text));
    }

    /** @param {import('./transcript.js').Entry | null} entry */
    entryChanged(entry) {
        if (entry !== null) {
            this.onChange('transcript', entry);
        }
    }

    /** @param {import('./turns.js').Turn | null} turn */
    turnChanged(turn) {
        if (turn !== null) {
            this.onChange('waterfall', turn);
        }
    }
}
