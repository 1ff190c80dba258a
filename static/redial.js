/**
 * When to redial after the connection was lost, how, and when to stop. Pure: time is passed in, as Date.now() counts.
 */
import { CallProblem } from './problems.js';

const PAUSES_MS = [500, 1000, 2000, 4000, 8000];
/** With a resume token: a call that can go on is soon taken up again once its server is back. */
const RESUME_PAUSES_MS = [500, 1000, 1500];
/** After this long without reaching the server, tries included, the page stops redialling. */
const BUDGET_MS = 30000;
/** A longer try counts as this, as the page may have slept meanwhile. */
const LONGEST_TRY_MS = 10000;
/** After such a gap, as with a closed lid, the person may be gone: no microphone is sent unasked. */
const AWAY_MS = 120000;
/** The longest wait for a server that says that it is stopping or loading. */
const LOADING_MS = 600000;
/** So long after a try that came to nothing the server takes its token once more. */
const USED_MS = 2500;
/** The longest wait that a server may ask for. */
const LONGEST_WAIT_MS = 90000;

/** Refusals that say that the server is there, and takes the call later. */
const LATER = ['server-stopping', 'server-full', 'store-unreachable'];

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
 * @property {number} [resumable] - how long a resume token is good, in seconds; 0: there is none
 * @property {boolean} [handedOver] - another server is about to take the call
 */

/**
 * How to call.
 *
 * @typedef {Object} Way
 * @property {string} call - the one to resume at the server that has it; empty: none
 * @property {boolean} resume - go on by the resume token where that server is gone
 * @property {import('./settings.js').Mode} mode
 */

/** The tries after one loss. */
export class Redial {
    /** @param {Lost} lost */
    constructor({ now, heardAt, call, mode, way, resumable = 0, handedOver = false }) {
        this.lostAt = now;
        this.lastAt = heardAt;
        this.call = call;
        this.mode = mode;
        this.way = way;
        this.resume = resumable > 0;
        this.budget = Math.min(Math.max(BUDGET_MS, resumable * 1000), AWAY_MS);
        /** The next try needs no pause. */
        this.atOnce = handedOver && this.resume;
        this.tries = 0;
        /** Tries since the server was last reached. */
        this.vain = 0;
        this.spent = 0;
        this.triedAt = now;
        this.retryAfterMs = 0;
        this.unconnected = 0;
        /** Why the call ended meanwhile, if the server says that it is over. */
        this.over = '';
        /** Why the call cannot go on by its resume token, if the server says so. */
        this.refused = '';
        /** The token was said to be used, perhaps by a try of this page that came to nothing. */
        this.used = false;
        /** Why the server takes the call later, if it says so. */
        this.waitsFor = '';
    }

    /**
     * @param {number} now
     * @returns {number | null} ms to wait before the next try; null: no more
     */
    pause(now) {
        const away = Math.abs(now - this.lastAt) > AWAY_MS || now - this.lostAt > LOADING_MS;
        const left = this.budget - this.spent;
        if (away || left <= 0 || this.over !== '') {
            return null;
        }
        const pauses = this.resume ? RESUME_PAUSES_MS : PAUSES_MS;
        const next = this.atOnce ? 0 : pauses[Math.min(this.vain, pauses.length - 1)];
        const pause = Math.max(Math.min(next, left), this.retryAfterMs);
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
        this.atOnce = false;
        const { resume } = this;
        if (this.way === 'websocket') {
            return { call: '', resume, mode: 'websocket' };
        }
        // Without a token another transport costs the call its context: the one that worked gets a second try before.
        const patient = this.mode === 'auto' && this.unconnected === 0 && !resume;
        return { call: this.call, resume, mode: patient ? 'webrtc' : this.mode };
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
        this.retryAfterMs = problem instanceof CallProblem ? Math.min(problem.retryAfter * 1000, LONGEST_WAIT_MS) : 0;
        this.unconnected += Number(code === 'connection-failed' || code === 'refused');
        this.waitsFor = LATER.includes(code) ? code : '';
        if (this.waitsFor !== '') {
            this.spent = 0; // once it is gone, another one takes its place; and a line is free some time
        }
        if (this.mayBeOurs(problem)) {
            this.used = true;
            this.retryAfterMs = USED_MS;
        } else if (code === 'resume-refused' && problem instanceof CallProblem) {
            this.refused = problem.detail;
            this.resume = false;
            this.call = '';
            this.atOnce = true; // a new call
        }
        if (code === 'call-over' && problem instanceof CallProblem) {
            this.over = problem.detail;
        }
        if (code === 'server-full' || code === 'address-full' || code === 'not-ready') {
            this.call = ''; // it took this for a new call, so it no longer knows the old one
        }
    }

    /**
     * Whether a token was refused that an earlier try may have used, whose connection broke: the server takes it once more.
     *
     * @param {unknown} problem
     * @returns {boolean}
     */
    mayBeOurs(problem) {
        return problem instanceof CallProblem && problem.code === 'resume-refused' && problem.detail === 'resume-used'
            && this.tries > 1 && !this.used;
    }
}
