/**
 * The steps before a call: waiting until the server is ready, and connecting.
 */
import { CallProblem, NO_PLACE } from './problems.js';
import { WebRtcTransport } from './webrtc.js';
import { WebSocketTransport } from './websocket.js';

const READY_POLL_MS = 1000;
/** Most refusals by a server that says it is ready: servers behind one address may differ. */
const MOST_MISSED = 5;
/** Refusals after which the page waits in line. */
const QUEUED = ['server-full', 'store-unreachable'];
/** The wait in line of a server that names none. */
const QUEUE_MS = 5000;
/** After such a gap, as with a closed lid, the person may be gone: no call begins unasked. */
const AWAY_MS = 120000;

/**
 * @typedef {import('./webrtc.js').TransportOptions & {onNotice: (code: string, message: string) => void}} ConnectOptions
 * @typedef {import('./webrtc.js').Transport} Transport
 */

/**
 * What a server that is not ready is still loading.
 *
 * @typedef {Object} Loading
 * @property {boolean} ready - it is ready now
 * @property {string[]} parts - flags of /ready that are false; also empty when the server does not say
 * @property {Record<string, string>} engines - the messages of those that are not ready
 */

/**
 * The page waits in line.
 *
 * @typedef {Object} Queue
 * @property {number} attempt - the next try, or the present one, from 2
 * @property {boolean} trying
 * @property {number} pauseMs - until the next try
 * @property {import('./problems.js').ProblemCode} cause - `server-full` or `store-unreachable`
 */

/**
 * What happens before a call begins.
 *
 * @typedef {Object} Waits
 * @property {(loading: Loading) => void} onLoading - not called when the server is ready at once
 * @property {(queue: Queue) => void} onQueue
 * @property {import('./rest.js').Rest} rest
 */

/**
 * Waits until the server's models are loaded, reporting which are not.
 *
 * @param {import('./signalling.js').Signalling} signalling
 * @param {AbortSignal} signal
 * @param {(loading: Loading) => void} onLoading - not called when it is ready at once
 */
export async function waitUntilReady(signalling, signal, onLoading) {
    for (let waited = false; ; waited = true) {
        const { ready, stopping, loading, engines } = await signalling.readiness(signal);
        if (stopping) {
            throw new CallProblem('server-stopping');
        }
        if (ready) {
            if (waited) {
                onLoading({ ready: true, parts: [], engines: {} });
            }
            return;
        }
        onLoading({ ready: false, parts: loading, engines });
        await pause(READY_POLL_MS, signal);
    }
}

/**
 * Begins a call with a server that was ready. If an engine has failed meanwhile, the server refuses the call like a full one, and
 * is waited for again; a full one is asked again when it says, for as long as the person likes.
 *
 * @template T
 * @param {() => Promise<T>} join
 * @param {import('./signalling.js').Signalling} signalling
 * @param {AbortSignal} signal
 * @param {Waits} waits
 * @returns {Promise<T>}
 */
export async function joinNewCall(join, signalling, signal, { onLoading, onQueue, rest }) {
    for (let missed = 0, tries = 1; ; tries++) {
        try {
            return await join();
        } catch (error) {
            const problem = error instanceof CallProblem && NO_PLACE.includes(error.code) ? error : null;
            const { ready } = problem === null ? { ready: true } : await signalling.readiness(signal);
            missed += Number(ready);
            if (ready && problem !== null && QUEUED.includes(problem.code)) {
                await standInLine(problem, tries + 1, onQueue, rest, signal);
            } else if (ready && (problem?.code !== 'not-ready' || missed > MOST_MISSED)) {
                throw error;
            } else if (ready) {
                await pause(READY_POLL_MS, signal); // the missing engine is back by now
            }
        }
        await waitUntilReady(signalling, signal, onLoading);
    }
}

/**
 * @param {CallProblem} problem - of a server that takes the call later
 * @param {number} attempt - the next one
 * @param {Waits['onQueue']} onQueue
 * @param {import('./rest.js').Rest} rest
 * @param {AbortSignal} signal
 */
async function standInLine(problem, attempt, onQueue, rest, signal) {
    const pauseMs = problem.retryAfter * 1000 || QUEUE_MS;
    const due = Date.now() + pauseMs;
    onQueue({ attempt, trying: false, pauseMs, cause: problem.code });
    await rest.take(pauseMs, signal);
    signal.throwIfAborted();
    if (Date.now() - due > AWAY_MS) {
        throw problem;
    }
    onQueue({ attempt, trying: true, pauseMs: 0, cause: problem.code });
}

/**
 * Connects to the server: by WebRTC first, and in `auto` mode a WebSocket when no packets get through.
 *
 * @param {import('./settings.js').Mode} mode
 * @param {ConnectOptions} options
 * @returns {Promise<Transport>}
 */
export async function connect(mode, options) {
    const kept = [options.call, options.resumeToken()?.call ?? options.call];
    if (mode !== 'websocket') {
        try {
            return await openTransport(new WebRtcTransport(options), kept);
        } catch (error) {
            if (options.signal.aborted || mode === 'webrtc' || isFinal(error)) {
                throw error;
            }
            options.onNotice('fallback', 'WebRTC could not connect here, so the call uses a WebSocket. It may lag a little more.');
        }
    }
    return openTransport(new WebSocketTransport(options), ['']);
}

/**
 * @param {unknown} error
 * @returns {boolean} whether another transport would fail as well
 */
function isFinal(error) {
    return error instanceof CallProblem && [...NO_PLACE, 'server-unreachable', 'call-over', 'resume-refused'].includes(error.code);
}

/**
 * @param {Transport} transport
 * @param {string[]} kept - ids of the call to resume, which a failure must not end
 * @returns {Promise<Transport>}
 */
async function openTransport(transport, kept) {
    try {
        await transport.open();
        return transport;
    } catch (error) {
        if (kept.includes(transport.call)) {
            transport.drop();
        } else {
            transport.close();
        }
        throw error;
    }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener('abort', () => {
            clearTimeout(timer);
            reject(signal.reason);
        });
    });
}
