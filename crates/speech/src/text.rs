//! From the text of a request to what is spoken. Pure.

use visavis_engine::Speed;

use crate::lexicon::{Lexicon, respelled};
use crate::script::Piece;
use crate::ssml;

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

/// What is spoken of a text.
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
    let speaks = |piece: &Piece| matches!(piece, Piece::Say { text, .. } if !text.trim().is_empty());
    if pieces.iter().any(speaks) { Ok(pieces) } else { Err(Fault(EMPTY.into())) }
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
