//! The voices of an engine, as lists show them.

use serde::Serialize;
use visavis_core::voice::KnownVoice;

/// The source of Piper's voices.
pub const PIPER: &str = "piper";
/// The source of Kokoro's voices.
pub const KOKORO: &str = "kokoro";

/// A voice that can speak. What an engine does not report has its default value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Voice {
    /// Its name in requests.
    pub name: String,
    /// ISO 639-1; empty: any, or not known.
    pub language: String,
    /// For example `en_US`.
    pub locale: String,
    /// Number of speakers; with more than one, `NAME#12` is a voice as well.
    #[serde(skip_serializing_if = "is_one")]
    pub speakers: u32,
    /// Its name for people, such as `Heart`; empty: only `name`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Its engine: [`PIPER`], [`KOKORO`] or the name of an adapter; empty: not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// It can be mixed with others of its language that can.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mixes: bool,
    /// Of the files that speak it, for caches: another one, another sound. Empty: not known.
    #[serde(skip)]
    pub version: String,
}

impl Voice {
    /// Whether `asked` names this voice, a speaker of it, such as `libritts#12`, or a mix that begins with it, such as
    /// `af_heart(2)+am_michael`: a mix speaks the language of its first voice.
    #[must_use]
    pub fn leads(&self, asked: &str) -> bool {
        let first = asked.split(['+', '(', '#']).next().unwrap_or_default();
        self.name == asked || self.name == first.trim()
    }

    /// What a conversation needs to know about it.
    #[must_use]
    pub fn known(&self) -> KnownVoice {
        KnownVoice {
            name: self.name.clone(),
            language: self.language.clone(),
            speakers: self.speakers,
            mixes: self.mixes,
        }
    }
}

fn is_one(speakers: &u32) -> bool {
    *speakers < 2
}

/// The name for people, derived from a voice's name: `Heart` of Kokoro's `af_heart`, `Joe` of Piper's `en_US-joe-medium`, with
/// the quality unless it is the usual one. Empty for names of another form.
#[must_use]
pub fn title(name: &str, source: &str) -> String {
    match source {
        KOKORO => name.split_once('_').map(|(_, title)| capitalised(title)).unwrap_or_default(),
        PIPER => {
            let parts: Vec<&str> = name.split('-').collect();
            let [locale, title, quality] = parts[..] else { return String::new() };
            match (locale.contains('_'), quality) {
                (false, _) => String::new(),
                (true, "medium") => capitalised(title),
                (true, _) => format!("{} ({})", capitalised(title), quality.replace('_', " ")),
            }
        }
        _ => String::new(),
    }
}

/// Capitalises each word.
fn capitalised(text: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    text.split('_').filter_map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_made_of_names_in_the_form_of_their_source() {
        for (name, source, expected) in [
            ("af_heart", KOKORO, "Heart"),
            ("heart", KOKORO, ""),
            ("en_US-joe-medium", PIPER, "Joe"),
            ("en_GB-northern_english_male-medium", PIPER, "Northern English Male"),
            ("de_DE-thorsten-x_low", PIPER, "Thorsten (x low)"),
            ("my-own-voice", PIPER, ""),
            ("mine", PIPER, ""),
            ("af_heart", "openai", ""),
        ] {
            assert_eq!(title(name, source), expected, "{name} of {source:?}");
        }
    }

    #[test]
    fn a_list_shows_only_what_the_engine_tells() {
        let text = |text: &str| text.to_owned();
        let voice =
            Voice { name: text("joe"), language: text("en"), locale: text("en_US"), ..Voice::default() };
        let bare = serde_json::json!({ "name": "joe", "language": "en", "locale": "en_US" });
        assert_eq!(serde_json::to_value(&voice).unwrap(), bare);
        assert_eq!(serde_json::to_value(Voice { speakers: 1, ..voice.clone() }).unwrap(), bare);
        let told = Voice { speakers: 904, title: text("Joe"), source: text(PIPER), mixes: true, ..voice };
        let told = serde_json::to_value(told).unwrap();
        let expected = serde_json::json!({
            "name": "joe", "language": "en", "locale": "en_US",
            "speakers": 904, "title": "Joe", "source": "piper", "mixes": true,
        });
        assert_eq!(told, expected);
    }
}
