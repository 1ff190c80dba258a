/**
 * What lets this tab go on with its call: the newest resume token. Kept for a page that is loaded anew; no other tab sees it,
 * unless the browser duplicates this one.
 */

const KEY = 'visavis.resume';
/** How long a token is good of which the server does not say. */
const SECONDS = 60;
/** A call that was left longer ago is over on every server. */
const FORGOTTEN_MS = 3600000;

/**
 * The server's token; docs/protocol.md describes it.
 *
 * @typedef {Object} ResumeToken
 * @property {string} call - the server's id of the call
 * @property {string} token - good once; an older one of the call is void
 * @property {number} seconds - how long it is good once the connection is lost
 */

/**
 * How the call was made, so that a page that is loaded anew goes on with it in the same way.
 *
 * @typedef {Object} Manner
 * @property {string} backend - the server; empty: the one that the page came from
 * @property {'webrtc' | 'websocket'} way - its transport
 * @property {boolean} spoken - with a microphone
 * @property {boolean} muted
 */

/** @typedef {ResumeToken & Manner & {seenAt: number}} Left - a call as it was left; `seenAt` as Date.now() counts */

/** @typedef {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>} Place */

/**
 * @param {any} data - of a server's message, or of another window
 * @returns {ResumeToken | null} null: it is none
 */
export function readResumeToken(data) {
    const { call, token, seconds } = data ?? {};
    const whole = typeof call === 'string' && call !== '' && typeof token === 'string' && token !== '';
    return whole ? { call, token, seconds: Number(seconds) > 0 ? Number(seconds) : SECONDS } : null;
}

/** The newest token of the call in progress, or of the one that was left. */
export class ResumeTokens {
    /**
     * @param {Place | null} [place] - where it outlives the page; null: nowhere
     * @param {() => number} [now]
     */
    constructor(place = sessionPlace(), now = Date.now) {
        this.place = place;
        this.now = now;
        /** @type {ResumeToken | null} */
        this.newest = null;
    }

    /**
     * The server has sent a token, or one is used.
     *
     * @param {ResumeToken} resumeToken
     * @param {Manner} manner
     */
    keep({ call, token, seconds }, manner) {
        this.newest = { call, token, seconds };
        this.touch(manner);
    }

    /**
     * The call goes on now, in this manner.
     *
     * @param {Manner} manner
     */
    touch({ backend, way, spoken, muted }) {
        if (this.newest === null) {
            return;
        }
        const left = { ...this.newest, backend, way, spoken, muted, seenAt: this.now() };
        try {
            this.place?.setItem(KEY, JSON.stringify(left));
        } catch {
            // blocked or full: the call goes on as long as the page is not left
        }
    }

    /** The call is over, or goes on elsewhere. */
    clear() {
        this.newest = null;
        try {
            this.place?.removeItem(KEY);
        } catch {
            // blocked: nothing was kept
        }
    }

    /** @returns {Left | null} the call that this tab was in when its page was left; null: none */
    left() {
        try {
            const left = JSON.parse(this.place?.getItem(KEY) ?? 'null');
            const resumeToken = readResumeToken(left);
            const age = this.now() - Number(left?.seenAt);
            if (resumeToken === null || !(Math.abs(age) < FORGOTTEN_MS)) {
                return null;
            }
            return {
                ...resumeToken,
                backend: String(left.backend ?? ''),
                way: left.way === 'websocket' ? 'websocket' : 'webrtc',
                spoken: left.spoken === true,
                muted: left.muted === true,
                seenAt: Number(left.seenAt),
            };
        } catch {
            return null; // blocked, or not ours
        }
    }
}

/** @returns {Place | null} */
function sessionPlace() {
    try {
        return sessionStorage;
    } catch {
        return null; // blocked
    }
}
