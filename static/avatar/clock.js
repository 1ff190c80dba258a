/**
 * Which sample of a response is heard at a moment, on the 48 kHz clock of the frames: over WebRTC by the RTP timestamps of
 * what the browser plays, over a WebSocket by the position of the playback worklet.
 */
import { ticksBetween } from './frames.js';

const TICKS_PER_MS = 48;
const LOST_MS = 200; // without reports for this long, nothing is known to sound
const SNAP_MS = 80; // the sound has jumped: the face follows at once
const SLEW_MS = 20; // a visible jump: it is made gradually, in about 100 ms
const DONE_MS = 3;
const QUICK_MS = 40; // time constants: of such a jump
const CALM_MS = 250; // and of smaller ones
const UNKNOWN_LATENCY_MS = 40; // of the output, if the browser does not report it
/** Usual length of Chromium's queue from the receiver to the page's graph, which can only be measured by listening. */
const QUEUE_MS = 30;
const TRIM_MS = 150;
const PLAUSIBLE_MS = 500; // most time since a new source's sound was played
const AWAKE_MS = 100; // a page that asks this often sees sources when they are new

/** A clock that is set now and then, and runs smoothly in between. Pure. */
export class SteeredClock {
    constructor() {
        this.told = -Infinity;
        this.at = 0; // ms
        this.timestamp = 0; // at that moment, with fractions
        this.error = 0; // ms that it still has to advance
        this.quick = false;
    }

    /**
     * @param {number} at - ms
     * @param {number} timestamp - the time at that moment, modulo 2^32
     */
    steer(at, timestamp) {
        const lost = at - this.told > LOST_MS;
        this.told = Math.max(this.told, at);
        const error = this.difference(timestamp, this.read(at)) / TICKS_PER_MS;
        if (lost || Math.abs(error) > SNAP_MS) {
            this.at = at;
            this.timestamp = timestamp;
            this.error = 0;
        } else {
            this.error = error;
        }
        this.quick = Math.abs(this.error) > SLEW_MS || (this.quick && Math.abs(this.error) > DONE_MS);
    }

    /**
     * @param {number} at - ms
     * @returns {number | null} null when it was set too long ago
     */
    now(at) {
        if (at - this.told > LOST_MS) {
            return null;
        }
        const passed = at - this.at; // it may have been set ahead
        if (passed > 0) {
            const share = 1 - Math.exp(-passed / (this.quick ? QUICK_MS : CALM_MS));
            const step = this.error * share;
            this.timestamp = this.read(at) + step * TICKS_PER_MS;
            this.error -= step;
            this.at = at;
        }
        return this.peek(at);
    }

    /**
     * What now() returns, without advancing.
     *
     * @param {number} at - ms
     * @returns {number | null}
     */
    peek(at) {
        return at - this.told > LOST_MS ? null : this.read(at) >>> 0;
    }

    /** @param {number} at */
    read(at) {
        return (this.timestamp + (at - this.at) * TICKS_PER_MS) % 2 ** 32;
    }

    /**
     * @param {number} a
     * @param {number} b
     */
    difference(a, b) {
        return ticksBetween(Math.floor(a), Math.floor(b)) + (a - Math.floor(a)) - (b - Math.floor(b));
    }
}

/** The clock of what is heard over WebRTC. */
export class RtpClock {
    /**
     * @param {() => RTCRtpReceiver | null} receiver
     * @param {import('../audio.js').AudioGraph} graph
     */
    constructor(receiver, graph) {
        this.receiver = receiver;
        this.graph = graph;
        this.clock = new SteeredClock();
        this.newest = -1; // RTP timestamp
        this.asked = -Infinity;
        /** By how much the queue is longer than usual, ms. */
        this.trim = 0;
    }

    /**
     * @param {number} at
     * @returns {number | null} what now() returns, without asking the receiver
     */
    peek(at) {
        return this.clock.peek(at);
    }

    /** @param {number} ms - by which the clock was found to be late */
    correct(ms) {
        this.trim = Math.max(-TRIM_MS, Math.min(TRIM_MS, this.trim - ms));
    }

    /**
     * @param {number} at - as performance.now() counts
     * @returns {number | null} the timestamp of the sample that is heard then; null when unknown
     */
    now(at) {
        const source = newestSource(this.receiver()?.getSynchronizationSources() ?? []);
        if (source !== null && source.rtpTimestamp !== this.newest) {
            this.newest = source.rtpTimestamp;
            const played = this.playedAt(source, at);
            this.clock.steer(played + latencyMs(this.graph) + QUEUE_MS + this.trim, source.rtpTimestamp);
        }
        this.asked = at;
        return this.clock.now(at);
    }

    /**
     * When the receiver gave the source's sound to the page. Browsers count it from the epoch, the standard from the page's
     * time origin. If the system clock was set it may be far off; then the current time is used.
     *
     * @param {RTCRtpSynchronizationSource} source
     * @param {number} now
     * @returns {number}
     */
    playedAt({ timestamp }, now) {
        const at = timestamp > performance.timeOrigin / 2 ? timestamp - performance.timeOrigin : timestamp;
        const isNew = now - this.asked < AWAKE_MS;
        return isNew && Math.abs(now - at) > PLAUSIBLE_MS ? now : at;
    }
}

/** The clock of what is heard over a WebSocket. */
export class PlayoutClock {
    /** @param {import('../audio.js').AudioGraph} graph */
    constructor(graph) {
        this.graph = graph;
        this.clock = new SteeredClock();
    }

    /**
     * @param {{at: number, timestamp: number} | null} position - the sample that the worklet put out at a time of
     *     the context; null: none
     */
    played(position) {
        if (position !== null) {
            this.clock.steer(this.graph.heardAt(position.at), position.timestamp);
        }
    }

    /**
     * @param {number} at - as performance.now() counts
     * @returns {number | null}
     */
    now(at) {
        return this.clock.now(at);
    }
}

/**
 * @param {import('../audio.js').AudioGraph} graph
 * @returns {number}
 */
function latencyMs(graph) {
    return graph.outputLatency * 1000 || UNKNOWN_LATENCY_MS;
}

/**
 * @param {RTCRtpSynchronizationSource[]} sources
 * @returns {RTCRtpSynchronizationSource | null}
 */
function newestSource(sources) {
    let newest = null;
    for (const source of sources) {
        newest = newest === null || source.timestamp > newest.timestamp ? source : newest;
    }
    return newest;
}

/**
 * @typedef {Object} FaceClock
 * @property {(at: number) => number | null} now
 * @property {(at: number) => number | null} [peek] - of a clock that needs corrections, like correct()
 * @property {(ms: number) => void} [correct]
 */
