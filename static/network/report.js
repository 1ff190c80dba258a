/**
 * A test as plain text, for an operator. Pure.
 */
import { CHECKS, explained } from './checks.js';

/**
 * What the report says besides the results.
 *
 * @typedef {Object} About
 * @property {string} time - ISO 8601
 * @property {string} server - its address
 * @property {string} client - our address as the server sees it; empty: not known
 * @property {string} udp - the server's UDP port, and at which addresses; empty: none
 * @property {string} browser
 * @property {string} sentence
 */

const STATE_WIDTH = 8;
const NAME_WIDTH = 15;
const TIME_WIDTH = 9;

/**
 * @param {import('./checks.js').Results} results
 * @param {About} about
 * @returns {string}
 */
export function report(results, { time, server, client, udp, browser, sentence }) {
    const lines = CHECKS.map((check) => {
        const { state, ms } = results[check.id];
        const took = ms === null ? '' : `${Math.round(ms)} ms`;
        const row = `${state.padEnd(STATE_WIDTH)} ${check.name.padEnd(NAME_WIDTH)} ${took.padStart(TIME_WIDTH)}`;
        return `${row}  ${explained(check, results[check.id])}`.trimEnd();
    });
    return [
        'Visavis network test',
        `Time:    ${time}`,
        `Server:  ${server}`,
        `Seen as: ${client || 'not known'}`,
        `UDP:     ${udp || 'none'}`,
        `Browser: ${browser}`,
        '',
        sentence,
        '',
        ...lines,
        '',
    ].join('\n');
}
