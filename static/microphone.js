/**
 * The microphone: opening it, listing choices, and naming what prevents it.
 */
import { CallProblem } from './problems.js';

/** Why a microphone cannot be opened, by the name of the browser's error. */
const PROBLEM_BY_ERROR = /** @type {Record<string, import('./problems.js').ProblemCode>} */ ({
    NotAllowedError: 'microphone-blocked',
    SecurityError: 'microphone-blocked',
    NotFoundError: 'microphone-missing',
    NotReadableError: 'microphone-busy',
    AbortError: 'microphone-busy',
});

/**
 * Opens the microphone, the default one if the chosen one is gone.
 *
 * @param {string} deviceId - empty: the default
 * @returns {Promise<MediaStream>}
 * @throws {CallProblem}
 */
export async function openMicrophone(deviceId) {
    if (!window.isSecureContext || navigator.mediaDevices === undefined) {
        throw new CallProblem('insecure-context');
    }
    try {
        return await navigator.mediaDevices.getUserMedia({ audio: constraints(deviceId) });
    } catch (error) {
        const name = error instanceof DOMException || error instanceof Error ? error.name : '';
        if (deviceId !== '' && (name === 'OverconstrainedError' || name === 'NotFoundError')) {
            return openMicrophone('');
        }
        throw new CallProblem(PROBLEM_BY_ERROR[name] ?? 'microphone-busy', String(error));
    }
}

/**
 * @param {string} deviceId
 * @returns {MediaTrackConstraints}
 */
function constraints(deviceId) {
    /** @type {MediaTrackConstraints} */
    const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    if (deviceId !== '') {
        wanted.deviceId = { exact: deviceId };
    }
    return wanted;
}

/**
 * The microphones that can be chosen. Without permission browsers hide their names, and then there is no choice.
 *
 * @returns {Promise<{id: string, label: string}[]>}
 */
export async function listMicrophones() {
    if (navigator.mediaDevices === undefined) {
        return [];
    }
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices
        .filter((device) => device.kind === 'audioinput' && device.label !== '' && device.deviceId !== 'default')
        .map((device) => ({ id: device.deviceId, label: device.label }));
}

/** @param {MediaStream | null} stream */
export function closeMicrophone(stream) {
    for (const track of stream?.getTracks() ?? []) {
        track.stop();
    }
}
