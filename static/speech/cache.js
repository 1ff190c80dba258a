/**
 * Where speech came from, and how long it took. Pure.
 */

/**
 * What the server tells in the headers of speech.
 *
 * @typedef {Object} Origin
 * @property {string} cache - `hit`, `miss`, or empty: not told
 * @property {string} source - `memory`, `disk`, `shared`, `engine`
 * @property {string} engine
 * @property {string} model
 * @property {number | null} latency - milliseconds that the server took
 */

const SOURCES = /** @type {Record<string, string>} */ ({
    memory: 'from memory',
    disk: 'from the disk',
    shared: 'shared with an equal request in progress',
    engine: 'spoken now',
});

/**
 * @param {{get(name: string): string | null}} heads
 * @returns {Origin}
 */
export function originOf(heads) {
    const latency = heads.get('X-TTS-Latency');
    return {
        cache: heads.get('X-TTS-Cache') ?? '',
        source: heads.get('X-TTS-Source') ?? '',
        engine: heads.get('X-TTS-Engine') ?? '',
        model: heads.get('X-TTS-Model-Version') ?? '',
        latency: latency === null || !Number.isFinite(Number(latency)) ? null : Number(latency),
    };
}

/**
 * @param {Origin} origin
 * @param {number} here - milliseconds from the press to the first bytes of sound
 * @returns {string} a sentence
 */
export function toldOf({ cache, source, latency }, here) {
    const from = SOURCES[source] === undefined ? '' : `, ${SOURCES[source]}`;
    const kept = cache === 'hit' ? `Cache hit${from}` : cache === 'miss' ? `Cache miss${from}` : 'Spoken';
    const server = latency === null ? '' : `${latency} ms at the server, `;
    return `${kept}: first sound after ${server}${Math.round(here)} ms here.`;
}

/**
 * @param {Origin} origin
 * @returns {string} who spoke; may be empty
 */
export function speakerOf({ engine, model }) {
    return [engine, model].filter((part) => part !== '' && part !== 'unknown').join(' · ');
}
