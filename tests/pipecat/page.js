/**
 * The page of pipecat-client.test.js: Pipecat's own client, unmodified, and a list of what it tells. li./client.js bundles it.
 */
import { PipecatClient, RTVIEvent } from '@pipecat-ai/client-js';
// The client's other way to the microphone loads its program from the network.
import { SmallWebRTCTransport, WavMediaManager } from '@pipecat-ai/small-webrtc-transport';

/** RMS of sound, and not of silence that was encoded. */
const AUDIBLE = 0.003;
const LOOK_EVERY_MS = 20;

/** @type {import('./client.js').Told[]} */
const told = [];
const sound = { last: 0 };

// The client tells of the server's track once: after a repair the end of the old one makes it forget the new one (1.10.8).
window.RTCPeerConnection = class extends RTCPeerConnection {
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
        super(configuration);
        this.addEventListener('track', ({ track }) => track.kind === 'audio' && listen(new MediaStream([track])));
    }
};

const client = new PipecatClient({
    transport: new SmallWebRTCTransport({ mediaManager: new WavMediaManager() }),
    enableMic: true,
    enableCam: false,
});
for (const event of Object.values(RTVIEvent)) {
    client.on(event, (/** @type {any[]} */ ...data) => {
        told.push({ event, at: performance.now(), data: JSON.parse(JSON.stringify(data[0] ?? null)) });
    });
}

/** @param {MediaStream} stream - what the server sends */
function listen(stream) {
    const player = new Audio();
    player.srcObject = stream;
    void player.play();
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        const energy = samples.reduce((sum, sample) => sum + sample * sample, 0);
        if (Math.sqrt(energy / samples.length) > AUDIBLE) {
            sound.last = performance.now();
        }
    }, LOOK_EVERY_MS);
}

window.pipecat = { client, told, sound };
