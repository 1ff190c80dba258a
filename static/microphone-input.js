/**
 * The microphone of a call: which one it is, muted or not, and what happens when it goes away.
 */
import { closeMicrophone, openMicrophone } from './microphone.js';

/** Holds at most one open microphone and keeps the audio graph fed from it. */
export class MicrophoneInput {
    /**
     * @param {import('./audio.js').AudioGraph} graph
     * @param {(available: boolean) => void} onChange
     * @param {() => void} onLost - unplugged, or taken by the system
     */
    constructor(graph, onChange, onLost) {
        this.graph = graph;
        this.onChange = onChange;
        this.onLost = onLost;
        /** @type {MediaStream | null} */
        this.stream = null;
        this.muted = false;
    }

    get track() {
        return this.stream?.getAudioTracks()[0] ?? null;
    }

    /**
     * Opens a microphone, in place of the one before.
     *
     * @param {string} deviceId - empty: the default
     * @param {AbortSignal} signal - the call ended while the browser was asking
     * @throws {import('./problems.js').CallProblem}
     */
    async open(deviceId, signal) {
        const stream = await openMicrophone(deviceId);
        if (signal.aborted) {
            closeMicrophone(stream);
            throw signal.reason;
        }
        const previous = this.stream;
        this.use(stream);
        closeMicrophone(previous);
    }

    /** @param {boolean} muted */
    setMuted(muted) {
        this.muted = muted;
        if (this.track !== null) {
            this.track.enabled = !muted;
        }
    }

    close() {
        closeMicrophone(this.stream);
        this.use(null);
    }

    /** @param {MediaStream | null} stream */
    use(stream) {
        this.stream = stream;
        this.graph.setMicrophone(stream);
        const track = this.track;
        if (track !== null) {
            track.enabled = !this.muted;
            track.onended = () => {
                if (this.stream === stream) {
                    this.use(null);
                    this.onLost();
                }
            };
        }
        this.onChange(stream !== null);
    }
}
