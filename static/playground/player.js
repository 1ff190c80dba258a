/**
 * Plays a clip's sound from any moment, and knows which moment is heard.
 */

export class Player extends EventTarget {
    constructor() {
        super();
        /** @type {AudioContext | null} Created at the first press of a button, as browsers require. */
        this.context = null;
        /** @type {AudioBuffer | null} */
        this.buffer = null;
        /** @type {AudioBufferSourceNode | null} */
        this.node = null;
        this.seconds = 0;
        this.moment = 0;
        this.began = 0;
    }

    get playing() {
        return this.node !== null;
    }

    /** To be called in the press of a button. */
    wake() {
        this.context ??= new AudioContext();
        void this.context.resume();
    }

    /**
     * @param {Int16Array} sound
     * @param {number} rate
     * @param {number} seconds - until the face is at rest
     */
    load(sound, rate, seconds) {
        this.stop();
        this.seconds = seconds;
        this.moment = 0;
        // A buffer may not be empty, and rates below the browser's are refused.
        const buffer = new AudioBuffer({ length: Math.max(1, sound.length), sampleRate: rate });
        buffer.copyToChannel(Float32Array.from(sound, (sample) => sample / 32768), 0);
        this.buffer = buffer;
    }

    play() {
        if (this.buffer === null) {
            return;
        }
        this.wake();
        this.stop();
        const context = /** @type {AudioContext} */ (this.context);
        if (this.moment >= this.seconds - 0.01) {
            this.moment = 0;
        }
        const node = new AudioBufferSourceNode(context, { buffer: this.buffer });
        node.connect(context.destination);
        node.start(0, Math.min(this.moment, this.buffer.duration));
        this.began = context.currentTime - this.moment;
        this.node = node;
        this.dispatchEvent(new Event('change'));
    }

    stop() {
        if (this.node !== null) {
            this.moment = this.now();
            this.node.stop();
            this.node.disconnect();
            this.node = null;
            this.dispatchEvent(new Event('change'));
        }
    }

    /** @param {number} seconds */
    seek(seconds) {
        const { playing } = this;
        this.stop();
        this.moment = Math.min(this.seconds, Math.max(0, seconds));
        if (playing) {
            this.play();
        }
    }

    /** @returns {number} the moment that is heard, in seconds of the clip; at its end the player stops */
    now() {
        if (this.node === null || this.context === null) {
            return this.moment;
        }
        const latency = this.context.outputLatency || this.context.baseLatency || 0;
        return Math.min(this.seconds, Math.max(0, this.context.currentTime - latency - this.began));
    }

    /** To be called for every animation frame: stops at the end. */
    tick() {
        if (this.playing && this.now() >= this.seconds) {
            this.stop();
            this.moment = this.seconds;
        }
    }
}
