//! Texts of any bytes, in any pieces.

use visavis_core::avatar::tags::{Filtered, Tags};

use super::caption::caption;
use super::phrases::{Phrase, Splitter};
use super::private_text::{Filter, Piece};
use super::speakable::speakable;

const LANGUAGES: [&str; 8] = ["en", "en-GB", "de", "fr", "it", "es", "nl", ""];

/// An input as a language, a number and a text.
fn read(input: &[u8]) -> (&'static str, u64, String) {
    let (head, text) = input.split_at(input.len().min(2));
    let head = |at: usize| head.get(at).copied().unwrap_or(0);
    let text = visavis_fuzz::text(text).into_owned();
    (LANGUAGES[usize::from(head(0)) % LANGUAGES.len()], head(1).into(), text)
}

/// What comes out of the filter, neighbouring texts joined.
fn filtered(pieces: &[&str]) -> Vec<Piece> {
    let mut filter = Filter::default();
    let mut out: Vec<Piece> = pieces.iter().flat_map(|piece| filter.push(piece)).collect();
    out.extend(filter.finish());
    out.into_iter().fold(Vec::new(), |mut joined, piece| {
        match (joined.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => joined.push(piece),
        }
        joined
    })
}

/// Text without tags, and where the cues stand in it.
fn untagged(pieces: &[&str]) -> Filtered {
    let mut tags = Tags::new(true);
    let mut all = Filtered::default();
    let mut add = |part: Filtered| {
        let before = all.text.len();
        all.text += &part.text;
        all.cues.extend(part.cues.into_iter().map(|(at, cue)| (before + at, cue)));
    };
    pieces.iter().for_each(|piece| add(tags.push(piece)));
    add(tags.finish());
    all
}

#[test]
fn what_is_private_does_not_depend_on_the_pieces_in_which_it_comes() {
    visavis_fuzz::run("private_text", |input| {
        let (_, seed, text) = read(input);
        let pieces = visavis_fuzz::pieces(&text, seed);
        let whole = filtered(&[&text]);
        assert_eq!(filtered(&pieces), whole);
        let shown = |piece: &Piece| match piece {
            Piece::Text(text) | Piece::Code(text) => text.len(),
            Piece::CodeBegins => 0,
        };
        // A line's end may stand for a block that was taken out.
        assert!(whole.iter().map(shown).sum::<usize>() <= text.len(), "{whole:?}");
        let cued = untagged(&[&text]);
        assert_eq!(untagged(&pieces), cued);
        assert!(cued.cues.iter().all(|(at, _)| cued.text.is_char_boundary(*at)), "{cued:?}");
    });
}

#[test]
fn phrases_lose_no_character_and_know_where_they_stand() {
    visavis_fuzz::run("phrases", |input| {
        let (language, seed, text) = read(input);
        let mut splitter = Splitter::new(language);
        let pieces = visavis_fuzz::pieces(&text, seed / 2);
        let mut phrases: Vec<Phrase> =
            pieces.into_iter().flat_map(|piece| splitter.push(piece, seed % 2 == 1)).collect();
        phrases.extend(splitter.finish());
        let mut end = 0;
        for phrase in &phrases {
            assert!(phrase.at >= end && text[end..phrase.at].trim().is_empty(), "{phrase:?} after {end}");
            assert!(text[phrase.at..].starts_with(&phrase.text), "{phrase:?} stands elsewhere");
            end = phrase.at + phrase.text.len();
            is_captioned(&phrase.text);
        }
        assert!(text[end..].trim().is_empty(), "{:?} is lost", &text[end..]);
    });
}

fn is_captioned(written: &str) {
    let caption = caption(written);
    assert!(caption.text.len() <= written.len() * 2, "{caption:?}");
    let mut before = 0;
    for at in 0..=written.len() {
        let place = caption.at(at);
        assert!(place >= before && caption.text.is_char_boundary(place), "{at} is at {place} of {caption:?}");
        before = place;
    }
}

#[test]
fn what_is_spoken_says_each_word_in_order_and_within_bounds() {
    visavis_fuzz::run("speakable", |input| {
        let (language, _, text) = read(input);
        let said = speakable(&text, language);
        assert!(said.text.len() <= 100 + text.len() * 40, "{} bytes of {}", said.text.len(), text.len());
        assert!(!said.text.is_empty() || !text.chars().any(char::is_alphanumeric), "nothing is said");
        let mut end = 0;
        for word in &said.words {
            let spoken = &word.spoken;
            assert!(spoken.start >= end && said.text.get(spoken.clone()).is_some(), "{word:?}");
            end = spoken.end;
        }
    });
}
