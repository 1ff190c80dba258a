/**
 * The person's choices, kept between visits unless the browser blocks storage.
 */

import { STEPS, isChoice } from './avatar/quality.js';

const KEY = 'visavis.settings';

/** @typedef {'auto' | 'webrtc' | 'websocket'} Mode */

/**
 * @typedef {Object} Settings
 * @property {Mode} mode
 * @property {string} language - ISO 639-1; empty: identified
 * @property {string} backend - an address; empty: the server that this page came from
 * @property {string} microphone - a device's id; empty: the browser's default
 * @property {boolean} timings - whether the turns' waterfalls are shown
 * @property {import('./avatar/quality.js').Choice} face - how much of the agent's face is shown
 * @property {string} person - whose face; empty: the first one's
 * @property {string} voice - of the agent, or a speaker or a mix of voices; empty: the first of each language
 * @property {boolean} calm - less motion in the face
 * @property {number} faceStep - how much of the face this device could draw, see quality.js
 */

/** @type {Settings} */
const DEFAULTS = { mode: 'auto', language: '', backend: '', microphone: '', timings: false, face: 'auto', person: '', voice: '', calm: false, faceStep: 0 };

/**
 * @param {unknown} value
 * @returns {value is Mode}
 */
export function isMode(value) {
    return value === 'auto' || value === 'webrtc' || value === 'websocket';
}

/** @returns {Settings} */
export function loadSettings() {
    const settings = { ...DEFAULTS };
    try {
        const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}');
        settings.mode = isMode(stored.mode) ? stored.mode : settings.mode;
        settings.timings = stored.timings === true;
        settings.calm = stored.calm === true;
        settings.face = isChoice(stored.face) ? stored.face : settings.face;
        settings.faceStep = STEPS[stored.faceStep] === undefined ? 0 : stored.faceStep;
        for (const name of /** @type {const} */ (['language', 'backend', 'microphone', 'person', 'voice'])) {
            settings[name] = typeof stored[name] === 'string' ? stored[name] : settings[name];
        }
    } catch {
        // blocked, or not ours: the defaults will do
    }
    return settings;
}

/** @param {Settings} settings */
export function saveSettings(settings) {
    try {
        localStorage.setItem(KEY, JSON.stringify(settings));
    } catch {
        // blocked or full: the choice holds until the page is left
    }
}

/**
 * The settings in the address, which go before the stored ones; see docs/page.md.
 *
 * @param {string} search - such as `?mode=websocket&language=en&avatar=lite&autostart=1`
 * @returns {Partial<Settings> & {autostart: boolean}}
 */
export function settingsFromAddress(search) {
    const query = new URLSearchParams(search);
    const mode = query.get('mode');
    /** @type {Partial<Settings> & {autostart: boolean}} */
    const asked = { autostart: query.get('autostart') === '1' };
    if (isMode(mode)) {
        asked.mode = mode;
    }
    const language = query.get('language');
    if (language !== null) {
        asked.language = /^[a-z]{2,3}$/.test(language) ? language : '';
    }
    const backend = query.get('backend');
    if (backend !== null) {
        asked.backend = backend;
    }
    const face = query.get('avatar');
    if (isChoice(face)) {
        asked.face = face;
    }
    const person = query.get('person');
    if (person !== null) {
        asked.person = person;
    }
    const voice = query.get('voice');
    if (voice !== null) {
        asked.voice = voice;
    }
    return asked;
}
