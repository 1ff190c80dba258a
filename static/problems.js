/**
 * What can go wrong, and what the person can do about it: one table, in plain words.
 */

/**
 * @typedef {'microphone-blocked' | 'microphone-missing' | 'microphone-busy' | 'insecure-context' | 'server-unreachable'
 *     | 'server-full' | 'address-full' | 'server-stopping' | 'not-ready' | 'connection-failed' | 'connection-lost' | 'call-over' | 'resume-refused'
 *     | 'store-unreachable' | 'refused' | 'backend-invalid'} ProblemCode
 */

/** @type {ProblemCode[]} - the server takes no call now, over any transport */
export const NO_PLACE = ['server-full', 'address-full', 'server-stopping', 'not-ready', 'store-unreachable'];

/** A call that could not be made or kept, with its reason. */
export class CallProblem extends Error {
    /**
     * @param {ProblemCode} code
     * @param {string} [detail] - what the browser or the server said
     * @param {number} [retryAfter] - seconds
     */
    constructor(code, detail = '', retryAfter = 0) {
        super(detail === '' ? code : `${code}: ${detail}`);
        this.name = 'CallProblem';
        this.code = code;
        this.detail = detail;
        this.retryAfter = retryAfter;
    }
}

/**
 * @typedef {Object} Advice
 * @property {string} title
 * @property {string} text - what to do
 * @property {boolean} typing - whether a call without microphone would work
 */

/** @type {Record<ProblemCode, Advice>} */
const ADVICE = {
    'microphone-blocked': {
        title: 'Your microphone is blocked',
        text: 'Open the site settings beside the address, allow the microphone for this page, and try again. On a phone, '
            + 'the browser itself may also need permission in the system settings.',
        typing: true,
    },
    'microphone-missing': {
        title: 'No microphone was found',
        text: 'Connect a microphone or headset and try again, or type to the agent and listen to its answers.',
        typing: true,
    },
    'microphone-busy': {
        title: 'Your microphone cannot be opened',
        text: 'Another program may be using it. Close other calls or recorders, or choose another microphone in the '
            + 'settings, and try again.',
        typing: true,
    },
    'insecure-context': {
        title: 'Microphones need a secure address',
        text: 'Browsers give a microphone only to pages on https or on localhost. Open this page by https, or forward the '
            + 'port and open localhost: {tunnel}',
        typing: true,
    },
    'server-unreachable': {
        title: 'The server cannot be reached',
        text: 'No answer came from {backend}. Check that it runs and that the address in the settings is right.',
        typing: false,
    },
    'server-full': {
        title: 'All lines are busy',
        text: 'The server has as many calls as it can serve well. Try again in {retry}.',
        typing: false,
    },
    'address-full': {
        title: 'Too many calls from your network',
        text: 'The server limits the calls of each network address, and yours has reached its limit. End another call, or try again in {retry}.',
        typing: false,
    },
    'server-stopping': {
        title: 'The server is stopping',
        text: 'It takes no more calls. Try again in a minute.',
        typing: false,
    },
    'not-ready': {
        title: 'The server is not ready',
        text: 'A part of it is starting. Try again in {retry}.',
        typing: false,
    },
    'connection-failed': {
        title: 'The call could not be connected',
        text: 'The server answers, but no sound gets through. A firewall may block it: choose WebSocket as connection in '
            + 'the settings, or try another network.',
        typing: false,
    },
    'connection-lost': {
        title: 'The connection was lost',
        text: 'Check your network, then call again.',
        typing: false,
    },
    'call-over': {
        title: 'The call is over',
        text: 'It ended while the connection was lost. Begin another one.',
        typing: false,
    },
    'resume-refused': {
        title: 'The earlier conversation could not be found again',
        text: 'Begin another call.',
        typing: false,
    },
    'store-unreachable': {
        title: 'The earlier conversation cannot be reached',
        text: 'The server cannot read what was said before. Try again in {retry}, or begin another call.',
        typing: false,
    },
    refused: {
        title: 'The server refused the call',
        text: '{detail}',
        typing: false,
    },
    'backend-invalid': {
        title: 'That server address is not valid',
        text: 'Enter an address such as https://calls.example.org in the settings, or leave it empty for this server.',
        typing: false,
    },
};

/**
 * @param {CallProblem} problem
 * @param {string} backend - the server's address
 * @returns {Advice}
 */
export function adviceFor(problem, backend) {
    const advice = ADVICE[problem.code];
    const seconds = problem.retryAfter;
    const port = location.port === '' ? '80' : location.port;
    const text = advice.text
        .replace('{backend}', backend)
        .replace('{retry}', seconds > 0 ? `${seconds} second${seconds === 1 ? '' : 's'}` : 'a moment')
        .replace('{detail}', problem.detail === '' ? 'It gave no reason. Its log may say more.' : problem.detail)
        .replace('{tunnel}', `ssh -L ${port}:localhost:${port} ${location.hostname}, then http://localhost:${port}/call`);
    return { ...advice, text };
}

/** What to say of a call that ended, by the reason the server gave. */
export const END_TEXT = /** @type {Record<string, string>} */ ({
    'agent-ended': 'The agent ended the call.',
    'hung-up': 'You hung up.',
    idle: 'The call ended because nothing was said for a while.',
    'ended-by-operator': 'The call was ended on the server.',
    'connection-lost': 'The connection was lost, and the server could not be reached again.',
    'server-stopping': 'The server is stopping. Try again in a minute.',
    fault: 'The call ended because of a fault on the server. You can call again.',
    moved: 'This call goes on in another window.',
});

/** What to say while the call cannot be heard, by what is wrong; the page recovers by itself. */
export const TROUBLE_TEXT = /** @type {Record<string, string>} */ ({
    shaky: 'The connection is shaky. Reconnecting…',
    silent: 'The server does not answer. Reconnecting…',
});

/** What to say while the page redials, by what happened to the call. */
export const REDIAL_TEXT = /** @type {Record<string, string>} */ ({
    silent: 'The server does not answer.',
    lost: 'The connection was lost.',
    'server-stopping': 'The server is stopping or restarting.',
});

/** What to say while the server is there but takes the call later, by its reason. */
export const WAIT_TEXT = /** @type {Record<string, {title: string, text: string}>} */ ({
    'server-full': { title: 'All lines are busy', text: 'You are in line: the call begins by itself as soon as a line is free.' },
    'store-unreachable': {
        title: 'The server looks for your conversation',
        text: 'It cannot read what was said before. The page asks again by itself.',
    },
});

/** What to say once a call goes on after its connection was lost or its page was loaded anew. */
export const RESUMED_TEXT = 'The call goes on.';

/** The note in the transcript above what is said in a call that replaces a lost one. */
export const NEW_CALL_TEXT = 'The connection could not be restored, so a new call began. The agent does not remember what was said before.';

/** The same where the server has refused to go on with the earlier call, by its reason. */
const REFUSED_TEXT = /** @type {Record<string, string>} */ ({
    'resume-unknown': 'The earlier conversation could not be found again, so a new call began.',
    'resume-used': 'The earlier conversation could not be found again, because it was taken up elsewhere; a new call began.',
    'resume-expired': 'The earlier conversation could not be found again, because too much time has passed; a new call began.',
    'resume-not-yours': 'The earlier conversation could not be found again, because it belongs to somebody else; a new call began.',
});

/**
 * @param {string} reason - for which the server refused to go on with the earlier call; empty: it did not
 * @returns {string}
 */
export function newCallText(reason) {
    return reason === '' ? NEW_CALL_TEXT : REFUSED_TEXT[reason] ?? REFUSED_TEXT['resume-unknown'];
}

/** What each part of the server does, to be shown while it loads, by its flag in /ready. */
const PART_NAMES = /** @type {Record<string, string>} */ ({
    whisper_ready: 'hearing',
    lid_ready: 'languages',
    llm_ready: 'thinking',
    tts_ready: 'speaking',
    vad_ready: 'noticing speech',
});

/** Each engine of /ready, and the flags that are false without it. */
const ENGINES = /** @type {Record<string, {name: string, parts: string[]}>} */ ({
    stt: { name: 'Recognition', parts: ['whisper_ready', 'lid_ready'] },
    llm: { name: 'The language model', parts: ['llm_ready'] },
    tts: { name: 'The voice', parts: ['tts_ready'] },
});

/** What an engine says while nothing is wrong with it. */
const LOADING_MESSAGES = ['', 'starts', 'loads its model'];

/**
 * What to say while the server is not ready: which parts are loading, and the message of each engine with a problem.
 *
 * @param {import('./connect.js').Loading} loading
 * @returns {{title: string, text: string}}
 */
export function loadingText({ parts, engines }) {
    const wrong = Object.entries(engines).filter(([, message]) => !LOADING_MESSAGES.includes(message));
    const told = wrong.flatMap(([name]) => ENGINES[name]?.parts ?? []);
    const names = parts.filter((part) => !told.includes(part)).map((part) => PART_NAMES[part] ?? part.replace(/_ready$/, ''));
    const list = names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}` : names[0];
    const sentences = [
        ...wrong.map(([name, message]) => `${ENGINES[name]?.name ?? name} ${message.replace(/\.$/, '')}.`),
        ...(names.length > 0 ? [`Still loading: ${list}.`] : []),
        parts.length > 0 ? 'The call starts by itself.' : 'The call starts by itself as soon as it is ready.',
    ];
    return { title: wrong.length > 0 ? 'The server is not ready' : 'The server is loading', text: sentences.join(' ') };
}
