/**
 * Hands what the person said while the connection was lost to the next one, before what they say then.
 *
 * The microphone of a connection that replaces a lost one is held until that is done. Meanwhile each frame of 20 ms that is
 * captured takes some of those before it along, so that the server hears them at a multiple of the pace of speech.
 */
import { KeptSound } from './kept-sound.js';

/** Frames that go with each that is captured: four times the pace of speech. */
const AT_ONCE = 4;
/** Longest time for all of it: a slow connection may not hold the microphone for good, and the server takes no more after 30 s. */
const WITHIN_MS = 15000;
/** Time without a captured frame after which the microphone is not held any longer: frames go out only with those. */
const STALLED_MS = 2000;

export class HandOver {
    /** @param {import('./session.js').CallSession} session */
    constructor(session) {
        this.session = session;
        this.kept = new KeptSound();
        /** @type {AudioWorkletNode | null} Listens during a call. */
        this.node = null;
        /** @type {import('./kept-sound.js').KeptFrame[] | null} What is still to be sent; null: nothing, the microphone is live. */
        this.waiting = null;
        /** Frames captured so far. */
        this.captured = 0;
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        this.timer = undefined;
    }

    /** A call begins. Without audio worklets nothing is kept. */
    begin() {
        const { context, mic, worklets } = this.session.graph;
        this.end();
        if (!worklets || context === null || mic === null) {
            return;
        }
        const mono = /** @type {AudioWorkletNodeOptions} */ ({ channelCount: 1, channelCountMode: 'explicit' });
        this.node = new AudioWorkletNode(context, 'visavis-capture', mono);
        this.node.port.onmessage = ({ data }) => {
            if ('samples' in data) {
                this.hear(data);
            }
        };
        mic.connect(this.node);
        this.node.connect(context.destination); // silent, but an unconnected node is not run
    }

    /** The call is over: nothing of it is kept. */
    end() {
        if (this.node !== null) {
            this.session.graph.mic?.disconnect(this.node);
            this.node.disconnect();
            this.node.port.onmessage = null;
            this.node.port.postMessage('close');
            this.node = null;
        }
        this.stop();
        this.kept.clear();
    }

    /**
     * The connection is lost.
     *
     * @param {number} signAt - when something last arrived over it
     * @param {boolean} agentSpoke
     */
    lost(signAt, agentSpoke) {
        // What was still waiting has not been heard either.
        this.kept.lost(signAt, agentSpoke, this.waiting?.[0]?.at);
        this.stop();
    }

    /**
     * Another connection is there.
     *
     * @param {boolean} resumed - and the call goes on over it; a new one knows nothing of what was said before
     */
    goOn(resumed) {
        const unheard = this.kept.handOver();
        this.waiting = resumed && this.node !== null ? unheard : [];
        this.watch(Date.now() + WITHIN_MS);
        this.finish();
    }

    /**
     * Lets the microphone be heard without the rest if that takes too long.
     *
     * @param {number} until - as Date.now() counts
     */
    watch(until) {
        const { captured } = this;
        this.timer = setTimeout(() => {
            if (captured !== this.captured && Date.now() < until) {
                this.watch(until);
            } else {
                this.waiting = [];
                this.finish();
            }
        }, STALLED_MS);
    }

    /** @param {import('./capture-worklet.js').CapturedFrame} frame */
    hear({ at, samples }) {
        const frame = this.kept.hear(at, samples);
        this.captured += 1;
        const { transport } = this.session;
        const waiting = this.waiting;
        if (waiting === null) {
            return;
        }
        waiting.push(frame);
        for (let sent = 0; sent < AT_ONCE && waiting.length > 0; sent++) {
            if (transport === null || !transport.sendSound(waiting[0].samples)) {
                return; // the connection is slower than that, for now
            }
            waiting[0].sentAt = at;
            waiting.shift();
        }
        this.finish();
    }

    /** Lets the microphone itself be heard once nothing waits. */
    finish() {
        if (this.waiting?.length === 0) {
            this.stop();
            void this.session.transport?.goLive(this.session.input.track);
        }
    }

    /** Nothing waits any more. */
    stop() {
        clearTimeout(this.timer);
        this.waiting = null;
    }
}
