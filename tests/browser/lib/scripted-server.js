/**
 * A server that speaks the protocol of docs/protocol.md from a test's script: no models, no chance. It serves the
 * page like the real one, sends what the test tells it to, and fails when the test wants.
 */
import { once } from 'node:events';
import http from 'node:http';

import { WebSocketServer } from 'ws';

import { freePort } from './own-server.js';
import { json, sendFile } from './responses.js';
import { ScriptedCall } from './scripted-call.js';
import { toneFile } from './tones.js';

const PAGES = /** @type {Record<string, string>} */ ({ '/call': 'call.html', '/call/network': 'network.html', '/speech': 'speech.html' });
/** Longest wait for a call: without one the test fails, and does not hang. */
const PATIENCE_MS = 120000;

/** Serves one page and its calls. */
export class ScriptedServer {
    constructor() {
        this.http = http.createServer((request, response) => this.serve(request, response));
        this.sockets = new WebSocketServer({
            server: this.http,
            path: '/ws',
            verifyClient: ({ req }, settle) => {
                const refusal = this.refusalOf(req);
                this.refused = refusal;
                settle(refusal === null, refusal?.status ?? 101);
            },
        });
        this.sockets.on('connection', (socket, request) => {
            const call = new ScriptedCall((text) => socket.send(text));
            this.takeUp(call, socket, request);
            call.writeAudio = (frame) => socket.send(frame);
            socket.on('message', (data, binary) => {
                if (binary) {
                    call.receiveAudio(/** @type {Buffer} */ (data));
                } else {
                    call.receive(String(data));
                }
            });
            this.begin(call);
        });
        /** @type {ScriptedCall[]} */
        this.calls = [];
        /** @type {((call: ScriptedCall) => void)[]} */
        this.waiting = [];
        /** @type {((offer: {sdp: string, type: string}) => Promise<{sdp: string, type: string}>) | null} Without it: no WebRTC. */
        this.answer = null;
        /** @type {Record<string, any>[]} */
        this.offers = [];
        /** The token that the answer tells of to an offer that shows one; empty: it tells of none. */
        this.next = '';
        /** @type {Set<string>} Calls that may be resumed. */
        this.known = new Set();
        /** Why the calls that were begun are over; empty: they are not. */
        this.over = '';
        /** Whether calls over a WebSocket get resume tokens. */
        this.resumes = false;
        /** @type {Map<string, string>} Each token that is good, with its call. */
        this.tokens = new Map();
        this.issued = 0;
        /** @type {{role: 'user' | 'assistant', text: string}[]} What a call that goes on is told was said. */
        this.said = [];
        /** Why resume tokens are refused that are not good. */
        this.unknown = 'resume-unknown';
        /** @type {{status: number, reason: string, retryAfter: number} | null} How WebSockets are refused; null: they are not. */
        this.refusal = null;
        /** @type {{status: number, reason: string, retryAfter: number} | null} How the last WebSocket was: the page asks why behind it. */
        this.refused = null;
        /** @type {Map<string, {call: ScriptedCall, socket: import('ws').WebSocket}>} Calls over a WebSocket by their ids. */
        this.live = new Map();
        /** @type {Set<ScriptedCall>} Those with a connection. */
        this.connected = new Set();
        /** @type {http.ServerResponse[] | null} Requests that a hung server has not answered. */
        this.held = null;
        /** @type {'answered' | 'unknown'} How pings are treated. */
        this.pings = 'answered';
        /** Pings that were refused. */
        this.pinged = 0;
        /** @type {import('../../../static/voices.js').Voice[]} What the server lists. */
        this.voices = [];
        /** What /ready says otherwise or besides. */
        this.readiness = {};
        /** @type {string[]} Voices whose samples were asked for. */
        this.sampled = [];
        /** @type {{status: number, detail: string} | null} The response to requests for samples, if they fail. */
        this.sampleFault = null;
        /** Length of a sample, in seconds. */
        this.sampleSeconds = 1;
        this.port = 0;
        this.url = '';
    }

    /** Starts listening, also again after `die()`. */
    async listen() {
        if (this.port === 0) {
            this.port = await freePort(); // not one that the kernel may give to another socket while this server is dead
        }
        this.http.listen(this.port, '127.0.0.1');
        await once(this.http, 'listening');
        this.url = `http://127.0.0.1:${this.port}`;
    }

    /** Neither receives nor answers anything, like a stopped process. */
    hang() {
        this.held = [];
        this.connected.forEach((call) => (call.awake = false));
    }

    /** Answers again; requests made meanwhile are lost. */
    wake() {
        this.held?.forEach((response) => response.destroy());
        this.held = null;
    }

    /** Disappears with all of its calls, like a killed process. */
    die() {
        this.known.clear();
        this.close();
    }

    close() {
        this.connected.clear();
        this.sockets.clients.forEach((socket) => socket.terminate());
        this.http.closeAllConnections();
        this.http.close();
    }

    /**
     * @param {http.IncomingMessage} request - for a WebSocket
     * @returns {{status: number, reason: string, retryAfter: number} | null} null: it is accepted
     */
    refusalOf(request) {
        const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
        const token = searchParams.get('resume');
        if (this.refusal !== null) {
            return this.refusal;
        }
        if (token !== null && this.tokens.get(token) !== searchParams.get('call')) {
            return { status: 410, reason: this.unknown, retryAfter: 0 };
        }
        return null;
    }

    /**
     * Gives a call over a WebSocket its id and, where calls can go on, its token; the connection that it had before is told.
     *
     * @param {ScriptedCall} call
     * @param {import('ws').WebSocket} socket
     * @param {http.IncomingMessage} request
     */
    takeUp(call, socket, request) {
        if (!this.resumes) {
            return;
        }
        const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
        const token = searchParams.get('resume');
        call.resumed = token !== null;
        call.id = searchParams.get('call') ?? `call-${this.issued + 1}`;
        this.tokens.delete(token ?? '');
        const before = this.live.get(call.id);
        if (before?.socket.readyState === before?.socket.OPEN) {
            before?.call.server({ type: 'call-ended', reason: 'moved', message: '' });
            before?.socket.close(1000);
        }
        this.live.set(call.id, { call, socket });
        call.onHello = () => {
            if (call.resumed) {
                call.server({ type: 'resumed', call: call.id, said: this.said, cut: null });
            }
            this.issue(call);
        };
    }

    /** @param {ScriptedCall} call - gets a new token, and its older ones are void */
    issue(call) {
        for (const [token, id] of this.tokens) {
            if (id === call.id) {
                this.tokens.delete(token);
            }
        }
        this.issued += 1;
        this.tokens.set(`token-${this.issued}`, call.id);
        call.server({ type: 'resume', call: call.id, token: `token-${this.issued}`, seconds: 60 });
    }

    /** Loses every connection, as a network does. */
    cut() {
        this.sockets.clients.forEach((socket) => socket.terminate());
    }

    /** @param {ScriptedCall} call */
    begin(call) {
        this.connected.add(call);
        call.voices = this.voices.map(({ name }) => name);
        if (this.pings === 'unknown') {
            call.answerPing = (id) => {
                this.pinged += 1;
                call.write(JSON.stringify({ label: 'rtvi-ai', type: 'error-response', id, data: { error: 'unknown client-message "ping"' } }));
            };
        }
        const wake = this.waiting.shift();
        if (wake === undefined) {
            this.calls.push(call);
        } else {
            wake(call);
        }
    }

    /** @returns {Promise<ScriptedCall>} the page's next call */
    async call() {
        return this.calls.shift() ?? new Promise((resolve, reject) => {
            const late = setTimeout(() => {
                this.waiting = this.waiting.filter((wake) => wake !== settle);
                reject(new Error('The page has begun no call.'));
            }, PATIENCE_MS);
            const settle = (/** @type {ScriptedCall} */ call) => {
                clearTimeout(late);
                resolve(call);
            };
            this.waiting.push(settle);
        });
    }

    /**
     * @param {http.ServerResponse} response
     * @param {string} name
     */
    sample(response, name) {
        this.sampled.push(name);
        if (this.sampleFault !== null) {
            json(response, this.sampleFault, this.sampleFault.status);
        } else {
            response.writeHead(200, { 'Content-Type': 'audio/wav' }).end(toneFile(this.sampleSeconds));
        }
    }

    /**
     * @param {http.IncomingMessage} request
     * @param {http.ServerResponse} response
     */
    async serve(request, response) {
        const { pathname } = new URL(request.url ?? '/', this.url);
        if (this.held !== null) {
            this.held.push(response);
            return;
        }
        if (pathname === '/ready') {
            const engine = (/** @type {string} */ model) => ({ ready: true, message: '', model });
            const engines = { llm: engine('scripted.gguf'), stt: engine('scripted.bin'), tts: engine('') };
            json(response, { ready: true, engines, ...this.readiness });
        } else if (pathname === '/ws') { // a page asks why there was no WebSocket
            const { status, reason, retryAfter } = this.refused ?? { status: 426, reason: '', retryAfter: 0 };
            json(response, { status, reason, detail: reason }, status, retryAfter > 0 ? { 'Retry-After': String(retryAfter) } : {});
        } else if (pathname === '/api/voices') {
            json(response, { voices: this.voices });
        } else if (pathname.startsWith('/api/voices/')) {
            this.sample(response, decodeURIComponent(pathname.split('/')[3]));
        } else if (pathname === '/api/ice-servers') {
            json(response, { iceServers: [] });
        } else if (pathname === '/api/offer' && request.method === 'POST' && this.answer !== null) {
            const chunks = [];
            for await (const chunk of request) {
                chunks.push(chunk);
            }
            const offer = JSON.parse(String(Buffer.concat(chunks)));
            this.offers.push(offer);
            if (this.over !== '' && this.known.has(offer.pc_id)) {
                json(response, { status: 410, reason: this.over }, 410);
                return;
            }
            const id = this.known.has(offer.pc_id) ? offer.pc_id : `scripted-${this.offers.length}`;
            this.known.add(id);
            const resume = offer.resume && this.next !== '' ? { resume: { call: id, token: this.next, seconds: 60 } } : {};
            json(response, { ...(await this.answer(offer)), pc_id: id, ...resume });
        } else if (request.method === 'PATCH' || request.method === 'DELETE') {
            response.writeHead(204).end();
        } else {
            sendFile(response, PAGES[pathname] ?? pathname.replace(/^\/(static\/)?/, ''));
        }
    }
}

/**
 * Runs `body` with a scripted server, and always closes the server.
 *
 * @param {(server: ScriptedServer) => Promise<void>} body
 */
export async function withScriptedServer(body) {
    const server = new ScriptedServer();
    await server.listen();
    try {
        await body(server);
    } finally {
        server.close();
    }
}
