/**
 * What went wrong, and what to do, in words for people. Pure.
 */

export class Refused extends Error {
    /**
     * @param {string} title
     * @param {string} text - what to do
     * @param {string} [field] - of the request, that is at fault
     */
    constructor(title, text, field = '') {
        super(title);
        this.title = title;
        this.text = text;
        this.field = field;
    }
}

/** The server does not answer at all. */
export function unreachable() {
    return new Refused('The server cannot be reached', 'Check that it runs and that the network is there, then try again.');
}

/** The server stopped in the middle. */
export function brokenOff() {
    return new Refused('The connection was lost', 'The response broke off before its end. Try again.');
}

/**
 * A response that is no success, in either form of errors: OpenAI's, or problem details.
 *
 * @param {number} status
 * @param {any} body - null: it could not be read
 * @param {string | null} retry - the header Retry-After
 * @returns {Refused}
 */
export function explained(status, body, retry) {
    const told = body?.error?.message ?? body?.detail ?? body?.message;
    const detail = typeof told === 'string' && told !== '' ? told : `The server answered ${status} without a reason; its log may say more.`;
    const field = String(body?.error?.param ?? body?.field ?? '');
    const seconds = Number(retry);
    if (status === 429 || status === 503) {
        return new Refused('The server is busy', seconds > 0 ? `${detail} It asks to wait for ${seconds} s.` : detail);
    }
    if (status === 413) {
        return new Refused('That is too large', `${detail} Send it in shorter parts.`, field);
    }
    if (status === 507) {
        return new Refused('The server has no room', detail);
    }
    if (status >= 500) {
        return new Refused('The server failed', `${detail} Try again; if it fails again, tell whoever runs the server.`);
    }
    return new Refused('This cannot be done', detail, field);
}

/**
 * @param {unknown} error
 * @returns {Refused} also for what the page did not expect
 */
export function refusalOf(error) {
    return error instanceof Refused ? error : new Refused('Something went wrong on this page', `${error}. Reload the page and try again.`);
}
