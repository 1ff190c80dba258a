//! The speakers of a model that has many, such as the 904 of a voice made from LibriTTS. They are numbered from 0 and differ
//! only in sound, so they are not listed as voices: requests name them `voice#12`, or by a name in the model's description.
//! Pure.

use std::collections::HashMap;

/// Longest name of a speaker, in bytes; longer ones are known by their number alone.
const LONGEST_NAME: usize = 64;

/// Numbered speakers; none by default.
#[derive(Debug, Default)]
pub(crate) struct Numbered {
    count: usize,
    names: HashMap<String, usize>,
}

impl Numbered {
    /// `count` speakers, some with names. Names that requests cannot contain and numbers that do not exist are dropped.
    pub(crate) fn new(count: usize, names: HashMap<String, i64>) -> Self {
        let number = |id: i64| usize::try_from(id).ok().filter(|id| *id < count);
        let named = names.into_iter().filter(|(name, _)| is_plain(name));
        let names = named.filter_map(|(name, id)| Some((name, number(id)?))).collect();
        Self { count, names }
    }

    /// The number of speakers.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The speaker of this number or, if there is none, of this name.
    pub(crate) fn find(&self, asked: &str) -> Option<usize> {
        let number = asked.parse::<usize>().ok().filter(|number| *number < self.count);
        number.or_else(|| self.names.get(asked).copied())
    }
}

/// Whether a request can contain the name after a voice's.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speaker_is_found_by_number_and_by_a_simple_name() {
        let names = [("p225", 0_i64), ("100", 1), ("two words", 1), ("gone", 9), ("negative", -1)];
        let speakers = Numbered::new(3, names.map(|(name, id)| (name.to_owned(), id)).into());
        for (asked, speaker) in [
            ("0", Some(0)),
            ("2", Some(2)),
            ("p225", Some(0)),
            ("100", Some(1)),
            ("3", None),
            ("-1", None),
            ("", None),
            ("two words", None),
            ("gone", None),
            ("negative", None),
        ] {
            assert_eq!(speakers.find(asked), speaker, "{asked:?}");
        }
        assert_eq!((Numbered::default().find("0"), Numbered::default().count()), (None, 0));
    }
}
