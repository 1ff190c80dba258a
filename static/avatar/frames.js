/**
 * The frames of the face as they arrive from the server (docs/avatar.md), in any order and with losses, and the face at
 * any moment between them. Pure: no DOM, no clock.
 */

/** Blend shapes in a frame. */
export const SHAPES = 52;
const VERSION = 1;
const LAST = 1;
const HEADER_BYTES = 13;
const FRAME_BYTES = SHAPES + 4;
const MAX_FRAMES = 64;
const MAX_FPS = 120;
const CLOCK_RATE = 48000;
const LONGEST_GAP = 0.2 * CLOCK_RATE; // bridged up to this; beyond it the face moves by itself
const USUAL_GAP = 0.05 * CLOCK_RATE; // frames further apart have lost others between them
const KEPT = 4 * CLOCK_RATE; // kept behind what is shown: clocks may step back, and are corrected by past levels
const REACH = 10 * CLOCK_RATE; // frames further from the newest message belong to another time
const CAPACITY = 640; // frames: more than REACH of them at the rate that servers send
const EPOCHS = 32; // most of them within REACH

/**
 * A face between two frames.
 *
 * @typedef {Object} Face
 * @property {Float32Array} weights - 0 to 1, in the order of docs/avatar.md
 * @property {number} yaw - degrees, to the character's left
 * @property {number} pitch - down
 * @property {number} roll - to the character's left shoulder
 * @property {number} level - of the voice, RMS, 0 to 1
 * @property {number} response - the response that it belongs to, 0: none
 */

/**
 * @typedef {Object} Slot
 * @property {number} timestamp
 * @property {number} epoch
 * @property {number} response
 * @property {boolean} last
 * @property {Uint8Array} bytes
 */

/**
 * @typedef {Object} Header
 * @property {boolean} last
 * @property {number} count
 * @property {number} spacing - ticks from frame to frame
 * @property {number} response
 * @property {number} timestamp
 * @property {number} epoch
 */

/**
 * How far `a` is after `b` on a clock of 32 bits that wraps.
 *
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
export function ticksBetween(a, b) {
    return (a - b) | 0;
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {boolean} whether `a` is of a later epoch
 */
function later(a, b) {
    return ((a - b) << 24) > 0;
}

/**
 * @param {Uint8Array} bytes
 * @returns {Header | null} null when it is no message of this version
 */
function readHeader(bytes) {
    if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION) {
        return null;
    }
    const count = bytes[2];
    const fps = bytes[3];
    const counted = count > 0 && count <= MAX_FRAMES && fps > 0 && fps <= MAX_FPS;
    if (!counted || bytes.length !== HEADER_BYTES + count * FRAME_BYTES) {
        return null;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
    return {
        last: (bytes[1] & LAST) !== 0,
        count,
        spacing: Math.floor(CLOCK_RATE / fps),
        response: view.getUint32(4, true),
        timestamp: view.getUint32(8, true),
        epoch: bytes[12],
    };
}

/**
 * @param {number} from - half degrees as the byte of a signed one
 * @param {number} to
 * @param {number} share - of `to`, 0 to 1
 * @returns {number} degrees
 */
function angle(from, to, share) {
    const begin = (from << 24) >> 24;
    const end = (to << 24) >> 24;
    return (begin + (end - begin) * share) / 2;
}

/** The face of one call. */
export class FaceTrack {
    constructor() {
        /** @type {Slot[]} In order of time. */
        this.slots = [];
        /** @type {Slot[]} For reuse. */
        this.spare = [];
        /** @type {{epoch: number, start: number, seen: number}[]} Where each begins, as far as is known, and was last seen. */
        this.epochs = [];
        this.interruptedThrough = 0;
        /** @type {number | null} The time last asked for. */
        this.shown = null;
        /** Whether the server has said that the face is still now. */
        this.still = false;
        /** The frame before the last gap. */
        this.bridgedFrom = -1;
        /** Messages received and malformed; frames that arrived late; gaps left by losses. */
        this.stats = { received: 0, malformed: 0, late: 0, bridged: 0 };
        /** @type {Face} */
        this.face = { weights: new Float32Array(SHAPES), yaw: 0, pitch: 0, roll: 0, level: 0, response: 0 };
    }

    /** @param {ArrayBuffer | Uint8Array} message */
    push(message) {
        const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
        const header = readHeader(bytes);
        if (header === null) {
            this.stats.malformed += 1;
            return;
        }
        this.stats.received += 1;
        this.forgetOtherTimes(header.timestamp);
        this.begin(header);
        if (this.isInterrupted(header.response)) {
            return;
        }
        for (let i = 0; i < header.count; i++) {
            const at = HEADER_BYTES + i * FRAME_BYTES;
            const timestamp = (header.timestamp + i * header.spacing) >>> 0;
            const last = header.last && i === header.count - 1;
            this.insert(header, timestamp, last, bytes.subarray(at, at + FRAME_BYTES));
        }
    }

    /**
     * Nothing more of this response, or of those before it, is shown.
     *
     * @param {number} response
     */
    interrupted(response) {
        this.interruptedThrough = Math.max(this.interruptedThrough, response);
        this.drop((slot) => this.isInterrupted(slot.response));
    }

    /**
     * The face at a moment. The object is the same each time.
     *
     * @param {number} timestamp - 48 kHz, as in the frames
     * @returns {Face | null} null when there is none: the face moves by itself
     */
    at(timestamp) {
        const now = timestamp >>> 0;
        this.shown = now;
        this.forgetBefore((now - KEPT) >>> 0);
        const next = this.next(now);
        const before = this.slots[next - 1];
        const after = this.slots[next];
        this.still = before !== undefined && before.last && before.timestamp !== now;
        if (before === undefined || this.still) {
            return null;
        }
        const passed = ticksBetween(now, before.timestamp);
        const gap = after === undefined ? 0 : ticksBetween(after.timestamp, before.timestamp);
        this.countGap(before, Math.max(gap, passed));
        if (after !== undefined && gap <= LONGEST_GAP) {
            return this.mix(before, after, passed / gap);
        }
        return passed <= LONGEST_GAP ? this.mix(before, before, 0) : null;
    }

    /**
     * How loud the voice is at a moment, even a past one; changes no state.
     *
     * @param {number} timestamp
     * @returns {number} RMS, 0 to 1; 0 where there are no frames
     */
    levelAt(timestamp) {
        const next = this.next(timestamp);
        const before = this.slots[next - 1];
        const after = this.slots[next];
        const gap = before !== undefined && after !== undefined ? ticksBetween(after.timestamp, before.timestamp) : 0;
        if (gap <= 0 || gap > LONGEST_GAP) {
            return 0;
        }
        const from = before.bytes[SHAPES + 3];
        return (from + ((after.bytes[SHAPES + 3] - from) * ticksBetween(timestamp, before.timestamp)) / gap) / 255;
    }

    /**
     * @param {number} timestamp
     * @returns {number} index of the first slot after it
     */
    next(timestamp) {
        let low = 0;
        let high = this.slots.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (ticksBetween(this.slots[middle].timestamp, timestamp) > 0) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    /** @param {number} response */
    isInterrupted(response) {
        return response !== 0 && response <= this.interruptedThrough;
    }

    /**
     * Frames of earlier epochs for the time of this one are void, whichever arrived first.
     *
     * @param {Header} header
     */
    begin({ epoch, timestamp }) {
        let known = this.epochs.find((one) => one.epoch === epoch);
        if (known === undefined) {
            known = { epoch, start: timestamp, seen: timestamp };
            this.epochs.push(known);
            if (this.epochs.length > EPOCHS) {
                this.epochs.shift();
            }
        } else {
            known.seen = ticksBetween(timestamp, known.seen) > 0 ? timestamp : known.seen;
            known.start = ticksBetween(timestamp, known.start) < 0 ? timestamp : known.start;
        }
        const { start } = known;
        this.drop((slot) => later(epoch, slot.epoch) && ticksBetween(slot.timestamp, start) >= 0);
    }

    /**
     * @param {Header} header
     * @param {number} timestamp
     * @param {boolean} last
     * @param {Uint8Array} bytes
     */
    insert({ epoch, response }, timestamp, last, bytes) {
        if (this.epochs.some((one) => later(one.epoch, epoch) && ticksBetween(timestamp, one.start) >= 0)) {
            return;
        }
        let at = this.slots.length;
        while (at > 0 && ticksBetween(this.slots[at - 1].timestamp, timestamp) > 0) {
            at -= 1;
        }
        if (this.slots[at - 1]?.timestamp === timestamp) {
            return; // a duplicate
        }
        if (this.shown !== null && ticksBetween(this.shown, timestamp) > 0) {
            this.stats.late += 1;
        }
        const slot = this.spare.pop() ?? { timestamp, epoch, response, last, bytes: new Uint8Array(FRAME_BYTES) };
        Object.assign(slot, { timestamp, epoch, response, last });
        slot.bytes.set(bytes);
        this.slots.splice(at, 0, slot);
        if (this.slots.length > CAPACITY) {
            this.spare.push(/** @type {Slot} */ (this.slots.shift()));
        }
    }

    /**
     * @param {Slot} before
     * @param {number} ticks
     */
    countGap(before, ticks) {
        if (ticks > USUAL_GAP && this.bridgedFrom !== before.timestamp) {
            this.bridgedFrom = before.timestamp;
            this.stats.bridged += 1;
        }
    }

    /**
     * @param {Slot} before
     * @param {Slot} after
     * @param {number} share - of `after`, 0 to 1
     * @returns {Face}
     */
    mix(before, after, share) {
        const { face } = this;
        const from = before.bytes;
        const to = after.bytes;
        for (let i = 0; i < SHAPES; i++) {
            face.weights[i] = (from[i] + (to[i] - from[i]) * share) / 255;
        }
        face.yaw = angle(from[SHAPES], to[SHAPES], share);
        face.pitch = angle(from[SHAPES + 1], to[SHAPES + 1], share);
        face.roll = angle(from[SHAPES + 2], to[SHAPES + 2], share);
        face.level = (from[SHAPES + 3] + (to[SHAPES + 3] - from[SHAPES + 3]) * share) / 255;
        face.response = before.response;
        return face;
    }

    /**
     * Keeps only one of the frames before this time, to interpolate from.
     *
     * @param {number} timestamp
     */
    forgetBefore(timestamp) {
        while (this.slots.length > 1 && ticksBetween(this.slots[1].timestamp, timestamp) <= 0) {
            this.spare.push(/** @type {Slot} */ (this.slots.shift()));
        }
    }

    /**
     * After a long silence the clock may have wrapped half-way, and old frames would not count as past: forgets them.
     *
     * @param {number} timestamp
     */
    forgetOtherTimes(timestamp) {
        const far = (/** @type {number} */ other) => Math.abs(ticksBetween(other, timestamp)) > REACH;
        this.drop((slot) => far(slot.timestamp));
        this.epochs = this.epochs.filter(({ seen }) => !far(seen));
        if (this.shown !== null && far(this.shown)) {
            this.shown = null;
        }
    }

    /** @param {(slot: Slot) => boolean} unwanted */
    drop(unwanted) {
        for (let i = this.slots.length - 1; i >= 0; i--) {
            if (unwanted(this.slots[i])) {
                this.spare.push(this.slots[i]);
                this.slots.splice(i, 1);
            }
        }
    }
}
