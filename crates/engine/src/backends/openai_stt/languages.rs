//! Converts endpoints' language names: Whisper's full names, ISO 639-1 codes, or locales. Pure.

use crate::frame::is_language;

/// Whisper's languages by its names, then other common names. Cantonese and Hawaiian have no ISO 639-1 code.
const NAMES: [(&str, &str); 116] = [
    ("english", "en"),
    ("chinese", "zh"),
    ("german", "de"),
    ("spanish", "es"),
    ("russian", "ru"),
    ("korean", "ko"),
    ("french", "fr"),
    ("japanese", "ja"),
    ("portuguese", "pt"),
    ("turkish", "tr"),
    ("polish", "pl"),
    ("catalan", "ca"),
    ("dutch", "nl"),
    ("arabic", "ar"),
    ("swedish", "sv"),
    ("italian", "it"),
    ("indonesian", "id"),
    ("hindi", "hi"),
    ("finnish", "fi"),
    ("vietnamese", "vi"),
    ("hebrew", "he"),
    ("ukrainian", "uk"),
    ("greek", "el"),
    ("malay", "ms"),
    ("czech", "cs"),
    ("romanian", "ro"),
    ("danish", "da"),
    ("hungarian", "hu"),
    ("tamil", "ta"),
    ("norwegian", "no"),
    ("thai", "th"),
    ("urdu", "ur"),
    ("croatian", "hr"),
    ("bulgarian", "bg"),
    ("lithuanian", "lt"),
    ("latin", "la"),
    ("maori", "mi"),
    ("malayalam", "ml"),
    ("welsh", "cy"),
    ("slovak", "sk"),
    ("telugu", "te"),
    ("persian", "fa"),
    ("latvian", "lv"),
    ("bengali", "bn"),
    ("serbian", "sr"),
    ("azerbaijani", "az"),
    ("slovenian", "sl"),
    ("kannada", "kn"),
    ("estonian", "et"),
    ("macedonian", "mk"),
    ("breton", "br"),
    ("basque", "eu"),
    ("icelandic", "is"),
    ("armenian", "hy"),
    ("nepali", "ne"),
    ("mongolian", "mn"),
    ("bosnian", "bs"),
    ("kazakh", "kk"),
    ("albanian", "sq"),
    ("swahili", "sw"),
    ("galician", "gl"),
    ("marathi", "mr"),
    ("punjabi", "pa"),
    ("sinhala", "si"),
    ("khmer", "km"),
    ("shona", "sn"),
    ("yoruba", "yo"),
    ("somali", "so"),
    ("afrikaans", "af"),
    ("occitan", "oc"),
    ("georgian", "ka"),
    ("belarusian", "be"),
    ("tajik", "tg"),
    ("sindhi", "sd"),
    ("gujarati", "gu"),
    ("amharic", "am"),
    ("yiddish", "yi"),
    ("lao", "lo"),
    ("uzbek", "uz"),
    ("faroese", "fo"),
    ("haitian creole", "ht"),
    ("pashto", "ps"),
    ("turkmen", "tk"),
    ("nynorsk", "nn"),
    ("maltese", "mt"),
    ("sanskrit", "sa"),
    ("luxembourgish", "lb"),
    ("myanmar", "my"),
    ("tibetan", "bo"),
    ("tagalog", "tl"),
    ("malagasy", "mg"),
    ("assamese", "as"),
    ("tatar", "tt"),
    ("lingala", "ln"),
    ("hausa", "ha"),
    ("bashkir", "ba"),
    ("javanese", "jv"),
    ("sundanese", "su"),
    ("burmese", "my"),
    ("valencian", "ca"),
    ("flemish", "nl"),
    ("haitian", "ht"),
    ("letzeburgesch", "lb"),
    ("pushto", "ps"),
    ("panjabi", "pa"),
    ("moldavian", "ro"),
    ("moldovan", "ro"),
    ("sinhalese", "si"),
    ("castilian", "es"),
    ("mandarin", "zh"),
    ("farsi", "fa"),
    ("filipino", "tl"),
    ("irish", "ga"),
    ("esperanto", "eo"),
    ("modern greek", "el"),
    ("bokmal", "no"),
];
/// Codes that ISO has withdrawn or that denote part of a language, with the codes that the server uses.
const REPLACED: [(&str, &str); 4] = [("jw", "jv"), ("iw", "he"), ("in", "id"), ("nb", "no")];

/// The ISO 639-1 code of a language; none if the endpoint's name is unknown.
pub(super) fn code(told: &str) -> Option<&'static str> {
    let told = told.trim().to_lowercase();
    // The language of a locale such as en-US.
    let first = told.split(['-', '_']).next().unwrap_or_default();
    let code = if is_language(first) {
        REPLACED.iter().find(|(old, _)| *old == first).map_or(first, |(_, new)| *new)
    } else {
        NAMES.iter().find(|(name, _)| *name == told).map(|(_, code)| *code)?
    };
    NAMES.iter().map(|(_, known)| *known).find(|known| *known == code)
}

/// The name of a language in English, in lower case, as Whisper has it; none if it has none.
#[must_use]
pub fn name(code: &str) -> Option<&'static str> {
    NAMES.iter().find(|(_, known)| *known == code).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_name_that_whisper_gives_it() {
        assert_eq!([name("en"), name("ca"), name("xx")], [Some("english"), Some("catalan"), None]);
    }

    #[test]
    fn names_codes_and_locales_become_codes_and_inventions_do_not() {
        for (told, expected) in [
            ("english", Some("en")),
            ("German", Some("de")),
            (" haitian creole ", Some("ht")),
            ("burmese", Some("my")),
            ("en", Some("en")),
            ("pt-BR", Some("pt")),
            ("zh_CN", Some("zh")),
            ("jw", Some("jv")),
            ("klingon", None),
            ("xx", None),
            ("auto", None),
            ("cantonese", None),
            ("yue", None),
            ("", None),
        ] {
            assert_eq!(code(told), expected, "{told:?}");
        }
    }

    #[test]
    fn every_name_has_a_code_of_two_letters() {
        assert!(NAMES.iter().all(|(name, told)| is_language(told) && code(name).is_some()));
    }
}
