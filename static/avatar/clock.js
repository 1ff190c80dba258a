/**
 * What of the answer is heard at a moment, on the 48 kHz clock of the frames: over WebRTC by the RTP timestamps of what
 * the browser plays, over a WebSocket by where the playback worklet is.
 */
import { ticksBetween } from './frames.js';

const TICKS_PER_MS = 48;
const LOST_MS = 200; // without news of what sounds, nothing is known to sound
const SNAP_MS = 80; // the sound is at another place: the face goes there at once
const SLEW_MS = 20; // a jump that is seen if it is made at once, and made in about 100 ms
const DONE_MS = 3;
const QUICK_MS = 40; // time constants: of such a jump
const CALM_MS = 250; // and of what is less
const UNKNOWN_LATENCY_MS = 40; // of the output, where the browser does not tell
/** From the receiver to the page's graph there is a queue; Chromium, usually. It can only be found out by listening. */
const QUEUE_MS = 30;
const TRIM_MS = 150;
const PLAUSIBLE_MS = 500; // since a new source's sound was played
const AWAKE_MS = 100; // a page that asks this often sees sources when they are new

/** A clock that is told now and then what time it is, and goes on smoothly in between. Pure. */
export class SteeredClock {
    constructor() {
        this.told = -Infinity;
        this.at = 0; // ms
        this.timestamp = 0; // at that moment, with fractions
        this.error = 0; // ms by which it still has to go forward
        this.quick = false;
    }

    /**
     * @param {number} at - ms
     * @param {number} timestamp - what it is then, modulo 2^32
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
     * @returns {number | null} null when it has not been told for too long
     */
    now(at) {
        if (at - this.told > LOST_MS) {
            return null;
        }
        const passed = at - this.at; // what was told may lie ahead
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
     * What now() says, without going on.
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

/** What is heard of an answer over WebRTC. */
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
     * @returns {number | null} what now() says, without news of the receiver
     */
    peek(at) {
        return this.clock.peek(at);
    }

    /** @param {number} ms - that the clock was found to be late */
    correct(ms) {
        this.trim = Math.max(-TRIM_MS, Math.min(TRIM_MS, this.trim - ms));
    }

    /**
     * @param {number} at - as performance.now() counts
     * @returns {number | null} the timestamp of the sample that is heard then; null when none is known to be
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
     * When the receiver gave the source's sound to the page. Browsers count it from the epoch, by the standard from the
     * page's origin. If somebody sets the system's clock it may be far off, and then it was just now.
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

/** What is heard of an answer over a WebSocket. */
export class PlayoutClock {
    /** @param {import('../audio.js').AudioGraph} graph */
    constructor(graph) {
        this.graph = graph;
        this.clock = new SteeredClock();
    }

    /**
     * @param {{at: number, timestamp: number} | null} position - the sample that the worklet gave at a time of the
     *     context; null: it gives none
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
 * @property {(at: number) => number | null} [peek] - for a clock that needs corrections, as correct() does
 * @property {(ms: number) => void} [correct]
 */
