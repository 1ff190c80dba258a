/**
 * The server's voices: their list, their names for people, and their groups by language.
 */
import { languageLabel } from './languages.js';
import { Signalling } from './signalling.js';

const REQUEST_TIMEOUT_MS = 8000;

/**
 * A voice as GET /api/voices lists it.
 *
 * @typedef {Object} Voice
 * @property {string} name - in requests
 * @property {string} language - ISO 639-1; empty: any
 * @property {string} locale - such as en_US
 * @property {number} [speakers] - if there is more than one; `name#12` is a voice as well
 * @property {string} [title] - its name for people
 * @property {string} [source] - what speaks it
 * @property {boolean} [mixes] - it can be mixed with others of its language, as `name+other`
 */

/**
 * @typedef {Object} VoiceGroup
 * @property {string} language
 * @property {string} label
 * @property {{name: string, title: string}[]} voices - in the server's order, the first being the default
 */

/**
 * @param {string} backend - as the person typed it; empty: the server that this page came from
 * @returns {Signalling}
 * @throws {Error} with words for people
 */
export function serverAt(backend) {
    try {
        return new Signalling(backend, REQUEST_TIMEOUT_MS);
    } catch {
        throw new Error(`"${backend}" is not the address of a server.`);
    }
}

/**
 * @param {string} backend - empty: the server that this page came from
 * @returns {Promise<Voice[]>}
 * @throws {Error} with words for people
 */
export async function loadVoices(backend) {
    const signalling = serverAt(backend);
    const response = await signalling.request('api/voices', {}, new AbortController().signal).catch(() => {
        throw new Error('The server cannot be reached.');
    });
    const body = await response.json().catch(() => ({}));
    if (!response.ok) {
        throw new Error(typeof body.detail === 'string' ? body.detail : 'The server does not list its voices.');
    }
    return readVoices(body);
}

/**
 * @param {any} body - of the response
 * @returns {Voice[]}
 */
export function readVoices(body) {
    const listed = Array.isArray(body?.voices) ? body.voices : [];
    return listed
        .filter((/** @type {any} */ voice) => typeof voice?.name === 'string' && voice.name !== '')
        .map((/** @type {any} */ voice) => ({ ...voice, language: String(voice.language ?? ''), locale: String(voice.locale ?? '') }));
}

/**
 * @param {readonly Voice[]} voices
 * @returns {VoiceGroup[]} languages by their names; voices of any language come last
 */
export function groupVoices(voices) {
    const languages = [...new Set(voices.map(({ language }) => language))];
    const groups = languages.map((language) => ({
        language,
        label: language === '' ? 'Any language' : languageLabel(language),
        voices: voices.filter((voice) => voice.language === language).map((voice) => ({ name: voice.name, title: voiceTitle(voice, voices) })),
    }));
    return groups.sort((a, b) => Number(a.language === '') - Number(b.language === '') || a.label.localeCompare(b.label, 'en'));
}

/**
 * What people call a voice: with its region where those of its language differ in it, and with its name where that is not enough.
 *
 * @param {Voice} voice
 * @param {readonly Voice[]} voices - all of them
 * @returns {string}
 */
export function voiceTitle(voice, voices) {
    const others = voices.filter(({ language, name }) => language === voice.language && name !== voice.name);
    const region = others.some(({ locale }) => locale !== voice.locale) ? regionName(voice.locale) : '';
    const base = voice.title || voice.name;
    const same = others.some(({ title, name, locale }) => (title || name) === base && locale === voice.locale);
    const parts = [same ? `${base} (${voice.name})` : base, region];
    if ((voice.speakers ?? 1) > 1) {
        parts.push(`${voice.speakers} speakers`);
    }
    return parts.filter((part) => part !== '').join(' · ');
}

/**
 * @param {readonly Voice[]} voices
 * @param {string} name - of a voice, a speaker of it, or a mix
 * @returns {string} what people call it
 */
export function nameForPeople(voices, name) {
    const voice = voices.find((known) => known.name === name);
    return voice === undefined ? name : voiceTitle(voice, voices);
}

/**
 * Whether the server's list contains the voice of a name; the server itself decides.
 *
 * @param {readonly Voice[]} voices
 * @param {string} name - of a voice, a speaker of it, or a mix
 * @returns {boolean}
 */
export function isKnown(voices, name) {
    const known = (/** @type {string} */ part) => voices.some((voice) => voice.name === part);
    return voices.length === 0 || known(name) || name.split('+').every((part) => known(part.replace(/[(#].*$/s, '').trim()));
}

/**
 * @param {string} locale - such as en_US
 * @returns {string} the region's name; empty: there is none
 */
function regionName(locale) {
    const region = locale.split(/[_-]/)[1] ?? '';
    try {
        return region === '' ? '' : new Intl.DisplayNames(['en'], { type: 'region' }).of(region.toUpperCase()) ?? '';
    } catch {
        return ''; // not the form of a region
    }
}
