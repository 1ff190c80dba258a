/**
 * The far end of a scripted WebRTC call: a second page in the same browser that answers the offer, and sends a tone or
 * silence when told to.
 */
import { ScriptedCall } from './scripted-call.js';

/** Otherwise Chromium hides local addresses behind names that only a network with mDNS resolves. */
export const PEER_FLAGS = ['--disable-features=WebRtcHideLocalIpsWithMdns'];

/**
 * Lets a scripted server take WebRTC calls.
 *
 * @param {import('./scripted-server.js').ScriptedServer} server
 * @param {import('playwright-core').Page} page - of the caller
 * @returns {Promise<{silence: () => Promise<void>, cut: () => Promise<void>}>} acts on the newest connection: it sends
 *     no more sound, or is closed
 */
export async function answerWebRtc(server, page) {
    const peer = await page.context().newPage();
    await peer.goto(`${server.url}/static/favicon.svg`); // a page of the same origin that does nothing
    /** @type {ScriptedCall | null} */
    let call = null;
    await peer.exposeFunction('fromCaller', (/** @type {string} */ text) => call?.receive(text));
    server.answer = async (offer) => {
        call = new ScriptedCall((text) => void peer.evaluate((text) => window.peer.send(text), text));
        call.tone = () => {
            void peer.evaluate(() => window.peer.sound(true));
            return { stop: (afterMs = 0) => peer.evaluate((ms) => window.peer.sound(false, ms), afterMs) };
        };
        const answer = await peer.evaluate(answerOffer, { sdp: offer.sdp, type: offer.type });
        server.begin(call);
        return answer;
    };
    return {
        silence: () => peer.evaluate(() => window.peer.silence()),
        cut: () => peer.evaluate(() => window.peer.cut()),
    };
}

/**
 * Runs in the peer's page.
 *
 * @param {{sdp: string, type: string}} offer
 */
async function answerOffer(offer) {
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: 440 });
    const volume = new GainNode(context, { gain: 0 });
    const out = context.createMediaStreamDestination();
    tone.connect(volume).connect(out);
    tone.start();
    const connection = new RTCPeerConnection();
    /** @type {RTCDataChannel | null} */
    let channel = null;
    connection.ondatachannel = (event) => {
        if (event.channel.label !== 'rtvi') {
            return; // frames of the face go from server to page alone
        }
        channel = event.channel;
        channel.onmessage = ({ data }) => {
            if (typeof data === 'string') {
                window.fromCaller(data);
            }
        };
    };
    const sender = connection.addTrack(out.stream.getAudioTracks()[0], out.stream);
    await connection.setRemoteDescription(/** @type {RTCSessionDescriptionInit} */ (offer));
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== 'complete') {
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    window.peer = {
        send: (text) => channel?.send(text),
        sound: (on, afterMs = 0) => {
            volume.gain.setValueAtTime(on ? 0.25 : 0, context.currentTime + afterMs / 1000);
        },
        silence: () => sender.replaceTrack(null),
        cut: () => connection.close(),
    };
    const { sdp, type } = /** @type {RTCSessionDescription} */ (connection.localDescription);
    return { sdp, type };
}
