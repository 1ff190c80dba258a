/**
 * The engines in use: those that served the call's responses, and before these, those that a new request would go to. Pure.
 */

/** @typedef {import('./turns.js').Engines} Engines */

/**
 * An engine, for people.
 *
 * @typedef {Object} InUse
 * @property {string} model - its model's name; empty: not told
 * @property {string} engine - its name among several; empty: the server has no choice
 */

/**
 * The engine of a kind that is in use.
 *
 * @param {'stt' | 'llm' | 'tts'} kind
 * @param {any} ready - the server's /ready; null when it was not read
 * @param {Engines} served - who served this call so far; empty: nobody yet, or the server has no choice
 * @returns {InUse}
 */
export function inUse(kind, ready, served) {
    const next = ready?.engines?.[kind];
    const engine = text(served[kind]?.engine) || text(next?.engine);
    if (engine === text(next?.engine)) {
        return { model: text(next?.model), engine };
    }
    const backends = Array.isArray(ready?.backends) ? ready.backends : [];
    const own = backends.find((/** @type {any} */ backend) => backend?.kind === kind && backend.name === engine);
    return { model: text(own?.model), engine };
}

/**
 * @param {InUse} used
 * @returns {string} the model, and the engine where there are several
 */
export function nameOf({ model, engine }) {
    return model !== '' && engine !== '' ? `${model} (${engine})` : model || engine || '–';
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function text(value) {
    return typeof value === 'string' ? value : '';
}
