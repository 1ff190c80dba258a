/**
 * The languages to choose from, by their own names.
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
