/**
 * The wire format: RTVI 2.1 envelopes as text and audio frames as binary. Pure; docs/protocol.md is the contract.
 */

/** The version of the RTVI message standard that this client speaks. */
export const RTVI_VERSION = '2.1.0';
const LABEL = 'rtvi-ai';

/** Bytes before the samples of an audio frame. */
export const AUDIO_HEADER_BYTES = 12;
const AUDIO_VERSION = 1;
const KIND_PCM16 = 1;
const KIND_FACE = 2;

/** Samples per second of the audio frames, both ways. */
export const WIRE_RATE = 16000;
/** Samples in one 20 ms frame. */
export const WIRE_FRAME = 320;
/** Ticks of the 48 kHz media clock per sample on the wire. */
export const TICKS_PER_SAMPLE = 3;

/** Characters that one typed message may have. */
export const TEXT_LIMIT = 4000;

/**
 * A message, whichever way it goes. `data` depends on `type`; see docs/protocol.md.
 *
 * @typedef {Object} Message
 * @property {string} type
 * @property {string} id
 * @property {Record<string, any>} data
 */

/**
 * Sound of the agent as it came in.
 *
 * @typedef {Object} AudioFrame
 * @property {number} sequence - counts frames, u16
 * @property {number} timestamp - 48 kHz clock, u32: when the first sample sounds
 * @property {number} response - the response it belongs to
 * @property {Int16Array} samples - mono, at WIRE_RATE
 */

let lastId = 0;

/**
 * Writes a message for the server.
 *
 * @param {string} type
 * @param {Record<string, any>} [data]
 * @returns {string}
 */
export function encodeMessage(type, data = {}) {
    lastId += 1;
    return JSON.stringify({ label: LABEL, type, id: `c${lastId}`, data });
}

/**
 * Writes a `client-message`, RTVI's envelope for what the standard does not name.
 *
 * @param {string} topic
 * @param {Record<string, any>} [data]
 * @returns {string}
 */
export function encodeClientMessage(topic, data = {}) {
    return encodeMessage('client-message', { t: topic, d: data });
}

/**
 * Writes a `client-message` whose answer is waited for.
 *
 * @param {string} topic
 * @param {Record<string, any>} data
 * @returns {{id: string, text: string}}
 */
export function encodeRequest(topic, data) {
    const text = encodeClientMessage(topic, data);
    return { id: `c${lastId}`, text };
}

/** Prefix of the ids of pings, by which their answers are recognised. */
const PING_ID = 'ping-';

/** @returns {string} a message that a live server answers at once */
export function encodePing() {
    lastId += 1;
    return JSON.stringify({ label: LABEL, type: 'client-message', id: `${PING_ID}${lastId}`, data: { t: 'ping' } });
}

/**
 * @param {Message} message
 * @returns {boolean} whether it answers a ping; a server that does not know pings sends an `error-response`
 */
export function isPingAnswer({ type, id }) {
    return id.startsWith(PING_ID) && (type === 'server-response' || type === 'error-response');
}

/**
 * Reads a message of the server.
 *
 * @param {string} text
 * @returns {Message | null} null when it is no RTVI message, such as signalling of the transport
 */
export function decodeMessage(text) {
    let value;
    try {
        value = JSON.parse(text);
    } catch {
        return null;
    }
    if (value === null || typeof value !== 'object' || value.label !== LABEL || typeof value.type !== 'string') {
        return null;
    }
    const data = value.data !== null && typeof value.data === 'object' ? value.data : {};
    return { type: value.type, id: String(value.id ?? ''), data };
}

/**
 * Writes an audio frame for the server.
 *
 * @param {number} sequence
 * @param {number} timestamp
 * @param {Int16Array} samples
 * @returns {ArrayBuffer}
 */
export function encodeAudio(sequence, timestamp, samples) {
    const buffer = new ArrayBuffer(AUDIO_HEADER_BYTES + samples.length * 2);
    const view = new DataView(buffer);
    view.setUint8(0, AUDIO_VERSION);
    view.setUint8(1, KIND_PCM16);
    view.setUint16(2, sequence & 0xffff, true);
    view.setUint32(4, timestamp >>> 0, true);
    view.setUint32(8, 0, true);
    for (let i = 0; i < samples.length; i++) {
        view.setInt16(AUDIO_HEADER_BYTES + i * 2, samples[i], true);
    }
    return buffer;
}

/**
 * Reads an audio frame of the server.
 *
 * @param {ArrayBuffer} buffer
 * @returns {AudioFrame | null} null when the frame is of a version or kind that this client does not know
 */
export function decodeAudio(buffer) {
    const bytes = buffer.byteLength - AUDIO_HEADER_BYTES;
    if (bytes <= 0 || bytes % 2 !== 0) {
        return null;
    }
    const view = new DataView(buffer);
    if (view.getUint8(0) !== AUDIO_VERSION || view.getUint8(1) !== KIND_PCM16) {
        return null;
    }
    const samples = new Int16Array(bytes / 2);
    for (let i = 0; i < samples.length; i++) {
        samples[i] = view.getInt16(AUDIO_HEADER_BYTES + i * 2, true);
    }
    return {
        sequence: view.getUint16(2, true),
        timestamp: view.getUint32(4, true),
        response: view.getUint32(8, true),
        samples,
    };
}

/**
 * @param {ArrayBuffer} buffer - a binary message
 * @returns {ArrayBuffer | null} the face frames in it (docs/avatar.md); null: it has none
 */
export function decodeFace(buffer) {
    const [version, kind] = new Uint8Array(buffer);
    return version === AUDIO_VERSION && kind === KIND_FACE ? buffer.slice(2) : null;
}
