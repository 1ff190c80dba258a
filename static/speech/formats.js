/**
 * The formats of sound: their names, and how a browser plays each. Pure.
 */

/** Samples a second of what is spoken. */
const RATE = 24000;

/**
 * @typedef {Object} Format
 * @property {string} type - of the file
 * @property {boolean} streams - a browser may play it before it is whole
 */

export const FORMATS = /** @type {Record<string, Format>} */ ({
    mp3: { type: 'audio/mpeg', streams: true },
    aac: { type: 'audio/aac', streams: true },
    opus: { type: 'audio/ogg', streams: false },
    flac: { type: 'audio/flac', streams: false },
    wav: { type: 'audio/wav', streams: false },
    pcm: { type: 'application/octet-stream', streams: false },
});

/**
 * @param {string} format
 * @param {Blob} file
 * @returns {Blob} what a browser can play: bare samples get a header
 */
export function playable(format, file) {
    return format === 'pcm' ? new Blob([wavHeader(file.size), file], { type: 'audio/wav' }) : file;
}

/**
 * @param {number} bytes - of 16-bit samples, mono
 * @returns {ArrayBuffer}
 */
export function wavHeader(bytes) {
    const view = new DataView(new ArrayBuffer(44));
    const letters = (/** @type {number} */ at, /** @type {string} */ text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
    letters(0, 'RIFF');
    view.setUint32(4, 36 + bytes, true);
    letters(8, 'WAVEfmt ');
    view.setUint32(16, 16, true);
    view.setUint16(20, 1, true); // PCM
    view.setUint16(22, 1, true);
    view.setUint32(24, RATE, true);
    view.setUint32(28, 2 * RATE, true);
    view.setUint16(32, 2, true);
    view.setUint16(34, 16, true);
    letters(36, 'data');
    view.setUint32(40, bytes, true);
    return view.buffer;
}
