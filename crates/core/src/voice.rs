//! Names of voices: a voice, a speaker of it (`libritts#12`) or a mix (`af_heart(2)+am_michael`), and which of them exist.
//! Pure.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Longest name in bytes, mixes included.
pub const LONGEST_NAME: usize = 400;
/// Most voices in a mix.
const MOST_PARTS: usize = 4;
/// Valid weights in a mix.
const WEIGHTS: RangeInclusive<f32> = 0.1..=10.0;
/// Most voices that a message names.
const MOST_NAMED: usize = 60;

/// A voice that the engine lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KnownVoice {
    /// Its name in requests.
    pub name: String,
    /// ISO 639-1; empty: any, or not known.
    pub language: String,
    /// Number of speakers; 0 and 1: one.
    #[serde(default)]
    pub speakers: u32,
    /// It can be mixed with others of its language that can.
    #[serde(default)]
    pub mixes: bool,
}

/// A voice that a client chose: one that is listed, a speaker of it, or a mix.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChosenVoice {
    /// As in requests.
    pub name: String,
    /// ISO 639-1; empty: any, or not known.
    pub language: String,
}

/// Whether the text has the form of a voice's name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= LONGEST_NAME && !text.contains(char::is_control)
}

/// The first voice of a language, which speaks it unless another is chosen.
#[must_use]
pub fn first<'a>(known: &'a [KnownVoice], language: &str) -> Option<&'a KnownVoice> {
    known.iter().find(|voice| voice.language == language)
}

/// The voice that `asked` names. Where the engine lists none, any name is accepted.
///
/// # Errors
/// What is wrong, with the voices that exist: those of `language` if there are any.
pub fn find(known: &[KnownVoice], asked: &str, language: &str) -> Result<ChosenVoice, String> {
    if !is_name(asked) {
        return Err(format!("a voice's name has 1 to {LONGEST_NAME} bytes without control characters"));
    }
    let chosen = |language: &str| ChosenVoice { name: asked.to_owned(), language: language.to_owned() };
    if known.is_empty() {
        return Ok(chosen(""));
    }
    if let Some(voice) = known.iter().find(|voice| voice.name == asked) {
        return Ok(chosen(&voice.language));
    }
    let parts: Vec<&str> = asked.split('+').map(str::trim).collect();
    if parts.len() > MOST_PARTS {
        return Err(format!("{asked:?} mixes {} voices; at most {MOST_PARTS} can be mixed", parts.len()));
    }
    let voices: Vec<&KnownVoice> =
        parts.iter().map(|part| part_of(known, part, language)).collect::<Result<_, _>>()?;
    let [first, ..] = voices[..] else { return Err(unknown(known, asked, language)) };
    if voices.len() > 1 && voices.iter().any(|voice| !voice.mixes) {
        return Err(format!("the voices of {asked:?} cannot be mixed; mix voices of Kokoro"));
    }
    if voices.iter().any(|voice| voice.language != first.language) {
        return Err(format!("the voices of {asked:?} differ in language; mix voices of one language"));
    }
    Ok(chosen(&first.language))
}

/// The voice of one part of a mix, with its weight or speaker.
fn part_of<'a>(known: &'a [KnownVoice], part: &str, language: &str) -> Result<&'a KnownVoice, String> {
    let name = match part.split_once('(') {
        None => part,
        Some((name, rest)) => {
            let weight = rest.strip_suffix(')').and_then(|weight| weight.trim().parse::<f32>().ok());
            if !weight.is_some_and(|weight| WEIGHTS.contains(&weight)) {
                let (least, most) = (WEIGHTS.start(), WEIGHTS.end());
                return Err(format!("the weight in {part:?} is not a number from {least} to {most}"));
            }
            name.trim_end()
        }
    };
    let named = |name: &str| known.iter().find(|voice| voice.name == name);
    if let Some(voice) = named(name) {
        return Ok(voice);
    }
    let speaker = name.rsplit_once('#').and_then(|(voice, speaker)| Some((named(voice)?, speaker)));
    let Some((voice, speaker)) = speaker else { return Err(unknown(known, name, language)) };
    let count = voice.speakers.max(1);
    // Speakers may also have names, which only the engine knows.
    let exists = match speaker.parse::<u32>() {
        Ok(number) => number < count,
        Err(_) => count > 1 && !speaker.is_empty(),
    };
    match (exists, count) {
        (true, _) => Ok(voice),
        (false, 1) => Err(format!("{name:?} does not exist: the voice has one speaker")),
        (false, _) => Err(format!("{name:?} does not exist: the voice has speakers #0 to #{}", count - 1)),
    }
}

fn unknown(known: &[KnownVoice], name: &str, language: &str) -> String {
    let same: Vec<&str> = known
        .iter()
        .filter(|voice| !language.is_empty() && voice.language == language)
        .map(|voice| voice.name.as_str())
        .collect();
    if same.is_empty() {
        let all = known.iter().map(|voice| match voice.language.as_str() {
            "" => voice.name.clone(),
            language => format!("{} ({language})", voice.name),
        });
        return format!("there is no voice {name:?}; there are {}", listed(all.collect()));
    }
    let same = same.into_iter().map(str::to_owned).collect();
    format!("there is no voice {name:?}; for {language:?} there are {}", listed(same))
}

fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more, which GET /api/voices lists") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(name: &str, language: &str, speakers: u32, mixes: bool) -> KnownVoice {
        KnownVoice { name: name.into(), language: language.into(), speakers, mixes }
    }

    fn known() -> Vec<KnownVoice> {
        vec![
            voice("joe", "en", 1, false),
            voice("libri", "en", 3, false),
            voice("af_heart", "en", 0, true),
            voice("am_adam", "en", 0, true),
            voice("ef_dora", "es", 0, true),
            voice("odd+name#1", "de", 0, false),
        ]
    }

    #[test]
    fn voices_speakers_and_mixes_that_exist_are_found_with_their_language() {
        for (asked, language) in [
            ("joe", "en"),
            ("ef_dora", "es"),
            ("libri#2", "en"),
            ("libri#p225", "en"),
            ("joe#0", "en"),
            ("joe(2)", "en"),
            ("af_heart+am_adam", "en"),
            ("af_heart(2) + am_adam( 0.5 )", "en"),
            ("odd+name#1", "de"),
        ] {
            let expected = ChosenVoice { name: asked.into(), language: language.into() };
            assert_eq!(find(&known(), asked, ""), Ok(expected), "{asked}");
        }
    }

    #[test]
    fn what_does_not_exist_is_refused_with_what_does() {
        for (asked, language, part) in [
            ("bob", "en", "no voice \"bob\"; for \"en\" there are joe, libri, af_heart, am_adam"),
            ("bob", "fr", "there are joe (en), libri (en)"),
            ("bob", "", "ef_dora (es)"),
            ("af_heart+bob", "es", "no voice \"bob\"; for \"es\" there are ef_dora"),
            ("libri#3", "", "speakers #0 to #2"),
            ("libri#", "", "speakers #0 to #2"),
            ("joe#p225", "", "one speaker"),
            ("joe+af_heart", "", "cannot be mixed"),
            ("af_heart+ef_dora", "", "one language"),
            ("af_heart(11)+am_adam", "", "from 0.1 to 10"),
            ("af_heart(2+am_adam", "", "from 0.1 to 10"),
            ("af_heart+am_adam+af_heart+am_adam+af_heart", "", "at most 4"),
            ("af_heart+", "", "no voice \"\""),
            ("", "", "1 to 400 bytes"),
            ("a\nb", "", "control characters"),
        ] {
            let refused = find(&known(), asked, language).unwrap_err();
            assert!(refused.contains(part), "{asked}: {refused}");
        }
        let many: Vec<_> = (0..100).map(|number| voice(&format!("v{number}"), "en", 1, false)).collect();
        let refused = find(&many, "bob", "en").unwrap_err();
        assert!(refused.contains("v59 and 40 more") && !refused.contains("v60"), "{refused}");
    }

    #[test]
    fn any_name_is_accepted_from_an_engine_that_lists_no_voices() {
        let expected = ChosenVoice { name: "alloy".into(), language: String::new() };
        assert_eq!(find(&[], "alloy", "en"), Ok(expected));
        assert!(find(&[], &"x".repeat(LONGEST_NAME + 1), "en").is_err());
    }
}
