//! Written words, split from their punctuation, and a rule's view of them.

use super::{Lexicon, markup};

/// A written word, cleaned of markup and split from its punctuation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// The word as written.
    pub(super) written: &'a str,
    /// Brackets and quotes before the word.
    pub(super) lead: String,
    pub(super) core: String,
    /// Punctuation after the word.
    pub(super) tail: String,
    /// Whether the word begins a line.
    pub(super) first: bool,
}

impl Token<'_> {
    /// Whether a full stop follows immediately.
    pub(super) fn is_stopped(&self) -> bool {
        self.tail.starts_with('.')
    }

    /// Whether the word begins with a capital.
    pub(super) fn is_capital(&self) -> bool {
        self.core.starts_with(char::is_uppercase)
    }

    /// Whether punctuation after the word makes a pause; a full stop, which may belong to the word, does not count.
    pub(super) fn pauses(&self) -> bool {
        !matches!(self.tail.as_str(), "" | ".")
    }
}

/// The tokens of a text, in order; rules and fences have none.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for line in markup::lines(text) {
        let from = tokens.len();
        for word in markup::words(line) {
            tokens.push(split(word, &markup::clean(word), tokens.len() == from));
        }
    }
    tokens
}

/// Splits a word from the quotes, brackets and stops around it.
fn split<'a>(written: &'a str, word: &str, first: bool) -> Token<'a> {
    const LEAD: &[char] = &['(', '"', '\'', '“', '‘', '„', '«', '¿', '¡'];
    const TAIL: &[char] = &['.', ',', ';', ':', '!', '?', ')', '"', '\'', '”', '’', '“', '»', '…'];
    let rest = word.trim_start_matches(LEAD);
    let lead = &word[..word.len() - rest.len()];
    let core = rest.trim_end_matches(TAIL);
    Token { written, lead: lead.into(), core: core.into(), tail: rest[core.len()..].into(), first }
}

/// What is said for one or more consecutive written words: a text for each, empty if another word's text covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading(pub(super) Vec<String>);

impl Reading {
    pub(super) fn one(text: impl Into<String>) -> Self {
        Self(vec![text.into()])
    }

    pub(super) fn two(first: impl Into<String>, second: impl Into<String>) -> Self {
        Self(vec![first.into(), second.into()])
    }
}

/// A token and its neighbours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) tokens: &'a [Token<'a>],
    pub(super) at: usize,
    pub(super) lexicon: &'static Lexicon,
    /// Whether dates have the day first: "3/4" is the third of April.
    pub(super) day_first: bool,
    /// Whether the whole text is written in capitals.
    pub(super) shouting: bool,
}

impl<'a> Here<'a> {
    pub(super) fn token(&self) -> &'a Token<'a> {
        &self.tokens[self.at]
    }

    pub(super) fn core(&self) -> &'a str {
        &self.token().core
    }

    /// The token `steps` ahead; negative: back.
    pub(super) fn other(&self, steps: isize) -> Option<&'a Token<'a>> {
        self.tokens.get(self.at.checked_add_signed(steps)?)
    }

    /// The word before this one, whatever is between them.
    pub(super) fn previous(&self) -> &'a str {
        self.other(-1).map_or("", |token| token.core.as_str())
    }

    /// The word after this one, whatever is between them.
    pub(super) fn next(&self) -> &'a str {
        self.other(1).map_or("", |token| token.core.as_str())
    }

    /// The word `steps` ahead, unless there is a pause before it.
    pub(super) fn joined(&self, steps: usize) -> Option<&'a Token<'a>> {
        let between = self.tokens.get(self.at..self.at + steps)?;
        let next = self.tokens.get(self.at + steps)?;
        (next.lead.is_empty() && !between.iter().any(Token::pauses)).then_some(next)
    }

    /// The word before this one, unless there is a pause between them.
    pub(super) fn joined_before(&self) -> Option<&'a Token<'a>> {
        self.other(-1).filter(|before| !before.pauses() && self.token().lead.is_empty())
    }

    /// Whether the measure that ends at this token describes the word after it: "a 5 min walk", not "5 min later".
    /// `from`: number of tokens from the measure's number to this one.
    pub(super) fn describes(&self, from: usize) -> bool {
        let noun = self.joined(1);
        let determined = self.other(-(isize::try_from(from).unwrap_or(0)) - 1);
        let determined = determined
            .is_some_and(|word| self.lexicon.determiners.contains(&word.core.to_lowercase().as_str()));
        determined && noun.is_some_and(|noun| is_noun(&noun.core))
    }
}

/// Whether a word can be a noun that the measure before it describes.
pub(super) fn is_noun(word: &str) -> bool {
    const OTHERS: &[&str] = &[
        "in", "to", "for", "of", "and", "or", "on", "at", "by", "from", "per", "a", "an", "the", "each",
        "more", "less", "is", "are", "was", "were", "will", "would", "this", "that", "as", "with", "over",
        "last", "ago", "if", "but", "when", "than", "after", "before", "off", "away", "long", "tall", "high",
        "wide", "deep", "later", "earlier", "apart", "today", "every", "because", "so", "which", "who",
        "until", "up", "down", "he", "she", "it", "they", "we", "you", "has", "have", "had", "can", "should",
        "not", "into", "out", "went", "goes", "makes", "made",
    ];
    word.len() > 2 && word.chars().all(|c| c.is_lowercase() || c == '-') && !OTHERS.contains(&word)
}
