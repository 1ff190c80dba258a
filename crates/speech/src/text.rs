//! From the text of a request to what is spoken. Pure.

use visavis_engine::Speed;

use crate::lexicon::{Lexicon, respelled};
use crate::script::Piece;
use crate::ssml;

/// How many times the allowed length a text may have after respelling.
const MOST_SPOKEN: usize = 3;

/// A text, and how it is to be spoken.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// Plain or SSML.
    pub text: &'a str,
    /// Where SSML sets no other.
    pub speed: Speed,
    /// Respellings; the first that has a word decides.
    pub lexicons: &'a [&'a Lexicon],
    /// Most characters.
    pub longest: usize,
}

/// Why a text cannot be spoken: a sentence that begins with nothing but its subject, so that the field's name fits before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// The script of a text.
///
/// # Errors
/// If it is empty, too long or no valid SSML, or holds control characters or phonemes.
pub fn pieces(text: Text<'_>) -> Result<Vec<Piece>, Fault> {
    let Text { text, speed, lexicons, longest } = text;
    check(text, longest)?;
    let respell = |text: &str| respelled(text, lexicons);
    let pieces = if ssml::is_ssml(text) {
        ssml::pieces(text, speed, respell)
            .map_err(|fault| Fault(format!("the SSML cannot be spoken: {fault}")))?
    } else {
        vec![Piece::Say { text: respell(text), speed }]
    };
    check_spoken(&pieces, longest)?;
    Ok(pieces)
}

/// Respellings and spelled characters make a text longer than it is written.
fn check_spoken(pieces: &[Piece], longest: usize) -> Result<(), Fault> {
    let texts = || {
        pieces.iter().filter_map(|piece| match piece {
            Piece::Say { text, .. } => Some(text),
            Piece::Pause { .. } => None,
        })
    };
    if texts().all(|text| text.trim().is_empty()) {
        return Err(Fault(EMPTY.into()));
    }
    let length: usize = texts().map(|text| text.chars().count()).sum();
    let most = MOST_SPOKEN * longest;
    if length > most {
        return Err(Fault(format!(
            "the text has {length} characters once it is respelled; at most {most}: send it in parts"
        )));
    }
    Ok(())
}

const EMPTY: &str = "the text is empty: there is nothing to say";

fn check(text: &str, longest: usize) -> Result<(), Fault> {
    if text.trim().is_empty() {
        return Err(Fault(EMPTY.into()));
    }
    let length = text.chars().count();
    if length > longest {
        return Err(Fault(format!("the text has {length} characters; at most {longest}: send it in parts")));
    }
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}');
    if let Some((at, c)) = text.chars().enumerate().find(|(_, c)| control(*c)) {
        let (code, at) = (u32::from(c), at + 1);
        return Err(Fault(format!(
            "the text holds the control character U+{code:04X} at character {at}; remove it"
        )));
    }
    if text.split_once("[[").is_some_and(|(_, rest)| rest.contains("]]")) {
        let why = "the text holds phonemes in [[…]], which the voices do not take; respell the word, or give its respelling in a \
                   lexicon";
        return Err(Fault(why.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Piece>, String> {
        let text = Text { text, speed: Speed::USUAL, lexicons: &[], longest: 50 };
        pieces(text).map_err(|fault| fault.0)
    }

    #[test]
    fn a_text_is_one_piece_with_its_words_respelled() {
        let lexicon = Lexicon::of([("gif", "jif")]).unwrap();
        let text = Text {
            text: "A gif, מלים and 1 < 2.\n",
            speed: Speed::FASTEST,
            lexicons: &[&lexicon],
            longest: 50,
        };
        let text = pieces(text).unwrap();
        assert_eq!(text, [Piece::Say { text: "A jif, מלים and 1 < 2.\n".into(), speed: Speed::FASTEST }]);
    }

    #[test]
    fn respellings_do_not_make_a_text_longer_than_can_be_spoken() {
        let lexicon = Lexicon::of([("a", "a rather long respelling")]).unwrap();
        let said = |words: usize| {
            let text = vec!["a"; words].join(" ");
            pieces(Text { text: &text, speed: Speed::USUAL, lexicons: &[&lexicon], longest: 50 })
        };
        assert!(said(6).is_ok());
        let fault = said(7).unwrap_err().0;
        assert!(fault.contains("174 characters once it is respelled; at most 150"), "{fault}");
    }

    #[test]
    fn what_cannot_be_spoken_is_refused_with_what_to_do() {
        for (text, told) in [
            ("", "is empty"),
            (" \n\t", "is empty"),
            ("<speak> <break/> </speak>", "is empty"),
            ("a".repeat(51).as_str(), "has 51 characters; at most 50"),
            ("a\u{0}b", "U+0000 at character 2"),
            ("a\u{1b}[31m", "U+001B"),
            ("say [[həˈləʊ]] now", "phonemes in [[…]]"),
            ("<speak>&b;</speak>", "the SSML cannot be spoken: the entity &b;"),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains(told), "{text:?}: {fault}");
        }
        assert!(read("an [[open bracket").is_ok());
        assert!(read(&"ü".repeat(50)).is_ok(), "characters count, not bytes");
    }
}
