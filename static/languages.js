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
 * @returns {string}
 */
export function languageName(code) {
    const known = LANGUAGES.find(([other]) => other === code);
    if (known !== undefined) {
        return known[1];
    }
    try {
        return new Intl.DisplayNames([code], { type: 'language', fallback: 'code' }).of(code) ?? code;
    } catch {
        return code; // not even the form of a language code
    }
}
