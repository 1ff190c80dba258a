//! Fuzz test: texts of arbitrary bytes, as text or as SSML.

use visavis_engine::Speed;

use crate::lexicon::Lexicon;
use crate::script::Piece;
use crate::text::{Text, pieces};

/// Longest pause of SSML, in milliseconds.
const LONGEST_PAUSE: u32 = 10_000;

#[test]
fn any_text_is_refused_or_becomes_pieces_within_bounds() {
    visavis_fuzz::run("ssml", |input| {
        let text = visavis_fuzz::text(input);
        let lexicon = Lexicon::of([("gif", "jif")]).unwrap();
        let asked = Text { text: &text, speed: Speed::USUAL, lexicons: &[&lexicon], longest: 10_000 };
        let Ok(found) = pieces(asked) else { return };
        let mut said = 0;
        for piece in &found {
            match piece {
                Piece::Say { text, .. } => said += text.chars().count(),
                Piece::Pause { milliseconds } => assert!(*milliseconds <= LONGEST_PAUSE),
            }
        }
        // Spelled characters have a comma and a space each; a capital may be three letters.
        assert!(said > 0 && said <= 6 * text.len() + 8, "{said} of {}", text.len());
    });
}
