/**
 * Plays samples of voices, one at a time.
 */
import { serverAt } from './voices.js';

const TICK_MS = 100;

/**
 * What the sampler does now.
 *
 * @typedef {Object} Sampling
 * @property {'idle' | 'loading' | 'playing'} state
 * @property {string} voice - empty while idle
 * @property {number} share - how much of it was heard, 0 to 1
 */

/** Dispatches `change` with a {@link Sampling} as detail. */
export class Sampler extends EventTarget {
    /** @param {() => string} backend - of the server; empty: the one that this page came from */
    constructor(backend) {
        super();
        this.backend = backend;
        /** @type {AudioContext | null} Created at the first press of a button, as browsers require. */
        this.context = null;
        /** @type {AbortController | null} Of the sample that is loaded or played. */
        this.current = null;
        /** @type {Sampling} */
        this.now = { state: 'idle', voice: '', share: 0 };
    }

    /**
     * Plays a sample of this voice; the same one again stops it. To be called in the press of a button.
     *
     * @param {string} voice
     * @returns {Promise<void>} resolves when it was heard to its end, or stopped
     * @throws {Error} with words for people
     */
    async play(voice) {
        const again = this.now.voice === voice;
        this.stop();
        if (again || voice === '') {
            return;
        }
        const context = (this.context ??= new AudioContext());
        const resumed = context.resume();
        resumed.catch(() => {}); // awaited below, unless loading fails first
        const controller = new AbortController();
        this.current = controller;
        this.tell({ state: 'loading', voice, share: 0 });
        try {
            const file = await this.load(voice, controller.signal);
            await resumed;
            const sound = await context.decodeAudioData(file);
            if (!controller.signal.aborted) {
                await this.sound(context, sound, voice, controller.signal);
            }
        } catch (error) {
            if (!controller.signal.aborted) {
                throw error;
            }
        } finally {
            if (this.current === controller) {
                this.current = null;
                this.tell({ state: 'idle', voice: '', share: 0 });
            }
        }
    }

    stop() {
        if (this.current !== null) {
            this.current.abort();
            this.current = null;
            this.tell({ state: 'idle', voice: '', share: 0 });
        }
    }

    /**
     * @param {string} voice
     * @param {AbortSignal} signal
     * @returns {Promise<ArrayBuffer>}
     */
    async load(voice, signal) {
        const url = serverAt(this.backend()).url(`api/voices/${encodeURIComponent(voice)}/sample`);
        const response = await fetch(url, { signal }).catch((error) => {
            throw signal.aborted ? error : new Error('The server cannot be reached.');
        });
        if (!response.ok) {
            const problem = await response.json().catch(() => null);
            throw new Error(typeof problem?.detail === 'string' ? problem.detail : `The server answered ${response.status}.`);
        }
        return response.arrayBuffer();
    }

    /**
     * @param {AudioContext} context
     * @param {AudioBuffer} sound
     * @param {string} voice
     * @param {AbortSignal} signal
     * @returns {Promise<void>} when it has ended, or was stopped
     */
    sound(context, sound, voice, signal) {
        const node = new AudioBufferSourceNode(context, { buffer: sound });
        node.connect(context.destination);
        const began = context.currentTime;
        const tell = () => {
            const share = Math.min(1, (context.currentTime - began) / Math.max(0.1, sound.duration));
            this.tell({ state: 'playing', voice, share });
        };
        tell();
        const timer = setInterval(tell, TICK_MS);
        return new Promise((resolve) => {
            const over = () => {
                clearInterval(timer);
                node.disconnect();
                resolve();
            };
            node.onended = over;
            signal.addEventListener('abort', () => {
                node.stop();
                over();
            }, { once: true });
            node.start();
        });
    }

    /** @param {Sampling} now */
    tell(now) {
        this.now = now;
        this.dispatchEvent(new CustomEvent('change', { detail: now }));
    }
}
