/**
 * A server that speaks the protocol of docs/protocol.md from a test's script: no models, no chance. It serves the
 * page like the real one, and sends what the test tells it to.
 */
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { WebSocketServer } from 'ws';

import { AUDIO_HEADER_BYTES, TICKS_PER_SAMPLE, WIRE_FRAME, WIRE_RATE, encodeAudio } from '../../../static/protocol.js';
import { freePort } from './own-server.js';

const STATIC = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../static');
const KINDS = /** @type {Record<string, string>} */ ({
    html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', svg: 'image/svg+xml', json: 'application/json',
    glb: 'model/gltf-binary', webp: 'image/webp',
});
/** The policy that suffices according to docs/page.md. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; connect-src 'self'";
const PAGES = /** @type {Record<string, string>} */ ({ '/call': 'call.html', '/call/network': 'network.html' });
const FRAME_MS = 20;
const PATIENCE_MS = 20000;

/**
 * A tone, in real time.
 *
 * @typedef {Object} Sounding
 * @property {(afterMs?: number) => Promise<void>} stop
 */

/** One call of the page, as the server sees it. */
export class ScriptedCall {
    /** @param {(text: string) => void} write - to the page */
    constructor(write) {
        this.write = write;
        /** @type {import('../../../static/protocol.js').Message[]} */
        this.received = [];
        /** @type {(() => void)[]} */
        this.waiting = [];
        this.ids = 0;
        /** Whether it is active: a hung server neither receives nor answers anything. */
        this.awake = true;
        /** RMS of the page's last audio frame, 0 to 1. */
        this.level = 0;
        /** @type {(frame: ArrayBuffer) => void} */
        this.writeAudio = () => {};
        /** @type {string[]} Names of the voices that `set-voice` may choose. */
        this.voices = [];
        /** The server's id of the call. */
        this.id = 'scripted';
        /** It goes on with an earlier one, by its resume token. */
        this.resumed = false;
        /** Called after the hello to the page. */
        this.onHello = () => {};
    }

    /** @param {string} text - from the page */
    receive(text) {
        if (!text.startsWith('{')) {
            return; // a keep-alive
        }
        const message = JSON.parse(text);
        if (!this.awake) {
            return;
        }
        if (message.type === 'client-message' && message.data.t === 'ping') {
            this.answerPing(message.id);
            return;
        }
        this.received.push(message);
        if (message.type === 'client-message' && message.data.t === 'set-voice') {
            this.chooseVoice(message.id, message.data.d.voice);
        }
        if (message.type === 'client-ready') {
            const more = this.resumed ? { resumed: true } : {};
            this.send('bot-ready', { version: '2.1.0', about: { library: 'scripted' }, call: this.id, ...more });
            this.state('listening');
            this.onHello();
        }
        this.waiting.splice(0).forEach((wake) => wake());
    }

    /** @param {string} id */
    answerPing(id) {
        this.answer('server-response', id, { t: 'ping', d: {} });
    }

    /**
     * @param {string} id
     * @param {string | null} voice
     */
    chooseVoice(id, voice) {
        if (voice === null || this.voices.includes(voice)) {
            this.answer('server-response', id, { t: 'set-voice', d: {} });
        } else {
            this.answer('error-response', id, { error: `set-voice: d.voice: there is no voice "${voice}"; there are ${this.voices.join(', ')}` });
        }
    }

    /**
     * @param {string} type
     * @param {string} id - of the page's message
     * @param {object} data
     */
    answer(type, id, data) {
        this.write(JSON.stringify({ label: 'rtvi-ai', type, id, data }));
    }

    /** @param {Buffer} frame - from the page */
    receiveAudio(frame) {
        let sum = 0;
        for (let at = AUDIO_HEADER_BYTES; at < frame.length; at += 2) {
            sum += (frame.readInt16LE(at) / 32768) ** 2;
        }
        this.level = Math.sqrt(sum / ((frame.length - AUDIO_HEADER_BYTES) / 2));
        this.waiting.splice(0).forEach((wake) => wake());
    }

    /**
     * Waits until something from the page makes `done` true.
     *
     * @param {() => boolean} done
     */
    async until(done) {
        const late = setTimeout(() => this.waiting.splice(0).forEach((wake) => wake()), PATIENCE_MS);
        const deadline = performance.now() + PATIENCE_MS;
        while (!done()) {
            if (performance.now() >= deadline) {
                throw new Error(`The page sent only ${JSON.stringify(this.received)}`);
            }
            await /** @type {Promise<void>} */ (new Promise((resolve) => this.waiting.push(resolve)));
        }
        clearTimeout(late);
    }

    /**
     * The page's `client-message`s of one kind.
     *
     * @param {string} topic
     * @returns {any[]}
     */
    told(topic) {
        return this.received.filter(({ type, data }) => type === 'client-message' && data.t === topic).map(({ data }) => data.d);
    }

    /**
     * @param {string} type
     * @param {object} data
     */
    send(type, data) {
        this.ids += 1;
        this.write(JSON.stringify({ label: 'rtvi-ai', type, id: `s${this.ids}`, data }));
    }

    /** @param {object} data */
    server(data) {
        this.send('server-message', data);
    }

    /** @param {'listening' | 'thinking' | 'speaking'} state */
    state(state) {
        this.server({ type: 'state', state });
    }

    /**
     * @param {string} text
     * @param {object} [more]
     */
    hear(text, more = {}) {
        this.send('user-transcription', { text, final: true, timestamp: '2026-01-01T00:00:00Z', user_id: 'user', language: 'en', ...more });
    }

    /**
     * A whole turn without its sound.
     *
     * @param {number} response
     * @param {{question: string, answer: string, marks: object, more?: object, spoken?: object, engines?: object}} turn - `more` of the
     *     question, `spoken` of the answer, `engines` that served it
     */
    turn(response, { question, answer, marks, more = {}, spoken = {}, engines = undefined }) {
        this.hear(question, more);
        this.send('bot-llm-started', { response });
        this.send('bot-started-speaking', { response });
        this.send('bot-output', { text: answer, spoken: true, aggregated_by: 'sentence', response, ...spoken });
        this.send('bot-stopped-speaking', { response });
        if ('interrupted' in marks && marks.interrupted !== null) {
            this.send('bot-interrupted', { response, heard: answer });
        }
        this.server({ type: 'turn', response, marks, engines });
        this.state('listening');
    }

    /**
     * Begins a response that sounds as a tone.
     *
     * @param {number} response
     * @returns {Sounding}
     */
    sound(response) {
        this.state('speaking');
        this.send('bot-started-speaking', { response });
        this.send('bot-output', { text: 'Aah.', spoken: true, aggregated_by: 'sentence', response });
        return this.tone(response);
    }

    /**
     * Sounds without the words of a response, like a filler.
     *
     * @param {number} response
     * @returns {Sounding}
     */
    tone(response) {
        const began = performance.now();
        let sent = 0;
        const timer = setInterval(() => {
            for (; sent * FRAME_MS <= performance.now() - began; sent++) {
                const at = sent * WIRE_FRAME;
                const samples = Int16Array.from({ length: WIRE_FRAME }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * (at + i)) / WIRE_RATE));
                this.writeAudio(encodeAnswer(sent, at, response, samples));
            }
        }, FRAME_MS / 2);
        timer.unref(); // a test that fails does not stop it
        return {
            stop: async (afterMs = 0) => {
                await new Promise((resolve) => setTimeout(resolve, afterMs));
                clearInterval(timer);
            },
        };
    }
}

/**
 * @param {number} sequence
 * @param {number} at - samples
 * @param {number} response
 * @param {Int16Array} samples
 */
function encodeAnswer(sequence, at, response, samples) {
    const frame = encodeAudio(sequence, at * TICKS_PER_SAMPLE, samples);
    new DataView(frame).setUint32(8, response, true); // the page itself only ever sends 0
    return frame;
}

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
        return this.calls.shift() ?? new Promise((resolve) => this.waiting.push(resolve));
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
            response.writeHead(200, { 'Content-Type': 'audio/wav' }).end(tone(this.sampleSeconds));
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
 * @param {number} seconds
 * @returns {Buffer} a tone as a WAV file
 */
function tone(seconds) {
    const samples = Int16Array.from({ length: WIRE_RATE * seconds }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * i) / WIRE_RATE));
    const file = Buffer.alloc(44 + samples.byteLength);
    file.write('RIFF', 0, 'latin1');
    file.writeUInt32LE(36 + samples.byteLength, 4);
    file.write('WAVEfmt ', 8, 'latin1');
    file.writeUInt32LE(16, 16);
    file.writeUInt16LE(1, 20); // PCM
    file.writeUInt16LE(1, 22);
    file.writeUInt32LE(WIRE_RATE, 24);
    file.writeUInt32LE(WIRE_RATE * 2, 28);
    file.writeUInt16LE(2, 32);
    file.writeUInt16LE(16, 34);
    file.write('data', 36, 'latin1');
    file.writeUInt32LE(samples.byteLength, 40);
    Buffer.from(samples.buffer).copy(file, 44);
    return file;
}

/**
 * @param {http.ServerResponse} response
 * @param {object} body
 * @param {number} [status]
 * @param {Record<string, string>} [headers]
 */
function json(response, body, status = 200, headers = {}) {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/**
 * @param {http.ServerResponse} response
 * @param {string} name
 */
function sendFile(response, name) {
    const file = path.join(STATIC, path.normalize(`/${name}`));
    if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) {
        response.writeHead(404).end();
        return;
    }
    const type = KINDS[path.extname(name).slice(1)];
    const bytes = fs.readFileSync(file);
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length, 'Content-Security-Policy': POLICY }).end(bytes);
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
