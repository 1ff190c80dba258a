//! Words as captions that can be read in time: at most two lines of 42 columns, at most seven seconds, broken where a sentence or a
//! clause ends. Pure.

use crate::words::{Word, ends_clause, ends_sentence, is_unspaced};

/// Columns of a line; a letter of Kana or Han takes two.
const COLUMNS: usize = 42;
/// Longest time that a caption is shown, in seconds.
const LONGEST: f64 = 7.0;
/// Shortest time, where the next caption leaves it, in seconds.
const SHORTEST: f64 = 1.0;
/// Shortest time even then: players skip captions without a duration.
const MOMENT: f64 = 0.001;
/// A pause that ends a caption, in seconds.
const PAUSE: f64 = 1.2;

/// What is shown at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Caption {
    /// When it appears, in seconds.
    pub start: f64,
    /// When it disappears.
    pub end: f64,
    /// One line or two.
    pub lines: Vec<String>,
}

/// The captions of these words, in order: each word is in one of them.
#[must_use]
pub fn captions(words: &[Word]) -> Vec<Caption> {
    let words: Vec<Word> = words.iter().flat_map(broken).collect();
    let mut captions = Vec::new();
    let mut rest = words.as_slice();
    while !rest.is_empty() {
        let (these, later) = rest.split_at(next(rest));
        captions.push(caption(these, later.first()));
        rest = later;
    }
    captions
}

fn caption(words: &[Word], later: Option<&Word>) -> Caption {
    let start = words.first().map_or(0.0, |word| word.start);
    let end = words.last().map_or(start, |word| word.end).clamp(start, start + LONGEST);
    let until = later.map_or(f64::INFINITY, |word| word.start.max(end));
    let end = end.max((start + SHORTEST).min(until)).max(start + MOMENT);
    Caption { start, end, lines: lines(words).unwrap_or_default() }
}

/// How many words the next caption has: as many as fit, back to the last sentence or clause that ends in their second half.
fn next(words: &[Word]) -> usize {
    let most = (1..=words.len()).take_while(|count| fits(&words[..*count])).last().unwrap_or(1);
    let paused = words.get(most).is_none_or(|word| word.start - words[most - 1].end >= PAUSE);
    if paused {
        return most;
    }
    let ends =
        |ends: fn(&str) -> bool| (most.div_ceil(2)..=most).rev().find(|count| ends(&words[count - 1].text));
    ends(ends_sentence).or_else(|| ends(ends_clause)).unwrap_or(most)
}

/// Whether the words can be shown at once.
fn fits(words: &[Word]) -> bool {
    let [first, .., last] = words else { return true };
    let paused = words.windows(2).any(|pair| pair[1].start - pair[0].end >= PAUSE);
    !paused && last.end - first.start <= LONGEST && lines(words).is_some()
}

/// The words in one line or two; `None` if they do not fit. The break is where a clause ends, or else where the lines have the most
/// similar lengths.
fn lines(words: &[Word]) -> Option<Vec<String>> {
    let whole = crate::words::text_of(words);
    if columns(&whole) <= COLUMNS {
        return Some(vec![whole]);
    }
    let halves = (1..words.len()).filter_map(|at| {
        let (first, second) = (crate::words::text_of(&words[..at]), crate::words::text_of(&words[at..]));
        let (one, other) = (columns(&first), columns(&second));
        let clause = ends_clause(&words[at - 1].text);
        // A clause that ends is worth a line.
        let cost = one.abs_diff(other) + if clause { 0 } else { COLUMNS };
        (one <= COLUMNS && other <= COLUMNS).then_some((cost, vec![first, second]))
    });
    halves.min_by_key(|(cost, _)| *cost).map(|(_, lines)| lines)
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(letter: char) -> usize {
    let wide = is_unspaced(letter)
        || matches!(letter, '\u{3000}'..='\u{303F}' | '\u{AC00}'..='\u{D7AF}' | '\u{FF00}'..='\u{FF60}');
    if wide { 2 } else { 1 }
}

/// A word, in pieces if it is wider than a line.
fn broken(word: &Word) -> Vec<Word> {
    let all = columns(&word.text);
    if all <= COLUMNS {
        return vec![word.clone()];
    }
    let mut pieces: Vec<Word> = Vec::new();
    let (mut current, mut before, mut filled) = (String::new(), 0, 0);
    let at = |columns: usize| word.start + (word.end - word.start) * columns as f64 / all as f64;
    for letter in word.text.chars() {
        if filled + width(letter) > COLUMNS {
            pieces.push(piece(word, &mut current, [at(before), at(before + filled)], !pieces.is_empty()));
            (before, filled) = (before + filled, 0);
        }
        current.push(letter);
        filled += width(letter);
    }
    pieces.push(piece(word, &mut current, [at(before), word.end], !pieces.is_empty()));
    pieces
}

fn piece(word: &Word, text: &mut String, [start, end]: [f64; 2], later: bool) -> Word {
    let text = std::mem::take(text);
    Word { text, start, end, glued: word.glued || later }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words::split;

    fn timed(text: &str, seconds: f64) -> Vec<Word> {
        let words = split(text).into_iter().enumerate();
        let time = |at: usize| at as f64 * seconds;
        words.map(|(at, word)| Word { start: time(at), end: time(at + 1) - 0.05, ..word }).collect()
    }

    fn told(text: &str, seconds: f64) -> Vec<Vec<String>> {
        captions(&timed(text, seconds)).into_iter().map(|caption| caption.lines).collect()
    }

    #[test]
    fn captions_break_at_sentences_and_clauses() {
        let text = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your \
                    country. Thank you.";
        let expected = [
            ["And so, my fellow Americans,", "ask not what your country can do for you,"]
                .map(str::to_owned)
                .to_vec(),
            ["ask what you can do for your country.", "Thank you."].map(str::to_owned).to_vec(),
        ];
        assert_eq!(told(text, 0.3), expected);
        assert_eq!(told("Yes.", 0.3), [["Yes.".to_owned()]]);
        assert!(told("", 0.3).is_empty());
    }

    #[test]
    fn a_caption_stays_for_a_second_unless_the_next_one_comes_and_never_longer_than_seven() {
        let words = |times: &[(f64, f64)]| -> Vec<Word> {
            let word = |(start, end): &(f64, f64)| Word {
                text: "word".into(),
                start: *start,
                end: *end,
                glued: false,
            };
            times.iter().map(word).collect()
        };
        let shown = |times: &[(f64, f64)]| -> Vec<(f64, f64)> {
            captions(&words(times)).iter().map(|caption| (caption.start, caption.end)).collect()
        };
        assert_eq!(shown(&[(0.0, 0.2)]), [(0.0, 1.0)]);
        assert_eq!(shown(&[(0.0, 0.2), (1.5, 1.7)]), [(0.0, 1.0), (1.5, 2.5)]);
        assert_eq!(shown(&[(0.0, 60.0)]), [(0.0, 7.0)]);
        let at_once = shown(&[(1.0, 1.0); 60]);
        assert!(at_once.len() > 2 && at_once.iter().all(|(start, end)| end > start), "{at_once:?}");
    }

    #[test]
    fn a_word_wider_than_a_line_and_a_script_without_spaces_are_broken() {
        let lines = told(&"x".repeat(100), 1.0);
        assert_eq!(lines.concat().iter().map(String::len).collect::<Vec<_>>(), [42, 42, 16]);
        for lines in told(&"東京".repeat(40), 0.1) {
            assert!(lines.len() <= 2 && lines.iter().all(|line| columns(line) <= COLUMNS), "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn every_word_is_shown_once_and_every_caption_can_be_read(
            text in "([a-zA-Z]{1,12}[.,!?]? ){0,80}",
            seconds in 0.05_f64..3.0,
        ) {
            let words = timed(&text, seconds);
            let captions = captions(&words);
            let shown: Vec<String> = captions.iter().flat_map(|caption| caption.lines.clone()).collect();
            let whole: Vec<&str> = text.split_whitespace().collect();
            prop_assert_eq!(shown.join(" "), whole.join(" "));
            for caption in &captions {
                prop_assert!(caption.lines.len() <= 2 && !caption.lines.is_empty());
                prop_assert!(caption.lines.iter().all(|line| columns(line) <= COLUMNS));
                prop_assert!(caption.end - caption.start <= LONGEST + 1e-9 && caption.end > caption.start);
            }
            for pair in captions.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start + 1e-9);
            }
        }
    }
}
