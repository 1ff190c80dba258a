/**
 * Languages by their own names, and the ones to choose from.
 */

/** @type {readonly (readonly [string, string])[]} */
export const LANGUAGES = [
    ['ar', 'العربية'], ['bg', 'Български'], ['ca', 'Català'], ['cs', 'Čeština'], ['da', 'Dansk'], ['de', 'Deutsch'],
    ['el', 'Ελληνικά'], ['en', 'English'], ['es', 'Español'], ['fi', 'Suomi'], ['fr', 'Français'], ['he', 'עברית'],
    ['hi', 'हिन्दी'], ['hu', 'Magyar'], ['id', 'Bahasa Indonesia'], ['it', 'Italiano'], ['ja', '日本語'], ['ko', '한국어'],
    ['nl', 'Nederlands'], ['no', 'Norsk'], ['pl', 'Polski'], ['pt', 'Português'], ['ro', 'Română'], ['ru', 'Русский'],
    ['sk', 'Slovenčina'], ['sv', 'Svenska'], ['th', 'ไทย'], ['tr', 'Türkçe'], ['uk', 'Українська'], ['vi', 'Tiếng Việt'],
    ['zh', '中文'],
];

/**
 * @param {string} code - ISO 639-1
 * @returns {string} by its own name
 */
export function languageName(code) {
    return LANGUAGES.find(([other]) => other === code)?.[1] ?? nameIn(code, code);
}

/**
 * @param {string} code - ISO 639-1
 * @returns {string} by its own name and its English one
 */
export function languageLabel(code) {
    const own = languageName(code);
    const english = nameIn(code, 'en');
    return own === english ? own : `${own} · ${english}`;
}

/**
 * @param {string} code - of the language
 * @param {string} language - of its name
 * @returns {string}
 */
function nameIn(code, language) {
    try {
        return new Intl.DisplayNames([language], { type: 'language', fallback: 'code' }).of(code) ?? code;
    } catch {
        return code; // not even the form of a language code
    }
}
