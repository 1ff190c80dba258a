/**
 * What is tested, in which order, and what can come of it. Pure.
 */

/**
 * @typedef {'microphone' | 'server' | 'udp' | 'tcp' | 'turn-udp' | 'turn-tcp' | 'turn-tls' | 'websocket' | 'round-trip' | 'download' | 'upload'} CheckId
 * @typedef {'waiting' | 'testing' | 'ok' | 'failed' | 'skipped'} State
 * @typedef {keyof typeof CAUSES} Cause
 */

/**
 * @typedef {Object} Result
 * @property {State} state
 * @property {number | null} ms - how long the test took; null: it has not ended, or was skipped
 * @property {Cause | null} cause - why it failed or was skipped
 * @property {string} detail - what the browser or the server said besides
 * @property {number | null} value - what was measured, in the unit of its check
 */

/** @typedef {Record<CheckId, Result>} Results */

/**
 * @typedef {Object} Check
 * @property {CheckId} id
 * @property {string} name
 * @property {string} proves
 * @property {string} unit - of the value; empty: it measures none
 */

/** @type {readonly Check[]} */
export const CHECKS = [
    { id: 'microphone', name: 'Microphone', proves: 'The browser may use it, and it hears something', unit: 'dB' },
    { id: 'server', name: 'Server', proves: 'It answers over HTTP', unit: '' },
    { id: 'udp', name: 'UDP', proves: 'A call connects straight to the server', unit: '' },
    { id: 'tcp', name: 'TCP', proves: 'The same where no UDP goes through', unit: '' },
    { id: 'turn-udp', name: 'Relay over UDP', proves: 'A call connects through the relay (TURN)', unit: '' },
    { id: 'turn-tcp', name: 'Relay over TCP', proves: 'A call connects through it where no UDP goes through', unit: '' },
    { id: 'turn-tls', name: 'Relay over TLS', proves: 'A call connects through it where only https goes through', unit: '' },
    { id: 'websocket', name: 'WebSocket', proves: 'A call connects without WebRTC', unit: '' },
    { id: 'round-trip', name: 'Round trip', proves: 'How long a request is on its way, there and back', unit: 'ms' },
    { id: 'download', name: 'Download', proves: 'What arrives in a second', unit: 'kbit/s' },
    { id: 'upload', name: 'Upload', proves: 'What can be sent in a second', unit: 'kbit/s' },
];

/** The checks of the relay by its transports, in the order in which calls prefer them. */
export const RELAYS = /** @type {const} */ ({ udp: 'turn-udp', tcp: 'turn-tcp', tls: 'turn-tls' });
/** @typedef {keyof typeof RELAYS} RelayTransport */

/** Why a check fails, or is skipped where there is nothing to be tested. */
export const CAUSES = {
    'microphone-blocked': { text: 'The browser may not use the microphone on this page.', skipped: false },
    'microphone-missing': { text: 'No microphone was found.', skipped: false },
    'microphone-busy': { text: 'The microphone cannot be opened: another program may be using it.', skipped: false },
    'microphone-silent': { text: 'The microphone is open, but nothing is heard from it.', skipped: false },
    'microphone-unanswered': { text: 'The browser’s question was not answered.', skipped: false },
    'insecure-context': { text: 'Browsers give a microphone only to pages on https or on localhost.', skipped: false },
    'server-unreachable': { text: 'No answer came.', skipped: false },
    'server-unknown': { text: 'What answered is not this server, or an older one that has no tests.', skipped: false },
    'not-reached': { text: 'The server does not answer.', skipped: true },
    'no-webrtc': { text: 'This browser has no WebRTC.', skipped: true },
    'no-udp-port': { text: 'The server has no UDP port for calls.', skipped: true },
    'no-tcp': { text: 'The server takes no calls straight over TCP.', skipped: true },
    'relay-only': { text: 'The server takes calls through its relay alone.', skipped: true },
    'no-relay': { text: 'The server offers no relay by this transport.', skipped: true },
    'no-place': { text: 'The server takes no call now.', skipped: true },
    busy: { text: 'The server measures for too many others now.', skipped: true },
    blocked: { text: 'Nothing gets through.', skipped: false },
    'relay-unreachable': { text: 'The relay does not answer by this transport.', skipped: false },
    'relay-refused': { text: 'The relay answers, and refuses.', skipped: false },
    'relay-astray': { text: 'The relay answers, but nothing gets from it to the calls and back.', skipped: false },
    mute: { text: 'It opens, but nothing comes back.', skipped: false },
    'too-slow': { text: 'It is too slow for a call.', skipped: false },
    broken: { text: 'It broke off.', skipped: false },
};

/** A test that failed, or was not possible. */
export class Fault extends Error {
    /**
     * @param {Cause} cause
     * @param {string} [detail] - what the browser or the server said
     * @param {number | null} [value] - what was measured anyway
     */
    constructor(cause, detail = '', value = null) {
        super(detail === '' ? cause : `${cause}: ${detail}`);
        this.name = 'Fault';
        /** @type {Cause} */
        this.why = cause;
        this.detail = detail;
        this.value = value;
    }
}

/**
 * @param {State} [state]
 * @returns {Result} of a test that has not ended
 */
export function pending(state = 'waiting') {
    return { state, ms: null, cause: null, detail: '', value: null };
}

/**
 * @param {number} ms
 * @param {{value?: number | null, detail?: string}} found
 * @returns {Result}
 */
export function passed(ms, { value = null, detail = '' }) {
    return { state: 'ok', ms, cause: null, detail, value };
}

/**
 * @param {number} ms
 * @param {Fault} fault
 * @returns {Result}
 */
export function faulty(ms, { why, detail, value }) {
    const { skipped } = CAUSES[why];
    return { state: skipped ? 'skipped' : 'failed', ms: skipped ? null : ms, cause: why, detail, value };
}

/** @returns {Results} before the first test */
export function noResults() {
    return /** @type {Results} */ (Object.fromEntries(CHECKS.map(({ id }) => [id, pending()])));
}

/**
 * @param {Check} check
 * @param {Result} result
 * @returns {string} what there is to say of it besides its state; empty: nothing
 */
export function explained({ unit }, { cause, detail, value }) {
    const measured = value === null ? '' : `${value < 0 ? '−' : ''}${grouped(Math.abs(value))} ${unit}`;
    return [cause === null ? '' : CAUSES[cause].text, measured, detail].filter((part) => part !== '').join(' ');
}

/**
 * @param {number} value
 * @returns {string} rounded, with thin spaces between thousands
 */
function grouped(value) {
    return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}
