//! What a voice should say of a written phrase: no markup and no emoji, numbers as people repeat them, addresses by their
//! names. What espeak-ng reads well in its language is left to it. Pure.
//!
//! Every written word yields what is spoken for it, so that an interruption can be told in written words.
//!
//! - `markup`: what is for the eye alone; `digits`: numbers that are names, digit by digit
//! - `numbers`: dates, times, ranges, signs, units; `names`: addresses, spellings, titles, abbreviations
//! - `tongue`: the words of each language

mod digits;
mod markup;
mod names;
mod numbers;
mod tongue;

use crate::frame::WrittenWord;
use tongue::Tongue;

/// A phrase as it is to be spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Speakable {
    /// Empty when there is nothing to say.
    pub text: String,
    /// Which of its bytes say which written word.
    pub words: Vec<WrittenWord>,
}

/// A written word without its punctuation, and its neighbours.
#[derive(Debug, Clone, Copy)]
struct Word<'a> {
    core: &'a str,
    /// The punctuation after it.
    tail: &'a str,
    /// The words before it, the nearest last.
    before: &'a [Bare],
    after: &'a [Bare],
}

/// A written word, cleaned and split from its punctuation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Bare {
    lead: String,
    core: String,
    tail: String,
}

/// What is said for a word.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    text: String,
    /// The full stop after the word belonged to it.
    with_stop: bool,
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, with_stop: false }
    }
}

impl Word<'_> {
    fn previous(&self) -> &str {
        self.before.last().map_or("", |word| word.core.as_str())
    }

    fn next(&self) -> &str {
        self.after.first().map_or("", |word| word.core.as_str())
    }

    fn stopped(&self) -> bool {
        self.tail.starts_with('.')
    }
}

/// The phrase as it is to be spoken in `language` (ISO 639-1; empty: English).
#[must_use]
pub fn speakable(text: &str, language: &str) -> Speakable {
    let tongue = Tongue::of(language);
    let written: Vec<&str> = markup::words(text);
    let bare: Vec<Bare> = written.iter().map(|word| split(&markup::clean(word))).collect();
    let mut spoken = digits::long_numbers(&bare, tongue);
    for (at, said) in spoken.iter_mut().enumerate() {
        let word =
            Word { core: &bare[at].core, tail: &bare[at].tail, before: &bare[..at], after: &bare[at + 1..] };
        if said.is_none() && !word.core.is_empty() {
            *said = digits::say(&word, tongue)
                .or_else(|| numbers::say(&word, tongue))
                .or_else(|| names::say(&word, tongue));
        }
    }
    let out = join(&written, &bare, &spoken);
    if out.text.chars().any(char::is_alphanumeric) { out } else { letters_of(text) }
}

fn join(written: &[&str], bare: &[Bare], spoken: &[Option<Said>]) -> Speakable {
    let mut out = Speakable::default();
    for ((word, bare), said) in written.iter().zip(bare).zip(spoken) {
        let (core, with_stop) = said.as_ref().map_or((bare.core.as_str(), false), |s| (&s.text, s.with_stop));
        let tail = if with_stop { bare.tail.strip_prefix('.').unwrap_or("") } else { &bare.tail };
        let whole = format!("{}{core}{tail}", bare.lead);
        if whole.is_empty() {
            continue;
        }
        if !out.text.is_empty() {
            out.text.push(' ');
        }
        let from = out.text.len();
        out.text.push_str(&whole);
        out.words.push(WrittenWord { word: (*word).to_owned(), spoken: from..out.text.len() });
    }
    out
}

/// Better the bare letters than nothing, where all of a phrase looked like markup.
fn letters_of(text: &str) -> Speakable {
    let text: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Speakable { text, words: Vec::new() }
}

/// Splits a word from the quotes, brackets and stops around it.
fn split(word: &str) -> Bare {
    const LEAD: &[char] = &['(', '"', '\'', '“', '‘', '„', '«', '¿', '¡'];
    const TAIL: &[char] = &['.', ',', ';', ':', '!', '?', ')', '"', '\'', '”', '’', '“', '»', '…'];
    let rest = word.trim_start_matches(LEAD);
    let lead = &word[..word.len() - rest.len()];
    let core = rest.trim_end_matches(TAIL);
    Bare { lead: lead.into(), core: core.into(), tail: rest[core.len()..].into() }
}

fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
