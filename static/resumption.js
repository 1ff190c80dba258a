/**
 * The call as one that may outlive its connection and its page: its id, its resume tokens, and what becomes of them.
 */
import { isAccident } from './redial.js';
import { ResumeTokens, readResumeToken } from './resume-tokens.js';

/**
 * The call as it is now.
 *
 * @typedef {Object} Present
 * @property {import('./line.js').Line} line
 * @property {import('./microphone-input.js').MicrophoneInput} input
 * @property {import('./session.js').StartOptions} options
 */

/** Of the call in progress, or of the last. */
export class Resumption {
    /** @param {() => Present} present */
    constructor(present) {
        this.present = present;
        this.tokens = new ResumeTokens();
        /** The server's id of the call; empty: not told yet. */
        this.call = '';
        /** The call went on over another connection, perhaps on another page. */
        this.resumed = false;
        /** The agent's last hello was that of a call that goes on by its token. */
        this.helloed = false;
    }

    /** @returns {import('./resume-tokens.js').Manner} */
    get manner() {
        const { line, input, options } = this.present();
        const { backend = '', microphone } = options;
        return { backend, way: line.way, spoken: input.stream !== null || microphone !== false, muted: input.muted };
    }

    /** A call begins, or one of another page is to go on. */
    begin() {
        const { line, options } = this.present();
        this.call = options.resume?.call ?? '';
        this.resumed = false;
        if (options.resume === undefined) {
            this.tokens.clear();
        } else {
            line.way = options.mode === 'websocket' ? 'websocket' : 'webrtc';
            this.tokens.keep(options.resume, this.manner);
        }
    }

    /**
     * The agent has said hello.
     *
     * @param {string} call
     * @param {boolean} resumed - by the call's token
     */
    ready(call, resumed) {
        const { line } = this.present();
        this.call = call;
        this.helloed = resumed;
        if (resumed) {
            line.greetedSoon();
        } else {
            line.greeted(null);
        }
    }

    /** @param {unknown} data - of the server: perhaps another token */
    keep(data) {
        const resumeToken = readResumeToken(data);
        if (resumeToken !== null) {
            this.tokens.keep(resumeToken, this.manner);
        }
    }

    /** The call goes on as it does now. */
    touch() {
        this.tokens.touch(this.manner);
    }

    /** Closing the line must not end a call that can go on. */
    spare() {
        if (this.tokens.newest !== null) {
            this.touch();
            this.present().line.leave();
        }
    }

    /** @param {import('./problems.js').CallProblem} problem - why the call could not be made, or taken up */
    failed({ code }) {
        if (code === 'call-over') {
            this.tokens.clear();
        } else {
            this.spare();
        }
    }

    /** @param {string} reason - why the call has ended */
    ended(reason) {
        const { line } = this.present();
        const { newest } = this.tokens;
        if (isAccident(reason)) {
            this.spare();
            return;
        }
        if (reason === 'hung-up' && newest !== null && line.transport === null && line.call === '') {
            line.signalling?.end(newest.call); // nothing else tells the server
        }
        if (reason === 'moved') {
            line.leave();
        }
        this.tokens.clear();
    }
}
