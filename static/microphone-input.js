/**
 * The microphone of a call: which one it is, muted or not, and what happens when it goes away.
 */
import { closeMicrophone, openMicrophone } from './microphone.js';

/**
 * What a microphone tells its call.
 *
 * @typedef {Object} MicrophoneEvents
 * @property {(available: boolean) => void} onAvailable
 * @property {(muted: boolean) => void} onMuted
 * @property {(track: MediaStreamTrack | null) => Promise<void>} onTrack - the one to send from now on
 * @property {(code: string, message: string) => void} onNotice
 */

/** Holds at most one open microphone and keeps the audio graph fed from it. */
export class MicrophoneInput {
    /**
     * @param {import('./audio.js').AudioGraph} graph
     * @param {MicrophoneEvents} events
     */
    constructor(graph, events) {
        this.graph = graph;
        this.events = events;
        /** @type {AbortSignal | null} Of the call in progress. */
        this.signal = null;
        /** @type {MediaStream | null} */
        this.stream = null;
        this.muted = false;
    }

    get track() {
        return this.stream?.getAudioTracks()[0] ?? null;
    }

    /** @param {AbortSignal} signal - aborted when the new call ends */
    begin(signal) {
        this.signal = signal;
    }

    /**
     * Opens a microphone in place of the one before. Without a call it does nothing.
     *
     * @param {string} deviceId - empty: the default
     * @throws {import('./problems.js').CallProblem}
     */
    async open(deviceId) {
        const { signal } = this;
        if (signal === null) {
            return;
        }
        const stream = await openMicrophone(deviceId);
        if (signal.aborted) {
            closeMicrophone(stream); // the call ended while the browser was asking
            throw signal.reason;
        }
        const previous = this.stream;
        this.use(stream);
        closeMicrophone(previous);
        await this.events.onTrack(this.track);
    }

    /** @param {boolean} muted */
    setMuted(muted) {
        this.muted = muted;
        if (this.track !== null) {
            this.track.enabled = !muted;
        }
        this.events.onMuted(muted);
    }

    /** The call has ended. */
    close() {
        this.signal = null;
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
                    void this.lost();
                }
            };
        }
        this.events.onAvailable(stream !== null);
    }

    /** The microphone was unplugged, or taken by the system; another one may be available. */
    async lost() {
        try {
            await this.open('');
        } catch {
            this.events.onNotice('microphone-lost', 'The microphone is gone. Choose another one in the settings, or type.');
        }
    }
}
