//! Halves a part that is too long for one network run, or that is interrupted again and again. Pure.

use std::ops::Range;

use crate::text::{Clause, Part};

/// Characters of a part whose run takes no call's time worth mentioning: some 50 ms of Piper's on two cores.
const BRIEF: usize = 16;

/// Halves the part at `next`, so that it fits between what is spoken for calls; false: it is brief, or cannot be halved.
pub(crate) fn shorten(text: &str, parts: &mut Vec<Part>, next: usize) -> bool {
    let part = &parts[next];
    if text[part.range.clone()].trim().chars().count() <= BRIEF {
        return false;
    }
    let Some(halves) = halves(text, part) else { return false };
    parts.splice(next..=next, halves);
    true
}

/// Splits the part in two: between clauses, otherwise between words, otherwise between characters. None: it is one character.
pub(crate) fn halves(text: &str, part: &Part) -> Option<[Part; 2]> {
    let middle = part.range.start.midpoint(part.range.end);
    let (first, second) = match part.clauses.as_slice() {
        [] => return None,
        [only] => {
            let [first, second] = cut(text, only)?;
            (vec![first], vec![second])
        }
        clauses => {
            let distance = |at: &usize| clauses[*at].range.start.abs_diff(middle);
            let at = (1..clauses.len()).min_by_key(distance)?;
            (clauses[..at].to_vec(), clauses[at..].to_vec())
        }
    };
    let border = second[0].range.start;
    Some([
        Part { range: part.range.start..border, clauses: first },
        Part { range: border..part.range.end, clauses: second },
    ])
}

fn cut(text: &str, clause: &Clause) -> Option<[Clause; 2]> {
    let Range { start, end } = clause.range;
    let written = start + text[start..end].trim_end().len();
    let middle = start.midpoint(written);
    let nearest = |begins: &dyn Fn(usize, char) -> bool| {
        let inner = text[start..written].char_indices().map(|(at, c)| (start + at, c));
        inner
            .filter(|&(at, c)| at > start && begins(at, c))
            .map(|(at, _)| at)
            .min_by_key(|at| at.abs_diff(middle))
    };
    let after_space = |at: usize, _| text[..at].ends_with(char::is_whitespace);
    let at = nearest(&after_space).or_else(|| nearest(&|_, _| true))?;
    let (mut first, mut second) = (clause.clone(), clause.clone());
    (first.range.end, first.mark) = (at, None);
    second.range.start = at;
    Some([first, second])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parts;

    fn split(text: &str) -> Option<[String; 2]> {
        let part = parts(text).swap_remove(0);
        halves(text, &part).map(|halves| halves.map(|half| text[half.range].to_owned()))
    }

    #[test]
    fn a_part_is_halved_at_a_clause_then_at_a_word_then_anywhere() {
        assert_eq!(split("One, two three, four."), Some(["One, ".into(), "two three, four.".into()]));
        assert_eq!(split("one two three four"), Some(["one two ".into(), "three four".into()]));
        assert_eq!(split("好好好好"), Some(["好好".into(), "好好".into()]));
        assert_eq!(split("好"), None);
        assert_eq!(split("..."), None);
    }

    #[test]
    fn a_part_is_shortened_until_it_is_brief_and_nothing_of_it_is_lost() {
        let text = "A long sentence, which goes on without end; it is interrupted all the time.";
        let mut parts = parts(text);
        assert_eq!(parts.len(), 1);
        let (mut next, mut shortened) = (0, 0);
        while next < parts.len() {
            if shorten(text, &mut parts, next) {
                shortened += 1;
                assert!(shortened < 20, "it ends");
            } else {
                next += 1;
            }
        }
        assert!(parts.iter().all(|part| text[part.range.clone()].trim().chars().count() <= BRIEF));
        let whole: String = parts.iter().map(|part| &text[part.range.clone()]).collect();
        assert_eq!(whole, text);
    }

    #[test]
    fn halves_tile_the_part_and_the_last_keeps_the_punctuation() {
        let text = "some words that go on and on? ";
        let part = parts(text).swap_remove(0);
        let [first, second] = halves(text, &part).unwrap();
        assert_eq!(
            (first.range.start, first.range.end, second.range.end),
            (0, second.range.start, text.len())
        );
        assert_eq!((first.clauses[0].mark, second.clauses[0].mark), (None, Some('?')));
    }
}
