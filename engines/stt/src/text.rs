//! Cleans what the decoder wrote: loops in its tokens, and stage directions in its text. Pure.

/// Fewest equal n-grams in a row that are a loop.
const LOOP: usize = 4;
/// Tokens of a loop that are always kept.
pub(crate) const KEPT_OF_LOOP: usize = 4;
/// The fastest speech, in tokens per second.
const FASTEST: f32 = 7.0;
/// Longest repetition, in tokens, that can be speech, however long the audio.
const LONGEST_REPETITION: usize = 32;
/// The longest n-gram that is looked for in a loop.
const LONGEST_PERIOD: usize = 24;

/// How many tokens at the end are a loop: an n-gram repeated more often than `seconds` of speech can hold. People do say
/// "no" seven times.
pub(crate) fn loop_length(tokens: &[i32], seconds: f32) -> Option<usize> {
    let most = ((FASTEST * seconds) as usize).min(LONGEST_REPETITION);
    let length = |period: usize| {
        let again = tokens.iter().rev().zip(tokens.iter().rev().skip(period));
        period + again.take_while(|(later, earlier)| later == earlier).count()
    };
    (1..=LONGEST_PERIOD.min(tokens.len() / LOOP))
        .map(|period| (period, length(period)))
        .find(|(period, length)| *length >= LOOP * period && *length > most)
        .map(|(_, length)| length)
}

/// Keeps one of the n-grams that repeat at the end.
pub(crate) fn cut_loop(tokens: &mut Vec<i32>, period: usize) {
    while tokens.len() >= 2 * period && {
        let (rest, last) = tokens.split_at(tokens.len() - period);
        rest.ends_with(last)
    } {
        tokens.truncate(tokens.len() - period);
    }
}

/// The length of a sentence that the tokens consist of, repeated faster than anybody speaks: a short sound that ends
/// without silence is transcribed that way.
pub(crate) fn echo_period(tokens: &[i32], seconds: f32) -> Option<usize> {
    const SENTENCE: usize = 3;
    if tokens.len() as f32 <= FASTEST * seconds {
        return None;
    }
    (SENTENCE..=tokens.len() / 2).find(|&period| {
        tokens.len().is_multiple_of(period)
            && tokens[period..].iter().zip(tokens).all(|(later, earlier)| later == earlier)
    })
}

/// The fastest speech, in words per second.
const FASTEST_WORDS: f32 = 4.5;

/// The text without its repetition, if it has more words than `seconds` of speech can hold: a sound that breaks off in
/// mid-sentence is transcribed that way.
pub(crate) fn once(text: &str, seconds: f32) -> &str {
    const SENTENCE: usize = 3;
    let words: Vec<(usize, String)> = words(text).collect();
    if words.len() as f32 <= FASTEST_WORDS * seconds {
        return text;
    }
    let again =
        |period: &usize| words[*period..].iter().zip(&words).all(|(later, earlier)| later.1 == earlier.1);
    // The last repetition may break off, but its beginning must be there.
    let longest = words.len().saturating_sub(SENTENCE);
    match (SENTENCE..=longest).find(again) {
        Some(period) => text[..words[period].0].trim_end(),
        None => text,
    }
}

/// Whether two texts differ only in case and punctuation.
pub(crate) fn same_words(one: &str, other: &str) -> bool {
    words(one).map(|(_, word)| word).eq(words(other).map(|(_, word)| word))
}

/// Whether a heard word begins like a phrase of one word and then differs: they share at least two letters and half of the
/// phrase's. "Nothing" contains all of "No", and is another word.
pub(crate) fn same_onset(heard: &str, phrase: &str) -> bool {
    const LEAST: usize = 2;
    let one = |text| {
        let mut words = words(text);
        words.next().filter(|_| words.next().is_none()).map(|(_, word)| word)
    };
    let (Some(heard), Some(phrase)) = (one(heard), one(phrase)) else { return false };
    let same = heard.chars().zip(phrase.chars()).take_while(|(a, b)| a == b).count();
    let length = phrase.chars().count();
    same >= LEAST && 2 * same >= length && same < length
}

/// How many letters a mostly spelled text has; 0 if it is not mostly spelled, such as "I, I, I think" and "U.S.A.".
pub(crate) fn letters(text: &str) -> usize {
    const LEAST_WORDS: usize = 4;
    const LEAST_LETTERS: usize = 3;
    let words: Vec<String> = words(text).map(|(_, word)| word).collect();
    let is_letter = |word: &&String| word.len() == 1 && word.as_bytes()[0].is_ascii_alphabetic();
    let mut letters: Vec<&String> = words.iter().filter(is_letter).collect();
    let count = letters.len();
    letters.sort();
    letters.dedup();
    let spelled = words.len() >= LEAST_WORDS && 2 * count > words.len() && letters.len() >= LEAST_LETTERS;
    if spelled { count } else { 0 }
}

/// Lower-case words, each with its byte offset.
fn words(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut rest = 0;
    text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter_map(move |word| {
        let start = rest;
        rest += word.len() + text[start + word.len()..].chars().next().map_or(0, char::len_utf8);
        (!word.is_empty()).then(|| (start, word.to_lowercase()))
    })
}

/// Text as it was spoken: without `[BLANK_AUDIO]`, `(music)`, `*sighs*` and notes, with single spaces; empty if no
/// letter or digit is left.
pub(crate) fn clean(text: &str) -> String {
    let mut spoken = String::with_capacity(text.len());
    let mut closing = None;
    for character in text.chars() {
        match (closing, character) {
            (Some(expected), found) if expected == found => closing = None,
            (Some(_), _) => {}
            (None, '[') => closing = Some(']'),
            (None, '(') => closing = Some(')'),
            (None, '{') => closing = Some('}'),
            (None, '*') => closing = Some('*'),
            (None, '♪' | '♫' | '♩' | '♬' | '�') => {}
            (None, _) => spoken.push(character),
        }
    }
    if !spoken.chars().any(char::is_alphanumeric) {
        return String::new();
    }
    spoken.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelled_letters_are_told_from_words_and_stutter() {
        for (text, count) in [
            ("s, h, a, y, and the.", 4),
            ("J, O, H, N.", 4),
            ("S-H-A-Y-N-E", 6),
            ("My name is Shayne, S, H, A.", 0),
            ("I, I, I think so.", 0),
            ("U.S.A.", 0),
            ("5, 5, 0, 1", 0),
            ("", 0),
        ] {
            assert_eq!(letters(text), count, "{text}");
        }
    }

    #[test]
    fn stage_directions_are_removed() {
        assert_eq!(clean(" [BLANK_AUDIO]"), "");
        assert_eq!(clean("(soft music) ♪ ..."), "");
        assert_eq!(clean(" Well, (coughs) it's  10:30. *sighs*"), "Well, it's 10:30.");
        assert_eq!(clean(" 今日は [音楽]"), "今日は");
    }

    #[test]
    fn a_sentence_repeated_faster_than_anybody_speaks_is_an_echo() {
        let twice = [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6];
        assert_eq!(echo_period(&twice, 1.4), Some(6));
        assert_eq!(echo_period(&twice, 3.0), None);
        assert_eq!(echo_period(&twice[..11], 1.0), None);
        assert_eq!(echo_period(&[1, 2, 1, 2], 0.2), None, "\"no, no\" is often said");
    }

    #[test]
    fn a_repetition_too_long_for_the_sound_is_removed() {
        let cut = "I would like to book";
        for (text, seconds, expected) in [
            (
                "I would like to book. I would like to book. I would like to book.",
                1.6,
                "I would like to book.",
            ),
            ("I would like to book... I'd like", 1.0, "I would like to book... I'd like"),
            ("I would like to book, I would like", 1.3, "I would like to book,"),
            ("No, no, no. No, no, no, no.", 1.0, "No, no, no."),
            ("What I want, what I want.", 2.5, "What I want, what I want."),
            (cut, 0.5, cut),
            ("今日は", 0.1, "今日は"),
            ("", 0.0, ""),
        ] {
            assert_eq!(once(text, seconds), expected, "{text}");
        }
        assert!(same_words("Stop!", " stop.") && !same_words("Stop it.", "Stop."));
    }

    #[test]
    fn words_with_the_same_onset_share_two_letters_and_half_of_the_phrase() {
        for (heard, phrase, same) in [
            ("Stomper.", "Stop.", true),
            ("Starb", "Stop.", true),
            ("Stop it, please", "Stop.", false),
            ("Paris.", "Stop.", false),
            ("So", "Sorry?", false),
            ("Nope.", "No.", false),
            ("Nothing.", "No.", false),
            ("", "No.", false),
        ] {
            assert_eq!(same_onset(heard, phrase), same, "{heard} {phrase}");
        }
    }

    #[test]
    fn a_repetition_is_a_loop_if_the_speech_cannot_hold_it() {
        let twice = |times: usize| [1, 2].repeat(times);
        for (case, tokens, seconds, expected) in [
            ("seven times no", twice(7), 2.2, None),
            ("seven times no in a second", twice(7), 1.0, Some(14)),
            ("four times no in no time", twice(4), 0.5, Some(8)),
            ("three times is no loop", twice(3), 0.1, None),
            ("not from the beginning", [vec![9, 8], twice(9)].concat(), 1.0, Some(18)),
            ("words behind it", [twice(9), vec![3]].concat(), 1.0, None),
            ("for ever", vec![5; 33], 28.0, Some(33)),
            ("a sentence over and over", [1, 2, 3, 4, 5, 6, 7, 8].repeat(5), 20.0, Some(40)),
            ("nothing", Vec::new(), 0.0, None),
        ] {
            assert_eq!(loop_length(&tokens, seconds), expected, "{case}");
        }
    }

    #[test]
    fn one_of_the_n_grams_is_kept() {
        let mut tokens = vec![9, 1, 2, 1, 2, 1, 2, 1, 2];
        cut_loop(&mut tokens, 2);
        assert_eq!(tokens, [9, 1, 2]);
    }
}
