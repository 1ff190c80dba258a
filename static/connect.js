/**
 * The steps before a call: waiting until the server is ready, and connecting.
 */
import { CallProblem, NO_PLACE } from './problems.js';
import { WebRtcTransport } from './webrtc.js';
import { WebSocketTransport } from './websocket.js';

const READY_POLL_MS = 1000;
/** Most refusals by a server that says it is ready: servers behind one address may differ. */
const MOST_MISSED = 5;

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
 * is waited for again.
 *
 * @param {() => Promise<unknown>} join
 * @param {import('./signalling.js').Signalling} signalling
 * @param {AbortSignal} signal
 * @param {(loading: Loading) => void} onLoading
 */
export async function joinNewCall(join, signalling, signal, onLoading) {
    for (let missed = 0; ; ) {
        try {
            await join();
            return;
        } catch (error) {
            const code = error instanceof CallProblem && NO_PLACE.includes(error.code) ? error.code : '';
            const { ready } = await (code ? signalling.readiness(signal) : { ready: true });
            missed += Number(ready);
            if (ready && (code !== 'not-ready' || missed > MOST_MISSED)) {
                throw error;
            }
            if (ready) {
                await pause(READY_POLL_MS, signal); // the missing engine is back by now
            }
        }
        await waitUntilReady(signalling, signal, onLoading);
    }
}

/**
 * Connects to the server: by WebRTC first, and in `auto` mode a WebSocket when no packets get through.
 *
 * @param {import('./settings.js').Mode} mode
 * @param {ConnectOptions} options
 * @returns {Promise<Transport>}
 */
export async function connect(mode, options) {
    if (mode !== 'websocket') {
        try {
            return await openTransport(new WebRtcTransport(options), options.call);
        } catch (error) {
            if (options.signal.aborted || mode === 'webrtc' || isFinal(error)) {
                throw error;
            }
            options.onNotice('fallback', 'WebRTC could not connect here, so the call uses a WebSocket. It may lag a little more.');
        }
    }
    return openTransport(new WebSocketTransport(options), '');
}

/**
 * @param {unknown} error
 * @returns {boolean} whether another transport would fail as well
 */
function isFinal(error) {
    return error instanceof CallProblem && [...NO_PLACE, 'server-unreachable', 'call-over'].includes(error.code);
}

/**
 * @param {Transport} transport
 * @param {string} call - the one to resume, which a failure must not end
 * @returns {Promise<Transport>}
 */
async function openTransport(transport, call) {
    try {
        await transport.open();
        return transport;
    } catch (error) {
        if (transport.call === call) {
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
