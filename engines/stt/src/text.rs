//! Pure work on what the decoder said: loops in its tokens, and text without stage directions.

/// The period of a loop at the tail: the same n-gram at least `times` times in a row.
pub(crate) fn loop_period(tokens: &[i32], times: usize) -> Option<usize> {
    let tail_repeats = |period: usize| {
        let tail = &tokens[tokens.len() - period * times..];
        tail[period..].iter().zip(tail).all(|(later, earlier)| later == earlier)
    };
    (1..=tokens.len() / times).find(|&period| tail_repeats(period))
}

/// Leaves one of the n-grams that repeat at the tail.
pub(crate) fn cut_loop(tokens: &mut Vec<i32>, period: usize) {
    while tokens.len() >= 2 * period && {
        let (rest, last) = tokens.split_at(tokens.len() - period);
        rest.ends_with(last)
    } {
        tokens.truncate(tokens.len() - period);
    }
}

/// The period of a sentence that is all that was said, and was said more than once, faster than anybody speaks: a short
/// sound that ends without silence is transcribed so.
pub(crate) fn echo_period(tokens: &[i32], seconds: f32) -> Option<usize> {
    const SENTENCE: usize = 3;
    const FASTEST: f32 = 7.0;
    if tokens.len() as f32 <= FASTEST * seconds {
        return None;
    }
    (SENTENCE..=tokens.len() / 2).find(|&period| {
        tokens.len().is_multiple_of(period)
            && tokens[period..].iter().zip(tokens).all(|(later, earlier)| later == earlier)
    })
}

/// Text as it was spoken: without `[BLANK_AUDIO]`, `(music)`, `*sighs*` and notes, in single spaces; empty when no
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
    fn stage_directions_are_no_speech() {
        assert_eq!(clean(" [BLANK_AUDIO]"), "");
        assert_eq!(clean("(soft music) ♪ ..."), "");
        assert_eq!(clean(" Well, (coughs) it's  10:30. *sighs*"), "Well, it's 10:30.");
        assert_eq!(clean(" 今日は [音楽]"), "今日は");
    }

    #[test]
    fn a_sentence_said_twice_faster_than_anybody_speaks_was_said_once() {
        let twice = [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6];
        assert_eq!(echo_period(&twice, 1.4), Some(6));
        assert_eq!(echo_period(&twice, 3.0), None);
        assert_eq!(echo_period(&twice[..11], 1.0), None);
        assert_eq!(echo_period(&[1, 2, 1, 2], 0.2), None, "\"no, no\" is often said");
    }

    #[test]
    fn a_loop_is_four_equal_n_grams_at_the_tail() {
        assert_eq!(loop_period(&[9, 1, 2, 1, 2, 1, 2, 1, 2], 4), Some(2));
        assert_eq!(loop_period(&[5, 5, 5, 5], 4), Some(1));
        assert_eq!(loop_period(&[1, 2, 1, 2, 1, 2, 3], 4), None);
        assert_eq!(loop_period(&[], 4), None);
        let mut tokens = vec![9, 1, 2, 1, 2, 1, 2, 1, 2];
        cut_loop(&mut tokens, 2);
        assert_eq!(tokens, [9, 1, 2]);
    }
}
