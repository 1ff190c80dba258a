/**
 * The WebSocket, tried by a call that lasts a moment: it opens, and a message comes back.
 */
import { WIRE_RATE } from '../protocol.js';
import { CallProblem } from '../problems.js';
import { Fault } from './checks.js';
import { ping } from './ping.js';
import { Late, within } from './waiting.js';

const CONNECT_TIMEOUT_MS = 8000;
const TRY_AGAIN_LATER = 1013;

/**
 * @param {import('../signalling.js').Signalling} signalling
 * @param {AbortSignal} signal
 * @returns {Promise<{detail: string}>}
 * @throws {Fault | CallProblem}
 */
export async function trySocket(signalling, signal) {
    const query = { rate: String(WIRE_RATE) };
    const socket = new WebSocket(signalling.socketUrl(query));
    try {
        const refused = await opened(socket, signal);
        if (refused !== null) {
            throw refused.code === TRY_AGAIN_LATER
                ? new Fault('no-place', refused.reason)
                : blockedOr(await signalling.whyNoSocket(query, signal));
        }
        const ms = await ping(socket, signal);
        return { detail: `${Math.round(ms)} ms there and back` };
    } catch (error) {
        if (error instanceof Late) {
            throw new Fault(socket.readyState === WebSocket.CONNECTING ? 'blocked' : 'mute');
        }
        throw error;
    } finally {
        socket.close(1000);
    }
}

/**
 * @param {WebSocket} socket
 * @param {AbortSignal} signal
 * @returns {Promise<CloseEvent | null>} null: it is open
 */
function opened(socket, signal) {
    return within(CONNECT_TIMEOUT_MS, signal, (resolve) => {
        socket.addEventListener('open', () => resolve(null));
        socket.addEventListener('close', (event) => resolve(event));
    });
}

/**
 * @param {CallProblem} problem - why a WebSocket did not open
 * @returns {Fault | CallProblem}
 */
function blockedOr(problem) {
    return problem.code === 'connection-failed' ? new Fault('blocked') : problem;
}
