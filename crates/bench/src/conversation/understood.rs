//! Whether what is hard to hear was understood, in the scenarios that are made for it. Pure.

use super::judge::{Observed, Turn};
use super::measure::{Measure, Run, all_of};
use crate::harness::words::words;

/// More words than were said in all that may be heard of a word that breaks off.
const GUESSED: usize = 2;
/// How many more or fewer equal digits in a row may be heard: nothing around them tells their number.
const MISCOUNTED: usize = 1;

/// The measures of all runs.
pub(super) fn understood(runs: &[Run]) -> Vec<Measure> {
    let measure = |scenario: &str, name: &str, good: fn(&Observed) -> bool| {
        let played = |run: &&Run| run.scenario == scenario && run.fault.is_none() && run.observed.missed == 0;
        let of: Vec<&Run> = runs.iter().filter(played).collect();
        all_of(name, of.iter().filter(|run| good(&run.observed)).count(), of.len())
    };
    vec![
        measure("soft-stop", "soft \"Stop.\" heard as that word", stop),
        measure("digits", "numbers, and the words behind them", number),
        measure("mute", "sentences that a mute did not repeat", once),
        measure("another-language", "words of another language, in it", last_line),
    ]
}

fn heard(observed: &Observed) -> Vec<String> {
    words(&observed.transcript)
}

fn said(turn: &Turn) -> Vec<String> {
    words(&turn.said)
}

/// Whether "Stop." was heard as that word.
fn stop(observed: &Observed) -> bool {
    heard(observed).iter().any(|word| word == "stop")
}

/// Whether the digits are those said, and the last word as well.
fn number(observed: &Observed) -> bool {
    observed.turns.first().is_some_and(|turn| {
        is_same_number(&turn.said, &observed.transcript) && said(turn).last() == heard(observed).last()
    })
}

/// Whether no more words were heard than said.
fn once(observed: &Observed) -> bool {
    let said: usize = observed.turns.iter().map(|turn| said(turn).len()).sum();
    heard(observed).len() <= said + GUESSED
}

/// Whether at least half of the last line's words were heard as they were said: a translation has none of them.
fn last_line(observed: &Observed) -> bool {
    let heard = heard(observed);
    observed.turns.last().is_some_and(|turn| {
        let said = said(turn);
        2 * said.iter().filter(|word| heard.contains(word)).count() >= said.len()
    })
}

/// Equal digits in a row.
struct Row {
    digit: char,
    count: usize,
}

fn is_same_number(said: &str, heard: &str) -> bool {
    let (said, heard) = (digits(said), digits(heard));
    let same = |(a, b): (&Row, &Row)| a.digit == b.digit && a.count.abs_diff(b.count) <= MISCOUNTED;
    said.len() == heard.len() && said.iter().zip(&heard).all(same)
}

/// The digits of a text, written as such or in words.
fn digits(text: &str) -> Vec<Row> {
    const NAMES: [&str; 10] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let mut rows: Vec<Row> = Vec::new();
    for word in words(text) {
        let named = NAMES.iter().zip('0'..='9').find(|(name, _)| **name == word).map(|(_, digit)| digit);
        for digit in named.into_iter().chain(word.chars().filter(char::is_ascii_digit)) {
            match rows.last_mut().filter(|row| row.digit == digit) {
                Some(row) => row.count += 1,
                None => rows.push(Row { digit, count: 1 }),
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(scenario: &'static str, said: &[&str], transcript: &str) -> Run {
        let turn = |said: &&str| Turn {
            said: (*said).to_owned(),
            answered: true,
            voice_to_voice_ms: None,
            audible_early_ms: None,
            taken_early: false,
        };
        let turns = said.iter().map(turn).collect();
        let observed = Observed { turns, transcript: transcript.to_owned(), ..Observed::default() };
        Run {
            scenario,
            mid_sentence: false,
            beside: false,
            repetition: 0,
            speaker: "af_heart",
            cpu_seconds: None,
            fault: None,
            observed,
        }
    }

    /// The verdict of the only measure that a run has.
    fn passed(run: Run) -> bool {
        let measures = understood(&[run]);
        let verdicts: Vec<bool> = measures.iter().filter_map(|one| one.passed).collect();
        assert_eq!(verdicts.len(), 1, "{measures:?}");
        verdicts[0]
    }

    #[test]
    fn a_number_may_be_written_in_digits_and_must_be_the_one_said_with_the_words_behind_it() {
        let line = "My number is five five five five, zero zero zero zero, one, can you remember it?";
        for (transcript, right) in [
            ("My number is 5555 0000 1. Can you remember it?", true),
            ("My number is five, five, five, five, zero, zero, zero, zero, one, can you remember it?", true),
            ("My number is 555-550-0001. Can you remember it?", true),
            ("My number is 5555.", false),
            ("My number is 5555 0000 1", false),
            ("My number is 55550 0000 2. Can you remember it?", false),
            ("My number is 555555 0000 1. Can you remember it?", false),
        ] {
            assert_eq!(passed(run("digits", &[line], transcript)), right, "{transcript}");
        }
    }

    #[test]
    fn a_sentence_that_a_mute_repeats_is_found() {
        let said = ["How far away is", "How far away is the moon?"];
        let heard = "How far away is the How far away is the moon?";
        assert!(passed(run("mute", &said, heard)));
        assert!(!passed(run("mute", &said, &format!("How far away is it? {heard}"))));
    }

    #[test]
    fn another_word_than_stop_and_a_translation_are_found() {
        let story = "Tell me a long story.";
        assert!(passed(run("soft-stop", &[story, "Stop."], "Tell me a long story. Stop!")));
        assert!(!passed(run("soft-stop", &[story, "Stop."], "Tell me a long story. Start!")));
        let thanks = ["Why is the sky blue?", "Merci beaucoup, au revoir."];
        assert!(passed(run("another-language", &thanks, "Why is the sky blue? Merci beaucoup au revoir.")));
        assert!(!passed(run("another-language", &thanks, "Why is the sky blue? Thank you very much.")));
    }
}
