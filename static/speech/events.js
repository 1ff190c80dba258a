/**
 * Streams of the server, cut into what they carry: events (`data: {…}`) and lines of JSON. Pure.
 */

/** Cuts a text that arrives in pieces at a mark. */
class Cutter {
    /** @param {string} mark */
    constructor(mark) {
        this.mark = mark;
        this.rest = '';
    }

    /**
     * @param {string} text - that has arrived
     * @returns {string[]} what is complete with it
     */
    push(text) {
        const parts = (this.rest + text).split(this.mark);
        this.rest = parts.pop() ?? '';
        return parts.filter((part) => part.trim() !== '');
    }
}

/** Server-sent events, each with JSON in its `data`. */
export class EventReader {
    constructor() {
        this.cutter = new Cutter('\n\n');
    }

    /**
     * @param {string} text - that has arrived
     * @returns {any[]} the events that are complete with it
     */
    push(text) {
        const lines = this.cutter.push(text).flatMap((event) => event.split('\n'));
        return lines.filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
    }
}

/** Lines of JSON. */
export class LineReader {
    constructor() {
        this.cutter = new Cutter('\n');
    }

    /**
     * @param {string} text - that has arrived
     * @returns {any[]} the lines that are complete with it
     */
    push(text) {
        return this.cutter.push(text).map((line) => JSON.parse(line));
    }
}

/**
 * @param {string} text - in base64
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytesOf(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
