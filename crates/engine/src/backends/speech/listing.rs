//! A server's list of its voices. Pure.

use serde_json::Value;

use crate::frame::is_language;

/// Most voices that are taken from a list.
const MOST_VOICES: usize = 1000;
/// Longest name in characters.
const LONGEST_NAME: usize = 100;

/// What a server lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Listing {
    pub(super) voices: Vec<Listed>,
    /// The list is complete: other voices do not exist.
    pub(super) complete: bool,
    /// ISO 639-1 codes of the languages that its voices speak; empty: unknown.
    pub(super) languages: Vec<String>,
}

/// A voice that a server lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Listed {
    pub(super) name: String,
    /// ISO 639-1; empty: unknown.
    pub(super) language: String,
    /// For example `en_US`; empty: unknown.
    pub(super) locale: String,
}

impl Listed {
    /// A voice with a language code, with or without a region, or without a language.
    pub(super) fn new(name: &str, code: &str) -> Self {
        let locale = code.replace('-', "_");
        let language = language(code);
        let locale = if language.is_empty() || !locale.contains('_') { String::new() } else { locale };
        Self { name: name.into(), language, locale }
    }
}

impl Listing {
    /// The voices of a server whose list is complete, without those that have an invalid name.
    pub(super) fn of(voices: impl IntoIterator<Item = Listed>) -> Self {
        let proper = |name: &str| !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME;
        let mut voices: Vec<Listed> = voices.into_iter().filter(|voice| proper(&voice.name)).collect();
        voices.truncate(MOST_VOICES);
        Self { complete: !voices.is_empty(), voices, languages: Vec::new() }
    }
}

/// The language of a code such as "en", "en-us" or "zh-cn"; empty: not such a code.
pub(super) fn language(code: &str) -> String {
    let first = code.split(['-', '_']).next().unwrap_or_default().to_lowercase();
    if is_language(&first) { first } else { String::new() }
}

/// The languages in a list of codes, or in a table whose values are codes, without duplicates.
pub(super) fn languages(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    let table = value.as_object().into_iter().flat_map(|table| table.values());
    let mut found: Vec<String> = Vec::new();
    for code in list.chain(table).filter_map(Value::as_str).map(language) {
        if !code.is_empty() && !found.contains(&code) {
            found.push(code);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_of_any_form_tell_language_and_region() {
        for (code, language, locale) in [
            ("en", "en", ""),
            ("en_US", "en", "en_US"),
            ("pt-BR", "pt", "pt_BR"),
            ("EN", "en", ""),
            ("", "", ""),
            ("english", "", ""),
            ("multi", "", ""),
        ] {
            let voice = Listed::new("a", code);
            assert_eq!((voice.language.as_str(), voice.locale.as_str()), (language, locale), "{code}");
        }
        let listed = json!(["en", "zh-cn", "pt", "pt-br", 7, "klingon"]);
        assert_eq!(languages(&listed), ["en", "zh", "pt"]);
        assert_eq!(languages(&json!({ "German": "de", "English": "en" })).len(), 2);
    }

    #[test]
    fn a_list_is_bounded_and_an_empty_one_says_nothing() {
        let many = (0..5000).map(|number| Listed::new(&format!("v{number}"), ""));
        assert_eq!(Listing::of(many).voices.len(), MOST_VOICES);
        let odd = [Listed::new(" ", "en"), Listed::new(&"x".repeat(500), "en")];
        assert_eq!(Listing::of(odd), Listing::default());
    }
}
