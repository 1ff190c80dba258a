/**
 * When to redial after the connection was lost, how, and when to stop. Pure: time is passed in, as Date.now() counts.
 */
import { CallProblem } from './problems.js';

const PAUSES_MS = [500, 1000, 2000, 4000, 8000];
/** After this long without reaching the server, tries included, the page stops redialling. */
const BUDGET_MS = 30000;
/** A longer try counts as this, as the page may have slept meanwhile. */
const LONGEST_TRY_MS = 10000;
/** After such a gap, as with a closed lid, the person may be gone: no microphone is sent unasked. */
const AWAY_MS = 120000;
/** The longest wait for a server that says that it is stopping or loading. */
const LOADING_MS = 600000;

/** Reasons for a call's end after which it is redialled; all others are intended. */
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
 * @property {number} heardAt - when something last arrived from the server
 * @property {string} call - the server's id of the call, if it can be resumed; empty: a new one is begun
 * @property {import('./settings.js').Mode} mode - as the person chose it
 * @property {'webrtc' | 'websocket'} way - the call's transport
 */

/**
 * How to call.
 *
 * @typedef {Object} Way
 * @property {string} call - the one to resume; empty: none
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
        /** Tries since the server was last reached. */
        this.vain = 0;
        this.spent = 0;
        this.triedAt = now;
        this.retryAfterMs = 0;
        this.unconnected = 0;
        /** Why the call ended meanwhile, if the server says that it is over. */
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
        // The transport that worked gets a second try before another one costs the call its context.
        return { call: this.call, mode: this.mode === 'auto' && this.unconnected === 0 ? 'webrtc' : this.mode };
    }

    /**
     * The server can be reached, but is still loading.
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
            this.call = ''; // it took this for a new call, so it no longer knows the old one
        }
    }
}
