//! What happens to a job and is seen nowhere else on the disk, as lines of its journal. Pure.
//!
//! That an item is done is no fact of the journal: its result says so. So there is nothing that could be written of it and its result
//! be lost, or the other way round.

use serde::{Deserialize, Serialize};

/// Longest reason, in bytes: an item has no more of the disk for it, and a job no more of the memory.
const LONGEST_REASON: usize = 300;
/// What stands for the rest of a longer one.
const CUT: char = '…';

/// A line of a job's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "lowercase")]
pub enum Fact {
    /// An item failed.
    Failed {
        /// Its number.
        item: u32,
        /// Why, for the client.
        reason: String,
    },
    /// All failed items are to be tried again.
    Retried,
    /// No further item is begun.
    Cancelled,
    /// Nothing is left to do.
    Ended {
        /// Since when, in seconds since 1970.
        at: u64,
    },
}

impl Fact {
    /// An item failed; the reason is cut to what a journal takes.
    #[must_use]
    pub fn failed(item: u32, reason: &str) -> Self {
        Self::Failed { item, reason: short(reason) }
    }
}

/// A reason in one line of bounded length.
pub(crate) fn short(reason: &str) -> String {
    let plain =
        |part: &str| -> String { part.chars().map(|one| if one.is_control() { ' ' } else { one }).collect() };
    if reason.len() <= LONGEST_REASON {
        return plain(reason);
    }
    let mut short = plain(&reason[..reason.floor_char_boundary(LONGEST_REASON - CUT.len_utf8())]);
    short.push(CUT);
    short
}

/// A journal as far as it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Read {
    /// Its facts.
    pub facts: Vec<Fact>,
    /// Bytes of its whole lines; what follows them was cut off while it was written, and never happened.
    pub whole: usize,
}

/// Reads a journal. Lines that a newer version wrote are left out.
#[must_use]
pub fn read(journal: &[u8]) -> Read {
    let whole = journal.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = journal[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Read { facts: lines.filter_map(|line| serde_json::from_slice(line).ok()).collect(), whole }
}

/// A fact as a line.
#[must_use]
pub fn line(fact: &Fact) -> Vec<u8> {
    // Numbers and texts always have a form in JSON.
    let mut line = serde_json::to_vec(fact).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters_and_stays_one_line() {
        assert_eq!(short("two\nlines\u{1b}[0m"), "two lines [0m");
        assert_eq!(short(&"x".repeat(300)), "x".repeat(300));
        for letter in ["x", "é", "日", "🙂"] {
            let cut = short(&letter.repeat(1_000));
            assert!(cut.len() <= 300 && cut.len() > 290, "{letter}: {}", cut.len());
            assert!(cut.ends_with('…') && cut.trim_end_matches('…').ends_with(letter), "{cut}");
        }
        assert!(line(&Fact::failed(u32::MAX, &"\"\n".repeat(1_000))).len() < 1_024);
    }

    #[test]
    fn a_journal_is_read_up_to_its_last_whole_line_wherever_it_is_cut() {
        let facts = [
            Fact::Failed { item: 3, reason: "two\nlines".into() },
            Fact::Retried,
            Fact::Cancelled,
            Fact::Ended { at: 7 },
        ];
        let lines: Vec<Vec<u8>> = facts.iter().map(line).collect();
        let journal = lines.concat();
        for cut in 0..=journal.len() {
            let mut whole = 0;
            let count = lines
                .iter()
                .take_while(|line| {
                    whole += line.len();
                    whole <= cut
                })
                .count();
            let found = read(&journal[..cut]);
            assert_eq!(found.facts, facts[..count], "cut at {cut}");
            assert_eq!(found.whole, lines[..count].iter().map(Vec::len).sum::<usize>(), "cut at {cut}");
        }
        assert_eq!(read(b"{\"fact\":\"moved\"}\n{\"fact\":\"retried\"}\n").facts, [Fact::Retried]);
    }
}
