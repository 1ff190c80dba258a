//! Which voices are measured, and what they say. Pure but for the file of sentences.

use anyhow::{Context, ensure};

use visavis_engine::Voice;

use super::{Options, Subject};

/// A woman and a man of Kokoro for each language, where it has both, and a voice of Piper for comparison.
const DEFAULTS: [&str; 11] = [
    "af_heart",
    "am_michael",
    "ef_dora",
    "em_alex",
    "ff_siwis",
    "if_sara",
    "im_nicola",
    "pf_dora",
    "pm_alex",
    "hf_alpha",
    "joe",
];

/// Whether a voice, or a mix, is Kokoro's: its names begin with a letter for the accent and one for the sex, such as
/// `bf_emma`.
pub(super) fn is_kokoro(name: &str) -> bool {
    matches!(name.as_bytes(), [b'a'..=b'z', b'f' | b'm', b'_', _, ..])
}

/// The voices with their sentences.
///
/// # Errors
/// When a voice is not installed, no voice is left, or there are no sentences for one.
pub(super) fn subjects(listed: &[Voice], options: &Options) -> anyhow::Result<Vec<Subject>> {
    let voices = choose(listed, &options.voices, &options.languages)?;
    let own = match &options.sentences {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("--sentences: cannot read {}", file.display()))?;
            ensure!(!sentences(&text).is_empty(), "--sentences: {} has no sentence", file.display());
            ensure!(
                voices.iter().all(|voice| voice.language == voices[0].language),
                "--sentences: the voices speak several languages; add --language"
            );
            Some(text)
        }
    };
    let limit = options.limit.map_or(usize::MAX, usize::from);
    let subject = |voice: Voice| -> anyhow::Result<Subject> {
        let text = match &own {
            Some(text) => text.as_str(),
            None => built_in(&voice.language).with_context(|| {
                format!("there are no sentences in {:?} for {}; use --sentences", voice.language, voice.name)
            })?,
        };
        let sentences = sentences(text).into_iter().take(limit).collect();
        Ok(Subject { voice, sentences })
    };
    voices.into_iter().map(subject).collect()
}

/// The voices that are asked for, or the defaults that are installed, in one of the languages.
fn choose(listed: &[Voice], asked: &[String], languages: &[String]) -> anyhow::Result<Vec<Voice>> {
    let installed = || listed.iter().map(|voice| voice.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut voices: Vec<Voice> = if asked.is_empty() {
        DEFAULTS.iter().filter_map(|name| find(listed, name)).collect()
    } else {
        let found = asked.iter().map(|name| {
            find(listed, name)
                .with_context(|| format!("--voice: {name:?} is not installed; there are {}", installed()))
        });
        found.collect::<anyhow::Result<_>>()?
    };
    voices.retain(|voice| languages.is_empty() || languages.contains(&voice.language));
    ensure!(
        !voices.is_empty(),
        "no voice is left to be measured; name some with --voice: there are {}",
        installed()
    );
    Ok(voices)
}

/// The voice of this name, or of a Piper voice's short name: "joe" of "en_US-joe-medium".
fn find(listed: &[Voice], name: &str) -> Option<Voice> {
    let named = listed.iter().find(|voice| voice.leads(name));
    let short = || listed.iter().find(|voice| voice.name.split('-').nth(1) == Some(name));
    // A mix keeps its own name.
    let as_asked = |voice: &Voice| Voice { name: name.to_owned(), ..voice.clone() };
    named.map(as_asked).or_else(|| short().cloned())
}

fn sentences(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The sentences of a language, one per line.
fn built_in(language: &str) -> Option<&'static str> {
    Some(match language {
        "en" => include_str!("texts/en.txt"),
        "es" => include_str!("texts/es.txt"),
        "fr" => include_str!("texts/fr.txt"),
        "it" => include_str!("texts/it.txt"),
        "pt" => include_str!("texts/pt.txt"),
        "hi" => include_str!("texts/hi.txt"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Vec<Voice> {
        let voice = |name: &str, language: &str| Voice {
            name: name.into(),
            language: language.into(),
            ..Voice::default()
        };
        vec![
            voice("af_heart", "en"),
            voice("am_michael", "en"),
            voice("af_sky", "en"),
            voice("ef_dora", "es"),
            voice("en_US-joe-medium", "en"),
        ]
    }

    fn chosen(asked: &[&str], languages: &[&str]) -> Vec<String> {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let voices = choose(&listed(), &own(asked), &own(languages)).unwrap();
        voices.into_iter().map(|voice| voice.name).collect()
    }

    #[test]
    fn the_defaults_are_those_that_are_installed_and_a_mix_keeps_its_name() {
        assert_eq!(chosen(&[], &[]), ["af_heart", "am_michael", "ef_dora", "en_US-joe-medium"]);
        assert_eq!(chosen(&[], &["es"]), ["ef_dora"]);
        assert_eq!(
            chosen(&["joe", "af_sky(2)+af_heart"], &["en"]),
            ["en_US-joe-medium", "af_sky(2)+af_heart"]
        );
        let refused = choose(&listed(), &["bob".to_owned()], &[]).unwrap_err().to_string();
        assert!(refused.contains("\"bob\" is not installed") && refused.contains("ef_dora"), "{refused}");
        assert!(choose(&listed(), &[], &["de".to_owned()]).is_err());
    }

    #[test]
    fn voices_of_piper_are_not_taken_for_kokoros() {
        for (name, kokoro) in [
            ("bf_emma", true),
            ("af_heart(2)+am_michael", true),
            ("en_US-joe-medium", false),
            ("en_GB-alba", false),
            ("af_", false),
        ] {
            assert_eq!(is_kokoro(name), kokoro, "{name}");
        }
    }

    #[test]
    fn every_language_has_different_sentences_of_six_to_fourteen_words_without_digits() {
        for (language, count) in [("en", 20), ("es", 20), ("fr", 20), ("it", 20), ("pt", 20), ("hi", 10)] {
            let all = sentences(built_in(language).unwrap());
            assert_eq!(all.len(), count, "{language}");
            for (at, sentence) in all.iter().enumerate() {
                let words = sentence.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic));
                assert!((6..=14).contains(&words.count()), "{sentence}");
                assert!(!sentence.chars().any(char::is_numeric), "{sentence}");
                assert!(!all[..at].contains(sentence), "{sentence}");
            }
        }
    }
}
