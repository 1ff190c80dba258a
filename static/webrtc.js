/**
 * A call over WebRTC: Opus both ways, messages on a data channel, trickle ICE and ICE restarts.
 */
import { RtpClock } from './avatar/clock.js';
import { TICKS_PER_SAMPLE, decodeMessage, encodeAudio } from './protocol.js';
import { CallProblem } from './problems.js';

const CONNECT_TIMEOUT_MS = 5000;
const RESTART_AFTER_MS = 1500; // a short gap recovers by itself
const RESTART_TIMEOUT_MS = 12000;
const KEEP_ALIVE_MS = 15000;
const BACKLOG_LIMIT_BYTES = 64 * 1024;

/**
 * What the session gives to either transport.
 *
 * @typedef {Object} TransportOptions
 * @property {import('./signalling.js').Signalling} signalling
 * @property {import('./audio.js').AudioGraph} graph
 * @property {MediaStreamTrack | null} track - the microphone, if there is one
 * @property {boolean} held - the microphone is heard only from goLive() on
 * @property {string} language - empty: identified
 * @property {string} call - the server's id of a call to resume; empty: a new one
 * @property {() => import('./resume-tokens.js').ResumeToken | null} resumeToken - by which the call goes on at any server; null: none
 * @property {(data: unknown) => void} onResumeToken - the server has sent another one
 * @property {AbortSignal} signal - aborted when the person gives up
 * @property {(stage: import('./setup-times.js').SetupStage) => void} onStage - a stage of the set-up is reached, perhaps again
 * @property {() => void} onLife - anything arrived from the server, except sound over WebRTC
 * @property {(message: import('./protocol.js').Message) => void} onMessage
 * @property {(reconnecting: boolean) => void} onReconnecting
 * @property {((frames: ArrayBuffer) => void) | null} onFace - gets a message of docs/avatar.md; null: no face is wanted
 * @property {(stats: import('./playout-buffer.js').PlayoutStats) => void} onPlayout
 * @property {(stats: import('./capture-worklet.js').CaptureStats) => void} onCapture
 * @property {(close: () => void) => void} onParked - a connection was abandoned; `close` it once there is another
 * @property {(detail: string) => void} onLost - called at most once, and not after close()
 */

/**
 * A transport as the session sees it.
 *
 * @typedef {Object} Transport
 * @property {'webrtc' | 'websocket'} name
 * @property {string} call - the server's id of the call; empty if it cannot be resumed over another connection
 * @property {import('./avatar/clock.js').FaceClock} clock - what is heard
 * @property {() => Promise<void>} open
 * @property {(text: string) => void} send
 * @property {(track: MediaStreamTrack | null) => Promise<void>} setTrack
 * @property {(samples: Int16Array) => boolean} sendSound - sends what was said earlier, 20 ms of it; false: not now
 * @property {(track: MediaStreamTrack | null) => Promise<void>} goLive - the microphone is heard from now on
 * @property {(response: number) => void} flush - the response was interrupted: nothing more of it may sound
 * @property {() => number} soundMark - changes whenever sound has arrived that onLife() does not report
 * @property {() => Promise<void>} probe - the server gives no sign of life: checks whether it is reachable, and by another route
 * @property {() => void} drop - abandons the connection, and leaves the call to another one
 * @property {() => void} close - ends the call
 */

/** @implements {Transport} */
export class WebRtcTransport {
    /** @param {TransportOptions} options */
    constructor(options) {
        /** @type {'webrtc'} */
        this.name = 'webrtc';
        this.options = options;
        this.closed = false;
        this.opened = false;
        this.held = options.held;
        /** Frames of sound sent by the data channel. */
        this.frames = 0;
        /** Abandoned and closed: whatever still arrives is ignored. */
        this.gone = false;
        /** The server's id of this call; empty until it has answered. */
        this.call = '';
        /** @type {RTCIceCandidate[]} */
        this.candidates = [];
        /** @type {RTCPeerConnection | null} */
        this.peer = null;
        /** @type {RTCDataChannel | null} */
        this.channel = null;
        /** @type {RTCRtpTransceiver | null} */
        this.audio = null;
        this.clock = new RtpClock(() => this.audio?.receiver ?? null, options.graph);
        this.restarting = false;
        this.restartTimer = 0;
        this.giveUpTimer = 0;
        this.keepAlive = 0;
    }

    /** Connects, or rejects when no packets get through in time. */
    async open() {
        const { signalling, signal, track, call, language } = this.options;
        const ice = await signalling.iceConfiguration(signal);
        const peer = new RTCPeerConnection({ ...ice, bundlePolicy: 'max-bundle' });
        this.peer = peer;
        peer.onicecandidate = (event) => this.trickle(event.candidate);
        peer.ontrack = (event) => this.options.graph.setRemoteStream(event.streams[0] ?? new MediaStream([event.track]));
        peer.onconnectionstatechange = () => this.connectionChanged();
        peer.oniceconnectionstatechange = () => this.iceChanged(peer);
        this.audio = peer.addTransceiver((this.held ? null : track) ?? 'audio', { direction: 'sendrecv' });
        this.channel = peer.createDataChannel('rtvi', { ordered: true });
        this.channel.onmessage = (event) => this.receive(event.data);
        this.channel.onclose = () => this.lost('the data channel closed');
        this.openFace(peer);
        const open = this.whenOpen(peer, this.channel);
        open.catch(() => {}); // handled below, also when negotiation fails first
        const resumeToken = this.options.resumeToken();
        await this.negotiate({
            language: language || undefined,
            ...(call === '' ? {} : { pc_id: call, restart_pc: true }),
            ...(resumeToken === null ? {} : { resume: { call: resumeToken.call, token: resumeToken.token } }),
        });
        await open;
        this.opened = true;
        this.options.onStage('open');
        this.keepAlive = window.setInterval(() => this.send(`ping ${Date.now()}`), KEEP_ALIVE_MS);
    }

    /**
     * Opens the face's channel, without retransmissions: late frames are worth nothing.
     *
     * @param {RTCPeerConnection} peer
     */
    openFace(peer) {
        const { onFace } = this.options;
        if (onFace !== null) {
            const channel = peer.createDataChannel('avatar', { ordered: false, maxRetransmits: 0 });
            channel.binaryType = 'arraybuffer';
            channel.onmessage = ({ data }) => {
                if (data instanceof ArrayBuffer && !this.closed) {
                    this.options.onLife();
                    onFace(data);
                }
            };
        }
    }

    /**
     * @param {RTCPeerConnection} peer
     * @param {RTCDataChannel} channel
     * @returns {Promise<void>}
     */
    whenOpen(peer, channel) {
        return new Promise((resolve, reject) => {
            const failed = (/** @type {string} */ why) => reject(new CallProblem('connection-failed', why));
            const timer = setTimeout(() => failed('no connection in 5 s'), CONNECT_TIMEOUT_MS);
            this.options.signal.addEventListener('abort', () => reject(this.options.signal.reason));
            peer.addEventListener('connectionstatechange', () => {
                if (peer.connectionState === 'failed' || peer.connectionState === 'closed') {
                    failed(`ICE ${peer.iceConnectionState}`);
                }
            });
            channel.addEventListener('open', () => {
                clearTimeout(timer);
                resolve();
            });
        });
    }

    /** @param {Record<string, any>} extra */
    async negotiate(extra) {
        const peer = this.peer;
        if (peer === null) {
            return;
        }
        await peer.setLocalDescription();
        const { sdp, type } = /** @type {RTCSessionDescription} */ (peer.localDescription);
        this.options.onStage('offered');
        const answer = await this.options.signalling.offer({ sdp, type, ...extra }, this.options.signal);
        if (extra.resume !== undefined && answer.resume !== undefined) {
            this.options.onResumeToken(answer.resume);
        }
        if (this.closed) {
            if (answer.pc_id !== extra.pc_id && answer.pc_id !== extra.resume?.call) {
                this.options.signalling.end(answer.pc_id); // a new call, abandoned while the server was answering
            }
            return;
        }
        if (this.opened && answer.pc_id !== this.call) {
            this.options.signalling.end(answer.pc_id); // a new call, which this connection cannot carry
            throw new CallProblem('refused', 'the server does not know the call any more');
        }
        this.call = answer.pc_id;
        this.options.onStage('answered');
        await peer.setRemoteDescription({ sdp: answer.sdp, type: answer.type });
        this.sendCandidates();
    }

    /** @param {RTCIceCandidate | null} candidate */
    trickle(candidate) {
        if (candidate === null || candidate.candidate === '') {
            return;
        }
        // Candidates found at the same moment go in one request.
        if (this.candidates.push(candidate) === 1) {
            setTimeout(() => this.sendCandidates(), 20);
        }
    }

    sendCandidates() {
        if (this.call === '' || this.candidates.length === 0 || this.closed) {
            return; // kept until the server has answered
        }
        const candidates = this.candidates.splice(0);
        this.options.signalling.trickle(this.call, candidates, this.options.signal).catch(() => {
            // one lost candidate is not a lost call: another pair may connect, and the timeout decides
        });
    }

    /** @param {any} data */
    receive(data) {
        if (this.gone) {
            return;
        }
        this.options.onLife();
        const message = typeof data === 'string' ? decodeMessage(data) : null;
        if (this.closed && message?.data.type === 'call-ended' && message.data.reason === 'moved') {
            return; // to the connection that takes the place of this one
        }
        if (message !== null) {
            this.options.onMessage(message);
        }
    }

    /** @param {RTCPeerConnection} peer */
    iceChanged(peer) {
        if (peer.iceConnectionState === 'connected' || peer.iceConnectionState === 'completed') {
            this.options.onStage('iceConnected');
        }
    }

    connectionChanged() {
        const state = this.peer?.connectionState;
        if (state === 'connected') {
            this.options.onStage('connected');
        }
        if (!this.opened || this.closed) {
            return;
        }
        if (state === 'connected') {
            clearTimeout(this.restartTimer);
            clearTimeout(this.giveUpTimer);
            if (this.giveUpTimer !== 0) {
                this.giveUpTimer = 0;
                this.options.onReconnecting(false);
            }
        } else if (state === 'disconnected' || state === 'failed') {
            this.options.onReconnecting(true);
            this.giveUpTimer ||= window.setTimeout(() => this.lost('no reconnection in time'), RESTART_TIMEOUT_MS);
            clearTimeout(this.restartTimer);
            this.restartTimer = window.setTimeout(() => this.restart(), state === 'failed' ? 0 : RESTART_AFTER_MS);
        } else if (state === 'closed') {
            this.lost('the connection was closed');
        }
    }

    /** Looks for a new route to the server while the call goes on. */
    async restart() {
        if (this.restarting || this.closed) {
            return;
        }
        this.restarting = true;
        try {
            this.peer?.restartIce();
            await this.negotiate({ pc_id: this.call, restart_pc: true });
        } catch (error) {
            this.lost(String(error)); // unreachable, or it no longer knows the call: a new connection is needed
        } finally {
            this.restarting = false;
        }
    }

    /** @param {string} text */
    send(text) {
        if (this.channel?.readyState === 'open') {
            this.channel.send(text);
        }
    }

    /** @param {MediaStreamTrack | null} track */
    async setTrack(track) {
        if (!this.held) {
            await this.audio?.sender.replaceTrack(track);
        }
    }

    /** @param {MediaStreamTrack | null} track */
    async goLive(track) {
        this.held = false;
        if (!this.closed) {
            await this.setTrack(track);
        }
    }

    /**
     * By the data channel: the track carries only what is said now.
     *
     * @param {Int16Array} samples
     */
    sendSound(samples) {
        const { channel } = this;
        if (channel?.readyState !== 'open' || channel.bufferedAmount > BACKLOG_LIMIT_BYTES) {
            return false;
        }
        channel.send(encodeAudio(this.frames, this.frames * samples.length * TICKS_PER_SAMPLE, samples));
        this.frames += 1;
        return true;
    }

    /** Nothing to do: the server stops sending, and the page mutes what the browser's jitter buffer may still hold. */
    flush() {}

    /** Chromium reports each packet a moment after it is played. */
    soundMark() {
        const sources = this.audio?.receiver.getSynchronizationSources?.() ?? [];
        return sources.reduce((newest, { rtpTimestamp }) => Math.max(newest, rtpTimestamp), 0);
    }

    /** Asks first, so as not to change the connection of a hung server: it may work as before once the server resumes. */
    async probe() {
        try {
            await this.options.signalling.readiness(this.options.signal);
        } catch (error) {
            this.lost(String(error));
        }
        await this.restart();
    }

    /** @param {string} detail */
    lost(detail) {
        if (!this.closed && this.opened) {
            this.drop();
            this.options.onLost(detail);
        }
    }

    drop() {
        if (this.closed) {
            return;
        }
        this.closed = true;
        clearTimeout(this.restartTimer);
        clearTimeout(this.giveUpTimer);
        clearInterval(this.keepAlive);
        this.options.graph.setRemoteStream(null);
        this.audio?.sender.replaceTrack(null).catch(() => {}); // no microphone over an abandoned connection
        this.options.onParked(() => this.bury());
    }

    bury() {
        this.gone = true;
        this.peer?.close();
    }

    close() {
        this.drop();
        this.bury();
        if (this.call !== '') {
            this.options.signalling.end(this.call);
            this.call = '';
        }
    }
}
