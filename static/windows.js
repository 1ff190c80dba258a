/**
 * The other windows of this browser in which the page is open: a call that has moved to one of them can be taken back.
 */
import { readResumeToken } from './resume-tokens.js';

/** @typedef {import('./resume-tokens.js').ResumeToken} ResumeToken */

const CHANNEL = 'visavis.call';
/** A window in the background may be slow to answer. */
const PATIENCE_MS = 3000;

export class OtherWindows {
    /** @param {() => ResumeToken | null} mine - of the call that goes on in this window; null: none */
    constructor(mine) {
        this.mine = mine;
        this.channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(CHANNEL);
        this.channel?.addEventListener('message', ({ data }) => this.answer(data));
    }

    /** @param {any} data */
    answer(data) {
        const resumeToken = this.mine();
        if (data?.type === 'ask' && resumeToken !== null && resumeToken.call === data.call) {
            const { call, token, seconds } = resumeToken;
            this.channel?.postMessage({ type: 'resumeToken', resumeToken: { call, token, seconds } });
        }
    }

    /**
     * Asks for the token of a call that goes on in another window.
     *
     * @param {string} call
     * @returns {Promise<ResumeToken | null>} null: no window has it
     */
    ask(call) {
        const { channel } = this;
        if (channel === null || call === '') {
            return Promise.resolve(null);
        }
        return new Promise((resolve) => {
            const settle = (/** @type {ResumeToken | null} */ resumeToken) => {
                clearTimeout(timer);
                channel.removeEventListener('message', receive);
                resolve(resumeToken);
            };
            const receive = (/** @type {MessageEvent} */ { data }) => {
                const resumeToken = data?.type === 'resumeToken' ? readResumeToken(data.resumeToken) : null;
                if (resumeToken?.call === call) {
                    settle(resumeToken);
                }
            };
            const timer = setTimeout(() => settle(null), PATIENCE_MS);
            channel.addEventListener('message', receive);
            channel.postMessage({ type: 'ask', call });
        });
    }
}
