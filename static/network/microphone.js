/**
 * The microphone: whether the browser gives it, and whether anything is heard from it.
 */
import { loudness } from '../levels.js';
import { closeMicrophone, openMicrophone } from '../microphone.js';
import { Fault } from './checks.js';
import { Late, within } from './waiting.js';

/** A person may have to read the browser's question first. */
const ANSWER_TIMEOUT_MS = 60000;
/** Time to say something. */
const LISTEN_MS = 8000;
const LOOK_EVERY_MS = 50;

/**
 * Call it in the press of a button: browsers keep an audio graph still otherwise.
 *
 * @param {string} deviceId - empty: the browser's default
 * @param {AbortSignal} signal
 * @param {(level: number | null) => void} onLevel - 0 to 1, while it listens; null: it no longer does
 * @returns {Promise<{value: number, detail: string}>} dB of full scale, and which microphone
 * @throws {Fault | import('../problems.js').CallProblem}
 */
export async function tryMicrophone(deviceId, signal, onLevel) {
    const context = typeof AudioContext === 'undefined' ? null : new AudioContext();
    const opening = openMicrophone(deviceId);
    let over = false;
    void opening.then((stream) => over && closeMicrophone(stream), () => {}); // the answer may come too late
    /** @type {MediaStream | null} */
    let stream = null;
    try {
        stream = await given(opening, signal);
        if (context === null) {
            throw new Fault('microphone-silent', 'This browser cannot measure sound.');
        }
        const value = await heard(context, stream, signal, onLevel);
        return { value, detail: stream.getAudioTracks()[0]?.label ?? '' };
    } finally {
        over = true;
        onLevel(null);
        closeMicrophone(stream);
        void context?.close();
    }
}

/**
 * @param {Promise<MediaStream>} opening
 * @param {AbortSignal} signal
 * @returns {Promise<MediaStream>}
 */
async function given(opening, signal) {
    try {
        /** @type {MediaStream} */
        const stream = await within(ANSWER_TIMEOUT_MS, signal, (resolve, reject) => void opening.then(resolve, reject));
        return stream;
    } catch (error) {
        throw error instanceof Late ? new Fault('microphone-unanswered') : error;
    }
}

/**
 * @param {AudioContext} context
 * @param {MediaStream} stream
 * @param {AbortSignal} signal
 * @param {(level: number | null) => void} onLevel
 * @returns {Promise<number>} dB of the first sound that the call page's meter would show
 */
async function heard(context, stream, signal, onLevel) {
    void context.resume();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    /** @type {ReturnType<typeof setInterval> | undefined} */
    let timer;
    try {
        /** @type {number} */
        const db = await within(LISTEN_MS, signal, (resolve) => {
            timer = setInterval(() => {
                analyser.getFloatTimeDomainData(samples);
                const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
                onLevel(loudness(rms));
                if (loudness(rms) > 0) {
                    resolve(20 * Math.log10(rms));
                }
            }, LOOK_EVERY_MS);
        });
        return db;
    } catch (error) {
        throw error instanceof Late ? new Fault('microphone-silent') : error;
    } finally {
        clearInterval(timer);
    }
}
