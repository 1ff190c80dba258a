/**
 * All tests of one run: the microphone beside the network, whose tests come one after another.
 */
import { CallProblem, NO_PLACE } from '../problems.js';
import { CHECKS, Fault, RELAYS, faulty, noResults, passed, pending } from './checks.js';
import { tryMicrophone } from './microphone.js';
import { tryPath } from './path.js';
import { relaysByTransport } from './relays.js';
import { trySocket } from './socket.js';
import { measureDownload, measureRoundTrip, measureUpload } from './transfer.js';

/**
 * @typedef {import('./checks.js').CheckId} CheckId
 * @typedef {import('./checks.js').Result} Result
 */

/**
 * What the server says of itself and of us.
 *
 * @typedef {Object} Told
 * @property {string} client - our address as it sees it; empty: not known
 * @property {{port: number, candidates: string[]} | null} udp
 * @property {boolean} tcp - it takes calls over TCP as well
 * @property {boolean} relayOnly - it wants calls through its relay alone
 * @property {Record<import('./checks.js').RelayTransport, RTCIceServer[]>} relays
 */

/** What a problem of the call page is called here. */
const CAUSES = /** @type {Record<string, import('./checks.js').Cause>} */ ({
    'microphone-blocked': 'microphone-blocked',
    'microphone-missing': 'microphone-missing',
    'microphone-busy': 'microphone-busy',
    'insecure-context': 'insecure-context',
    'server-unreachable': 'server-unreachable',
});

export class NetworkTest {
    /**
     * @param {import('../signalling.js').Signalling} signalling
     * @param {AbortSignal} signal - aborted when the results are no longer wanted
     * @param {{onResult: (id: CheckId, result: Result) => void, onLevel: (level: number | null) => void}} events
     * @param {string} microphone - as chosen for calls; empty: the browser's default
     */
    constructor(signalling, signal, events, microphone) {
        this.signalling = signalling;
        this.signal = signal;
        this.events = events;
        this.microphone = microphone;
        this.results = noResults();
        /** @type {Told} */
        this.told = { client: '', udp: null, tcp: false, relayOnly: false, relays: { udp: [], tcp: [], tls: [] } };
    }

    /**
     * Call it in the press of a button.
     *
     * @returns {Promise<void>} resolves when each test has a result; rejects when it was stopped
     */
    async run() {
        const { signal, events, microphone } = this;
        await Promise.all([
            this.attempt('microphone', () => tryMicrophone(microphone, signal, (level) => signal.aborted || events.onLevel(level))),
            this.network(),
        ]);
    }

    async network() {
        const { signalling, signal, told } = this;
        const { state } = await this.attempt('server', () => this.meet());
        if (state !== 'ok') {
            const rest = CHECKS.filter(({ id }) => this.results[id].state === 'waiting');
            rest.forEach(({ id }) => this.set(id, faulty(0, new Fault('not-reached'))));
            return;
        }
        await this.attempt('udp', async () => {
            this.needsStraight();
            return tryPath(signalling, [], signal);
        });
        await this.attempt('tcp', async () => {
            this.needsStraight();
            if (!told.tcp) {
                throw new Fault('no-tcp');
            }
            return tryPath(signalling, [], signal, 'tcp');
        });
        for (const [transport, id] of entries(RELAYS)) {
            await this.attempt(id, async () => {
                this.needsUdp();
                if (told.relays[transport].length === 0) {
                    throw new Fault('no-relay');
                }
                return tryPath(signalling, told.relays[transport], signal);
            });
        }
        await this.attempt('websocket', () => trySocket(signalling, signal));
        await this.attempt('round-trip', () => measureRoundTrip(signalling, signal));
        await this.attempt('download', () => measureDownload(signalling, signal));
        await this.attempt('upload', () => measureUpload(signalling, signal));
    }

    /** The server answers over HTTP, and says what there is to test. */
    async meet() {
        const about = await this.json('api/network');
        const { iceServers, iceTransportPolicy } = await this.json('api/ice-servers', { iceServers: [] });
        if (typeof about.websocket !== 'boolean' || !Array.isArray(iceServers)) {
            throw new Fault('server-unknown');
        }
        const { told } = this;
        told.client = String(about.address ?? '');
        told.udp = about.udp ?? null;
        told.tcp = about.tcp === true;
        told.relayOnly = iceTransportPolicy === 'relay';
        told.relays = relaysByTransport(iceServers);
        return {};
    }

    /**
     * @param {string} path
     * @param {any} [later] - what counts where the server says that it stops, if that is no fault
     * @returns {Promise<any>}
     */
    async json(path, later) {
        const response = await this.signalling.request(path, {}, this.signal);
        if (response.status === 503 && later !== undefined) {
            return later;
        }
        const body = response.ok ? await response.json().catch(() => null) : null;
        if (body === null || typeof body !== 'object') {
            throw new Fault('server-unknown', `HTTP ${response.status}`);
        }
        return body;
    }

    /** Calls over WebRTC, also through a relay, end at the server's UDP port. */
    needsUdp() {
        if (this.told.udp === null) {
            throw new Fault('no-udp-port');
        }
    }

    /** The call page goes straight to the server only where the server allows it. */
    needsStraight() {
        this.needsUdp();
        if (this.told.relayOnly) {
            throw new Fault('relay-only');
        }
    }

    /**
     * @param {CheckId} id
     * @param {() => Promise<{value?: number, detail?: string}>} test
     * @returns {Promise<Result>}
     */
    async attempt(id, test) {
        this.signal.throwIfAborted();
        this.set(id, pending('testing'));
        const began = performance.now();
        let result;
        try {
            const found = await test();
            result = passed(performance.now() - began, found);
        } catch (error) {
            this.signal.throwIfAborted();
            result = faulty(performance.now() - began, faultOf(error));
        }
        this.signal.throwIfAborted();
        this.set(id, result);
        return result;
    }

    /**
     * @param {CheckId} id
     * @param {Result} result
     */
    set(id, result) {
        this.results[id] = result;
        this.events.onResult(id, result);
    }
}

/**
 * @param {unknown} error
 * @returns {Fault}
 */
export function faultOf(error) {
    if (error instanceof Fault) {
        return error;
    }
    if (!(error instanceof CallProblem)) {
        return new Fault('broken', String(error));
    }
    if (NO_PLACE.includes(error.code)) {
        return new Fault('no-place', error.detail);
    }
    const cause = CAUSES[error.code];
    return cause === undefined ? new Fault('broken', error.detail) : new Fault(cause);
}

/**
 * @template {string} K
 * @template V
 * @param {Record<K, V>} record
 * @returns {[K, V][]}
 */
function entries(record) {
    return /** @type {[K, V][]} */ (Object.entries(record));
}
