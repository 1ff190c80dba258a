//! Fuzz tests: arbitrary text, split into arbitrary pieces.

use visavis_core::avatar::cue::PlacedCue;
use visavis_core::avatar::tags::{Filtered, Tags};

use super::caption::caption;
use super::private_text::{Filter, Piece};
use super::segments::{Splitter, TextSegment};
use super::speakable::speakable;

const LANGUAGES: [&str; 8] = ["en", "en-GB", "de", "fr", "it", "es", "nl", ""];

/// Decodes an input into a language, a number and a text.
fn read(input: &[u8]) -> (&'static str, u64, String) {
    let (head, text) = input.split_at(input.len().min(2));
    let head = |at: usize| head.get(at).copied().unwrap_or(0);
    let text = visavis_fuzz::text(text).into_owned();
    (LANGUAGES[usize::from(head(0)) % LANGUAGES.len()], head(1).into(), text)
}

/// The filter's output with adjacent texts joined.
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

/// The text without tags, and the cues with their offsets in it.
fn untagged(pieces: &[&str]) -> Filtered {
    let mut tags = Tags::new(true);
    let mut all = Filtered::default();
    let mut add = |part: Filtered| {
        let before = all.text.len();
        all.text += &part.text;
        all.cues.extend(part.cues.into_iter().map(|place| PlacedCue { at: before + place.at, ..place }));
    };
    pieces.iter().for_each(|piece| add(tags.push(piece)));
    add(tags.finish());
    all
}

#[test]
fn filtering_does_not_depend_on_how_the_text_is_split() {
    visavis_fuzz::run("private_text", |input| {
        let (_, seed, text) = read(input);
        let pieces = visavis_fuzz::pieces(&text, seed);
        let whole = filtered(&[&text]);
        assert_eq!(filtered(&pieces), whole);
        let shown = |piece: &Piece| match piece {
            Piece::Text(text) | Piece::Code(text) => text.len(),
            Piece::CodeBegins => 0,
        };
        // A line break may replace a removed block.
        assert!(whole.iter().map(shown).sum::<usize>() <= text.len(), "{whole:?}");
        let cued = untagged(&[&text]);
        assert_eq!(untagged(&pieces), cued);
        assert!(cued.cues.iter().all(|place| cued.text.is_char_boundary(place.at)), "{cued:?}");
    });
}

#[test]
fn segments_lose_no_text_and_know_their_offsets() {
    visavis_fuzz::run("segments", |input| {
        let (language, seed, text) = read(input);
        let mut splitter = Splitter::new(language);
        let pieces = visavis_fuzz::pieces(&text, seed / 2);
        let mut segments: Vec<TextSegment> =
            pieces.into_iter().flat_map(|piece| splitter.push(piece, seed % 2 == 1)).collect();
        segments.extend(splitter.finish());
        let mut end = 0;
        for segment in &segments {
            assert!(segment.at >= end && text[end..segment.at].trim().is_empty(), "{segment:?} after {end}");
            assert!(text[segment.at..].starts_with(&segment.text), "{segment:?} has a wrong offset");
            end = segment.at + segment.text.len();
            check_caption(&segment.text);
        }
        assert!(text[end..].trim().is_empty(), "{:?} is lost", &text[end..]);
    });
}

fn check_caption(written: &str) {
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
fn spoken_text_is_bounded_and_its_word_ranges_are_in_order() {
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
