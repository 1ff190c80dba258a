/**
 * A transcript as text and as subtitles: at most two lines of 42 columns and 7 s, with breaks at the ends of sentences and clauses. Pure.
 */
import { Placing } from './words.js';

/** @typedef {import('./words.js').Word} Word */
/** @typedef {{start: number, end: number, text: string, words: Word[]}} Segment */
/** @typedef {{start: number, end: number, text: string}} Cue */

const COLUMNS = 42;
const MOST = 2 * COLUMNS;
const SECONDS = 7;
const SENTENCE = /[.!?…。！？؟]["”’»)\]]*$/u;
const CLAUSE = /[,;:،，、；：–—]["”’»)\]]*$/u;

/**
 * @param {readonly Segment[]} segments
 * @returns {string} a line for each
 */
export function asText(segments) {
    return segments.map(({ text }) => `${text.trim()}\n`).join('');
}

/**
 * @param {readonly Segment[]} segments
 * @returns {string}
 */
export function asSrt(segments) {
    return cuesOf(segments).map(({ start, end, text }, i) => `${i + 1}\n${stamp(start, ',')} --> ${stamp(end, ',')}\n${lines(text)}\n\n`).join('');
}

/**
 * @param {readonly Segment[]} segments
 * @returns {string}
 */
export function asVtt(segments) {
    const escaped = (/** @type {string} */ text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const cues = cuesOf(segments).map(({ start, end, text }) => `${stamp(start, '.')} --> ${stamp(end, '.')}\n${escaped(lines(text))}\n\n`);
    return `WEBVTT\n\n${cues.join('')}`;
}

/**
 * @param {readonly Segment[]} segments
 * @returns {Cue[]} in order, none longer than until the next
 */
export function cuesOf(segments) {
    const cues = segments.flatMap((segment) => (segment.words.length > 0 ? ofWords(segment) : [{ ...segment, text: tidy(segment.text) }]));
    const said = cues.filter(({ text }) => text !== '');
    return said.map(({ start, end, text }, i) => {
        const next = said[i + 1]?.start ?? Infinity;
        return { start, end: Math.max(start, Math.min(Math.max(end, start + 0.1), next)), text };
    });
}

/**
 * @param {Segment} segment
 * @returns {Cue[]}
 */
function ofWords(segment) {
    const placing = new Placing(segment.text);
    /** @type {Cue[]} */
    const cues = [];
    let open = false;
    for (const { word, before, start, end } of placing.next(segment.words)) {
        const last = cues[cues.length - 1];
        const joined = open ? tidy(`${last.text}${before}${word}`) : '';
        if (open && joined.length <= MOST && end - last.start <= SECONDS) {
            last.text = joined;
            last.end = end;
        } else {
            // A mark before the first word, such as an opening quotation mark, belongs to it.
            cues.push({ start, end, text: tidy(`${before}${word}`) });
        }
        const { text } = cues[cues.length - 1];
        open = !SENTENCE.test(text) && !(CLAUSE.test(text) && text.length > COLUMNS);
    }
    const end = cues[cues.length - 1];
    end.text = tidy(`${end.text}${placing.after()}`);
    return cues;
}

/** @param {string} text */
function tidy(text) {
    return text.replace(/\s+/g, ' ').trim();
}

/**
 * @param {string} text
 * @returns {string} in two lines where one is too short for it
 */
function lines(text) {
    if (text.length <= COLUMNS) {
        return text;
    }
    const spaces = [...text.matchAll(/ /g)].map(({ index }) => index);
    const longest = (/** @type {number} */ at) => Math.max(at, text.length - at - 1);
    const best = spaces.reduce((found, at) => (longest(at) < longest(found) ? at : found), spaces[0] ?? -1);
    return best < 0 ? text : `${text.slice(0, best)}\n${text.slice(best + 1)}`;
}

/**
 * @param {number} seconds
 * @param {string} point
 * @returns {string} such as 00:01:02,345
 */
function stamp(seconds, point) {
    const all = Math.round(Math.max(0, seconds) * 1000);
    const padded = (/** @type {number} */ number, /** @type {number} */ digits) => String(number).padStart(digits, '0');
    const [hours, minutes, rest] = [Math.floor(all / 3600000), Math.floor(all / 60000) % 60, Math.floor(all / 1000) % 60];
    return `${padded(hours, 2)}:${padded(minutes, 2)}:${padded(rest, 2)}${point}${padded(all % 1000, 3)}`;
}
