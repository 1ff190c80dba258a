/**
 * The server over HTTP: its readiness, its ICE servers, and the offer/answer exchange.
 */
import { CallProblem, NO_PLACE } from './problems.js';

const REQUEST_TIMEOUT_MS = 10000;
const ICE_SERVERS_TIMEOUT_MS = 2000;

/**
 * @typedef {Object} Readiness
 * @property {boolean} ready
 * @property {boolean} stopping - it takes no more calls
 * @property {string[]} loading - names of the flags that are still false, such as `llm_ready`
 * @property {Record<string, string>} engines - the message of each engine that is not ready, such as `does not answer`,
 *     by its name: `stt`, `llm` or `tts`
 */

/**
 * @typedef {Object} Answer
 * @property {string} sdp
 * @property {RTCSdpType} type
 * @property {string} pc_id
 * @property {unknown} [resume] - the resume token that replaces the one in the offer
 */

/** Talks to one server. */
export class Signalling {
    /**
     * @param {string} backend - an address, or empty for the server that this page came from
     * @param {number} [timeout] - of a request, in ms
     * @throws {CallProblem}
     */
    constructor(backend, timeout = REQUEST_TIMEOUT_MS) {
        this.timeout = timeout;
        /** @type {URL} */
        this.base = parseBackend(backend);
    }

    /**
     * @param {string} path
     * @returns {string}
     */
    url(path) {
        return new URL(path, this.base).href;
    }

    /**
     * The address of the WebSocket mode.
     *
     * @param {Record<string, string>} query
     * @returns {string}
     */
    socketUrl(query) {
        const url = new URL('ws', this.base);
        url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
        url.search = new URLSearchParams(query).toString();
        return url.href;
    }

    /**
     * @param {AbortSignal} signal
     * @returns {Promise<Readiness>}
     */
    async readiness(signal) {
        const response = await this.request('ready', {}, signal);
        const body = await response.json().catch(() => null);
        if (body === null || typeof body !== 'object') {
            throw new CallProblem('server-unreachable', `/ready answered ${response.status}`);
        }
        const loading = Object.keys(body).filter((key) => key.endsWith('_ready') && body[key] === false);
        return { ready: body.ready === true, stopping: body.stopping === true, loading, engines: enginesNotReady(body.engines) };
    }

    /**
     * @param {AbortSignal} signal
     * @returns {Promise<any>} what the server says of its engines; null when it cannot be read
     */
    async engines(signal) {
        const response = await this.request('ready', {}, signal);
        return response.json().catch(() => null);
    }

    /**
     * How to reach the server through NAT, and whether by a relay alone; empty when it does not respond in time, which suffices on
     * most networks.
     *
     * @param {AbortSignal} signal
     * @returns {Promise<RTCConfiguration>}
     */
    async iceConfiguration(signal) {
        try {
            const response = await this.request('api/ice-servers', {}, signal, ICE_SERVERS_TIMEOUT_MS);
            const body = await response.json();
            const iceServers = Array.isArray(body.iceServers) ? body.iceServers : [];
            return { iceServers, iceTransportPolicy: body.iceTransportPolicy === 'relay' ? 'relay' : 'all' };
        } catch {
            return { iceServers: [] };
        }
    }

    /**
     * @param {Record<string, any>} body
     * @param {AbortSignal} signal
     * @returns {Promise<Answer>}
     */
    async offer(body, signal) {
        const response = await this.request('api/offer', withJson('POST', body), signal);
        if (!response.ok) {
            throw await refusal(response);
        }
        return response.json();
    }

    /**
     * @param {string} call
     * @param {RTCIceCandidate[]} candidates
     * @param {AbortSignal} signal
     */
    async trickle(call, candidates, signal) {
        const body = {
            pc_id: call,
            candidates: candidates.map((candidate) => ({
                candidate: candidate.candidate,
                sdp_mid: candidate.sdpMid ?? '0',
                sdp_mline_index: candidate.sdpMLineIndex ?? 0,
            })),
        };
        await this.request('api/offer', withJson('PATCH', body), signal);
    }

    /**
     * Ends a call, even while the page is being left.
     *
     * @param {string} call
     */
    end(call) {
        fetch(this.url(`api/calls/${encodeURIComponent(call)}`), { method: 'DELETE', keepalive: true }).catch(() => {});
    }

    /**
     * Why a WebSocket was refused: browsers hide the response, so it is requested once more by plain HTTP.
     *
     * @param {Record<string, string>} query
     * @param {AbortSignal} signal
     * @returns {Promise<CallProblem>}
     */
    async whyNoSocket(query, signal) {
        try {
            const response = await this.request(`ws?${new URLSearchParams(query)}`, {}, signal);
            if ([403, 410, 503].includes(response.status)) {
                return await refusal(response);
            }
        } catch {
            // no response either: see below
        }
        return new CallProblem('connection-failed', 'the WebSocket did not open');
    }

    /**
     * @param {string} path
     * @param {RequestInit} init
     * @param {AbortSignal} signal
     * @param {number} [timeout]
     * @returns {Promise<Response>}
     */
    async request(path, init, signal, timeout = this.timeout) {
        const controller = new AbortController();
        const abort = () => controller.abort(signal.reason);
        signal.addEventListener('abort', abort);
        const timer = setTimeout(() => controller.abort(), timeout);
        try {
            signal.throwIfAborted();
            return await fetch(this.url(path), { ...init, signal: controller.signal, cache: 'no-store' });
        } catch (error) {
            signal.throwIfAborted();
            throw new CallProblem('server-unreachable', String(error));
        } finally {
            clearTimeout(timer);
            signal.removeEventListener('abort', abort);
        }
    }
}

/**
 * @param {string} backend - an address with or without its scheme; empty: the server that this page came from
 * @returns {URL} ends in a slash
 * @throws {CallProblem}
 */
export function parseBackend(backend) {
    const here = new URL('.', location.href);
    if (backend.trim() === '') {
        return here;
    }
    const text = /^[a-z]+:\/\//i.test(backend.trim()) ? backend.trim() : `${location.protocol}//${backend.trim()}`;
    try {
        const url = new URL(text.endsWith('/') ? text : `${text}/`);
        if (url.protocol === 'http:' || url.protocol === 'https:') {
            return url;
        }
    } catch {
        // falls through to the problem below
    }
    throw new CallProblem('backend-invalid', backend);
}

/**
 * @param {any} engines - as in /ready; older servers have none
 * @returns {Record<string, string>}
 */
function enginesNotReady(engines) {
    const late = Object.entries(engines ?? {}).filter(([, engine]) => engine?.ready === false && typeof engine.message === 'string');
    return Object.fromEntries(late.map(([name, { message }]) => [name, message]));
}

/**
 * @param {string} method
 * @param {Record<string, any>} body
 * @returns {RequestInit}
 */
function withJson(method, body) {
    return { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

/**
 * What a refusal means. A full server says when to retry; for a call that is over, or that cannot go on, the reason is told; anything else is told in the server's own words.
 *
 * @param {Response} response
 * @returns {Promise<CallProblem>}
 */
async function refusal(response) {
    const body = await response.json().catch(() => ({}));
    const detail = String(body.detail ?? body.title ?? `${response.status} ${response.statusText}`);
    const retryAfter = response.headers.get('Retry-After');
    if (response.status === 503 && retryAfter !== null) {
        const code = NO_PLACE.find((known) => known === body.reason) ?? 'server-full';
        return new CallProblem(code, detail, Number.parseInt(retryAfter, 10) || 0);
    }
    if (response.status === 410) {
        const reason = String(body.reason ?? 'connection-lost');
        return new CallProblem(reason.startsWith('resume-') ? 'resume-refused' : 'call-over', reason);
    }
    return new CallProblem('refused', detail);
}
