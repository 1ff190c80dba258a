/**
 * A call over one WebSocket: messages as text, PCM16 both ways as binary. Works wherever the page itself loads.
 */
import { PlayoutClock } from './avatar/clock.js';
import { TICKS_PER_SAMPLE, WIRE_RATE, decodeAudio, decodeFace, decodeMessage, encodeAudio } from './protocol.js';
import { CallProblem } from './problems.js';

const CONNECT_TIMEOUT_MS = 8000;
const BACKLOG_LIMIT_BYTES = 64 * 1024; // 2 s of microphone: older sound is of no use
const STALE_MS = 2000; // sound that waited longer for a page that stood still is dropped
const TRY_AGAIN_LATER = 1013;
const HUNG_UP = 1000;
/** The page gives the connection up, not the call. */
const ABANDONED = 4000;

/** @implements {Transport} */
export class WebSocketTransport {
    /** @param {import('./webrtc.js').TransportOptions} options */
    constructor(options) {
        /** @type {'websocket'} */
        this.name = 'websocket';
        this.call = '';
        this.options = options;
        this.closed = false;
        this.opened = false;
        this.held = options.held;
        /** @type {WebSocket | null} */
        this.socket = null;
        /** @type {AudioWorkletNode | null} */
        this.capture = null;
        /** @type {AudioWorkletNode | null} */
        this.playback = null;
        this.clock = new PlayoutClock(options.graph);
        this.sequence = 0;
        this.timestamp = 0;
    }

    async open() {
        const { signalling, language, onFace } = this.options;
        const resumeToken = this.options.resumeToken();
        /** @type {Record<string, string>} */
        const query = { rate: String(WIRE_RATE) };
        if (language !== '') {
            query.language = language;
        }
        if (onFace !== null) {
            query.avatar = '1';
        }
        if (resumeToken !== null) {
            query.resume = resumeToken.token;
            query.call = resumeToken.call;
        }
        const socket = new WebSocket(signalling.socketUrl(query));
        this.socket = socket;
        socket.binaryType = 'arraybuffer';
        socket.onmessage = (event) => this.receive(event.data);
        await this.whenOpen(socket, query);
        socket.onclose = (event) => this.lost(event.reason || `closed with code ${event.code}`);
        this.opened = true;
        this.options.onStage('open');
        this.connectAudio();
    }

    /**
     * @param {WebSocket} socket
     * @param {Record<string, string>} query
     * @returns {Promise<void>}
     */
    whenOpen(socket, query) {
        const { signalling, signal } = this.options;
        return new Promise((resolve, reject) => {
            const timer = setTimeout(
                () => reject(new CallProblem('connection-failed', 'no WebSocket in 8 s')),
                CONNECT_TIMEOUT_MS,
            );
            signal.addEventListener('abort', () => reject(signal.reason));
            socket.onopen = () => {
                clearTimeout(timer);
                resolve();
            };
            socket.onclose = (event) => {
                clearTimeout(timer);
                if (event.code === TRY_AGAIN_LATER) {
                    reject(new CallProblem('server-full', event.reason));
                } else {
                    void signalling.whyNoSocket(query, signal).then(reject);
                }
            };
        });
    }

    /** Attaches capture and playback to the page's graph. Without audio worklets the call is text only. */
    connectAudio() {
        const { context, mic, answer } = this.options.graph;
        if (!this.options.graph.worklets || context === null || mic === null || answer === null) {
            return;
        }
        const mono = /** @type {AudioWorkletNodeOptions} */ ({ channelCount: 1, channelCountMode: 'explicit' });
        this.capture = new AudioWorkletNode(context, 'visavis-capture', mono);
        this.capture.port.onmessage = ({ data }) => ('samples' in data ? this.sendAudio(data) : this.options.onCapture(data));
        mic.connect(this.capture);
        this.capture.connect(context.destination); // silent, but an unconnected node is not run
        this.playback = new AudioWorkletNode(context, 'visavis-playback', {
            numberOfInputs: 0,
            outputChannelCount: [1],
        });
        this.playback.port.onmessage = ({ data: { position, ...stats } }) => {
            this.clock.played(position);
            this.options.onPlayout(stats);
        };
        this.playback.connect(answer);
    }

    /** @param {import('./capture-worklet.js').CapturedFrame} frame */
    sendAudio({ at, samples }) {
        if (this.held) {
            return; // it comes by sendSound(), behind what was said before
        }
        if (Date.now() - at > STALE_MS || !this.sendSound(samples)) {
            this.timestamp += samples.length * TICKS_PER_SAMPLE; // a gap
        }
    }

    /** @param {Int16Array} samples */
    sendSound(samples) {
        const { socket } = this;
        if (socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > BACKLOG_LIMIT_BYTES) {
            return false;
        }
        socket.send(encodeAudio(this.sequence, this.timestamp, samples));
        this.sequence += 1;
        this.timestamp += samples.length * TICKS_PER_SAMPLE;
        return true;
    }

    async goLive() {
        this.held = false;
    }

    /** @param {any} data */
    receive(data) {
        if (this.closed) {
            return;
        }
        this.options.onLife();
        if (typeof data === 'string') {
            const message = decodeMessage(data);
            if (message !== null) {
                this.options.onMessage(message);
            }
            return;
        }
        const frame = decodeAudio(data);
        if (frame !== null) {
            const { response, timestamp, samples } = frame;
            this.playback?.port.postMessage({ type: 'audio', response, timestamp, samples }, [samples.buffer]);
            return;
        }
        const face = decodeFace(data);
        if (face !== null) {
            this.options.onFace?.(face);
        }
    }

    /** @param {string} text */
    send(text) {
        if (this.socket?.readyState === WebSocket.OPEN) {
            this.socket.send(text);
        }
    }

    /** Nothing to do: the graph feeds the capture, whichever microphone it has. */
    async setTrack() {}

    /** @param {number} response */
    flush(response) {
        this.playback?.port.postMessage({ type: 'flush', response });
    }

    /** Sound arrives in frames, which onLife() reports. */
    soundMark() {
        return 0;
    }

    /** There is no other route. */
    async probe() {}

    /** @param {string} detail */
    lost(detail) {
        if (!this.closed && this.opened) {
            this.drop();
            this.options.onLost(detail);
        }
    }

    /** Without its connection the call ends, unless there is a resume token. */
    drop() {
        this.end(ABANDONED);
    }

    /** The server takes this code for a hang-up. */
    close() {
        this.end(HUNG_UP);
    }

    /** @param {number} code - why, for the server */
    end(code) {
        if (this.closed) {
            return;
        }
        this.closed = true;
        if (this.capture !== null) {
            this.options.graph.mic?.disconnect(this.capture);
            this.capture.disconnect();
            this.capture.port.onmessage = null;
            this.capture.port.postMessage('close');
        }
        this.playback?.disconnect();
        this.playback?.port.postMessage({ type: 'close' });
        this.socket?.close(code);
    }
}

/** @typedef {import('./webrtc.js').Transport} Transport */
