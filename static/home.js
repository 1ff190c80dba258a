/**
 * The start page: what runs on the server, looked at again every few seconds.
 */
import { element, setText } from './dom.js';

const AGAIN_MS = 5000;
const PATIENCE_MS = 4000;
const ENGINES = /** @type {const} */ (['llm', 'stt', 'tts']);

const state = element('state', HTMLElement);

/** The list of voices is there; it hardly changes, and making it costs the engine something. */
let hasVoices = false;

/**
 * @param {string} path
 * @returns {Promise<any>} what the server says there, whatever its status; /ready tells what is missing with 503
 */
async function told(path) {
    const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return response.json();
}

/**
 * @param {any} engine - as in /ready
 * @returns {string}
 */
function sentence(engine) {
    const { ready, message, model, device } = engine ?? {};
    if (!ready) {
        return [model, message || 'is not ready'].filter(Boolean).join(': ');
    }
    return [model || 'ready', device].filter(Boolean).join(', on ');
}

/** @param {any} ready */
function showReadiness(ready) {
    ENGINES.forEach((name) => setText(element(name, HTMLElement), sentence(ready.engines?.[name])));
    const waits = ready.stopping ? 'The server is stopping.' : 'Not all engines are ready yet; the call waits for them.';
    setText(state, ready.ready ? 'Everything is ready. You need a microphone, or type.' : waits);
}

/** @param {any} health */
function showHealth({ version, calls }) {
    setText(element('version', HTMLElement), version ?? '');
    setText(element('calls', HTMLElement), `${calls ?? 0} in progress`);
}

/** @param {any} list */
function showVoices({ voices }) {
    const all = /** @type {{language: string}[]} */ (voices ?? []);
    hasVoices = all.length > 0;
    const languages = [...new Set(all.map(({ language }) => language).filter(Boolean))].sort();
    setText(element('voices', HTMLElement), `${all.length}${languages.length === 0 ? '' : ` (${languages.join(', ')})`}`);
}

/** What can fail alone is shown alone: without a voice engine there is no list of voices. */
async function look() {
    const [ready, health, voices] = await Promise.allSettled([
        told('ready'), told('health'), hasVoices ? null : told('api/voices'),
    ]);
    if (ready.status === 'fulfilled') {
        showReadiness(ready.value);
    } else {
        setText(state, 'The server cannot be reached. This page tries again by itself.');
    }
    if (health.status === 'fulfilled') {
        showHealth(health.value);
    }
    if (voices.status === 'fulfilled' && voices.value !== null) {
        showVoices(voices.value);
    }
    setTimeout(() => void look(), AGAIN_MS);
}

/** Pages that not every server has are linked where it has them. */
async function link() {
    const { paths } = await told('openapi.json');
    element('speech', HTMLElement).hidden = paths?.['/speech'] === undefined;
}

void look();
link().catch(() => undefined);
