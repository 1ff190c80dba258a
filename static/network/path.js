/**
 * One way of a call, tried by a call that lasts a moment: without a microphone, straight to the server over one transport or through a
 * relay alone.
 */
import { CallProblem } from '../problems.js';
import { Fault } from './checks.js';
import { ping } from './ping.js';
import { Late, within } from './waiting.js';

const RELAY_TIMEOUT_MS = 5000;
/** As long as the call page waits before it takes a WebSocket. */
const CONNECT_TIMEOUT_MS = 5000;
const HANG_UP_TIMEOUT_MS = 2000;
/** The relay was not reached at all, by the standard's number in `icecandidateerror`. */
const UNREACHABLE = 701;
const CANDIDATE = /^a=candidate:/m;

/**
 * @typedef {import('../signalling.js').Signalling} Signalling
 * @typedef {{detail: string}} Found
 * @typedef {'udp' | 'tcp'} Transport - to the server or, with a relay, from the relay to the server
 */

/**
 * @param {Signalling} signalling
 * @param {RTCIceServer[]} relays - of which one must do; none: straight to the server
 * @param {AbortSignal} signal
 * @param {Transport} [transport]
 * @returns {Promise<Found>}
 * @throws {Fault}
 */
export async function tryPath(signalling, relays, signal, transport = 'udp') {
    if (typeof RTCPeerConnection === 'undefined') {
        throw new Fault('no-webrtc');
    }
    const path = new Path(signalling, relays, signal, transport);
    try {
        return await path.connect();
    } finally {
        await path.hangUp();
    }
}

class Path {
    /**
     * @param {Signalling} signalling
     * @param {RTCIceServer[]} relays
     * @param {AbortSignal} signal
     * @param {Transport} transport
     */
    constructor(signalling, relays, signal, transport) {
        this.signalling = signalling;
        this.relayed = relays.length > 0;
        this.signal = signal;
        this.transport = transport;
        this.peer = new RTCPeerConnection({
            iceServers: relays,
            iceTransportPolicy: this.relayed ? 'relay' : 'all',
            bundlePolicy: 'max-bundle',
        });
        this.peer.addTransceiver('audio', { direction: 'sendrecv' });
        // With this channel the agent waits for a hello, which never comes: it says nothing.
        this.channel = this.peer.createDataChannel('rtvi', { ordered: true });
        this.call = '';
    }

    /** @returns {Promise<Found>} */
    async connect() {
        const { peer, signalling, signal, transport } = this;
        const relay = this.relayed ? this.relayCandidate() : null;
        relay?.catch(() => {}); // handled below, also when the offer fails first
        await peer.setLocalDescription();
        await relay;
        const { sdp, type } = /** @type {RTCSessionDescription} */ (peer.localDescription);
        // Over TCP the server learns no address of ours for UDP: its own checks would open that way.
        const offered = transport === 'tcp' ? over('tcp', sdp) : sdp;
        const answer = await signalling.offer({ sdp: offered, type }, signal);
        this.call = answer.pc_id;
        const sdpOfAnswer = over(transport, answer.sdp);
        if (transport === 'tcp' && !CANDIDATE.test(sdpOfAnswer)) {
            throw new Fault('no-tcp');
        }
        const open = this.open();
        open.catch(() => {}); // the same
        await peer.setRemoteDescription({ type: answer.type, sdp: sdpOfAnswer });
        await open;
        const ms = await this.answered();
        return { detail: `${Math.round(ms)} ms there and back` };
    }

    /** The relay gives an address, or it is not reached, or it refuses. */
    async relayCandidate() {
        const { peer, signal } = this;
        let refusal = '';
        peer.addEventListener('icecandidateerror', (event) => {
            const { errorCode, errorText } = /** @type {RTCPeerConnectionIceErrorEvent} */ (event);
            if (errorCode !== UNREACHABLE) {
                refusal = `${errorCode} ${errorText}`.trim();
            }
        });
        const fault = () => (refusal === '' ? new Fault('relay-unreachable') : new Fault('relay-refused', refusal));
        try {
            await within(RELAY_TIMEOUT_MS, signal, (resolve, reject) => {
                peer.addEventListener('icecandidate', ({ candidate }) => {
                    if (candidate !== null && / typ relay /.test(`${candidate.candidate} `)) {
                        resolve(undefined);
                    } else if (candidate === null) {
                        reject(fault()); // all are found, and none is the relay's
                    }
                });
            });
        } catch (error) {
            throw error instanceof Late ? fault() : error;
        }
    }

    /** The connection carries messages. */
    async open() {
        const { peer, channel, relayed, signal } = this;
        const fault = () => new Fault(relayed ? 'relay-astray' : 'blocked');
        try {
            await within(CONNECT_TIMEOUT_MS, signal, (resolve, reject) => {
                channel.addEventListener('open', () => resolve(undefined));
                peer.addEventListener('connectionstatechange', () => {
                    if (peer.connectionState === 'failed' || peer.connectionState === 'closed') {
                        reject(fault());
                    }
                });
            });
        } catch (error) {
            throw error instanceof Late ? fault() : error;
        }
    }

    /** @returns {Promise<number>} */
    async answered() {
        try {
            return await ping(this.channel, this.signal);
        } catch (error) {
            throw error instanceof Late ? new Fault('mute') : error;
        }
    }

    /** Ends the call before the next test, so that none stands in another's way. */
    async hangUp() {
        const { call, peer, signal, signalling } = this;
        peer.close();
        if (call === '') {
            return;
        }
        if (signal.aborted) {
            signalling.end(call);
            return;
        }
        const path = `api/calls/${encodeURIComponent(call)}`;
        await signalling.request(path, { method: 'DELETE' }, signal, HANG_UP_TIMEOUT_MS).catch((error) => {
            if (!(error instanceof CallProblem)) {
                signalling.end(call); // the test was stopped meanwhile
            }
        });
    }
}

/**
 * @param {Transport} transport
 * @param {string} sdp
 * @returns {string} without candidates of the other transport, which prove nothing about this one
 */
export function over(transport, sdp) {
    const others = transport === 'udp' ? /^a=candidate:\S+ \d+ tcp .*(?:\r\n|\n|$)/gim : /^a=candidate:\S+ \d+ udp .*(?:\r\n|\n|$)/gim;
    return sdp.replace(others, '');
}
