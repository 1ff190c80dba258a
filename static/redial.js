/**
 * When to call again after the connection was lost, how, and when to stop. Pure: time is passed in, as Date.now() counts.
 */
import { CallProblem } from './problems.js';

const PAUSES_MS = [500, 1000, 2000, 4000, 8000];
/** A server that has not been reached for so long, tries included, is not called again. */
const BUDGET_MS = 30000;
/** A try that took longer counts as this, for the page may have slept meanwhile. */
const LONGEST_TRY_MS = 10000;
/** After such a gap the person has gone, and the lid of the machine was closed: nobody's microphone is to be sent unasked. */
const AWAY_MS = 120000;
/** A server that says that it stops or loads is waited for, but not for ever. */
const LOADING_MS = 600000;

/** Ends of a call after which it may go on; all others are meant. */
const ACCIDENTS = ['connection-lost', 'server-stopping'];

/**
 * @param {string} reason - as in `call-ended`
 * @returns {boolean}
 */
export function isAccident(reason) {
    return ACCIDENTS.includes(reason);
}

/**
 * @typedef {Object} Lost
 * @property {number} now
 * @property {number} heardAt - when something last came from the server
 * @property {string} call - the server's name for the call, if it may be gone on with; empty: a new one is begun
 * @property {import('./settings.js').Mode} mode - as the person chose it
 * @property {'webrtc' | 'websocket'} way - how the call went
 */

/**
 * How to call.
 *
 * @typedef {Object} Way
 * @property {string} call - to go on with; empty: none
 * @property {import('./settings.js').Mode} mode
 */

/** The tries after one loss. */
export class Redial {
    /** @param {Lost} lost */
    constructor({ now, heardAt, call, mode, way }) {
        this.lostAt = now;
        this.lastAt = heardAt;
        this.call = call;
        this.mode = mode;
        this.way = way;
        this.tries = 0;
        /** Tries since the server was last known to be there. */
        this.vain = 0;
        this.spent = 0;
        this.triedAt = now;
        this.retryAfterMs = 0;
        this.unconnected = 0;
        /** Why the call ended meanwhile, where the server says that it is over. */
        this.over = '';
    }

    /**
     * @param {number} now
     * @returns {number | null} ms to wait before the next try; null: no more
     */
    pause(now) {
        const away = Math.abs(now - this.lastAt) > AWAY_MS || now - this.lostAt > LOADING_MS;
        const left = BUDGET_MS - this.spent;
        if (away || left <= 0 || this.over !== '') {
            return null;
        }
        const next = PAUSES_MS[Math.min(this.vain, PAUSES_MS.length - 1)];
        const pause = Math.min(Math.max(next, this.retryAfterMs), left);
        this.spent += pause;
        return pause;
    }

    /**
     * @param {number} now
     * @returns {Way | null} null: the page slept too long meanwhile
     */
    begin(now) {
        if (Math.abs(now - this.lastAt) > AWAY_MS) {
            return null;
        }
        this.lastAt = now;
        this.triedAt = now;
        this.tries += 1;
        this.vain += 1;
        if (this.way === 'websocket') {
            return { call: '', mode: 'websocket' };
        }
        // What worked before is given a second chance before another way costs the call its memory.
        return { call: this.call, mode: this.mode === 'auto' && this.unconnected === 0 ? 'webrtc' : this.mode };
    }

    /**
     * The server is there, but still loads.
     *
     * @param {number} now
     */
    loading(now) {
        this.lastAt = now;
        this.vain = 0;
        this.spent = 0;
        this.triedAt = now;
    }

    /**
     * @param {number} now
     * @param {unknown} problem
     */
    failed(now, problem) {
        this.spent += Math.max(0, Math.min(now - this.triedAt, LONGEST_TRY_MS));
        this.lastAt = now;
        const code = problem instanceof CallProblem ? problem.code : '';
        this.retryAfterMs = problem instanceof CallProblem ? problem.retryAfter * 1000 : 0;
        this.unconnected += Number(code === 'connection-failed' || code === 'refused');
        if (code === 'server-stopping') {
            this.spent = 0; // once it is gone, another one takes its place
        }
        if (code === 'call-over' && problem instanceof CallProblem) {
            this.over = problem.detail;
        }
        if (code === 'server-full' || code === 'address-full' || code === 'not-ready') {
            this.call = ''; // it has no place for a new call, so it knew this one no more
        }
    }
}
