//! Text normalisation: turns a written segment into the text that a voice speaks, without markup and emoji, with numbers and
//! addresses as people say them. What espeak-ng reads correctly in a language is left unchanged. Pure.
//!
//! Every written word keeps the range of spoken text that says it, so that an interrupted response is cut in written words.
//!
//! - `markup`, `fold`, `formula`: the text without what is only meant to be seen, split into tokens
//! - `kinds`: the ordered table of readings, one file for each (`money`, `date`, `clock`, …); conflicts are decided there
//! - `sentence`: whether a full stop ends a sentence; also used by `segments`
//! - `tongue`: the words of each language

mod abbreviation;
mod acronym;
mod address;
mod amount;
mod calculation;
mod clock;
mod code;
mod date;
mod fold;
mod formula;
mod fraction;
mod kinds;
mod letters;
mod markup;
mod maths;
mod money;
mod names;
mod number;
mod ordinal;
mod phone;
mod quantity;
mod roman;
pub(crate) mod sentence;
mod token;
mod tongue;
mod unit;
mod year;

use token::{Here, Token};
pub(crate) use tongue::Lexicon;
use visavis_core::frame::WrittenWord;

/// A segment as it is spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Speakable {
    /// Empty if there is nothing to say.
    pub text: String,
    /// The bytes of `text` that say each written word, in order.
    pub words: Vec<WrittenWord>,
}

/// Normalises a segment for a voice in `language` (ISO 639-1, optionally with a region that decides the order of dates;
/// empty: English).
#[must_use]
pub fn speakable(text: &str, language: &str) -> Speakable {
    let lexicon = Lexicon::of(language);
    let day_first = !lexicon.english || tongue::day_first(language);
    let mut tokens = token::tokens(text);
    let mut spoken = formula::read(&mut tokens, lexicon);
    let shouting = acronym::is_shouted(&tokens);
    let mut at = 0;
    while at < tokens.len() {
        let here = Here { tokens: &tokens, at, lexicon, day_first, shouting };
        let reading = if spoken[at].is_some() || here.core().is_empty() { None } else { kinds::read(&here) };
        let Some(reading) = reading else {
            at += 1;
            continue;
        };
        for said in reading.0 {
            if at < tokens.len() && spoken[at].is_none() {
                spoken[at] = Some(said);
                at += 1;
            }
        }
    }
    let out = join(&tokens, &spoken, lexicon);
    if out.text.chars().any(char::is_alphanumeric) { out } else { letters_of(text) }
}

/// The locale of a voice named as Piper does, such as "en_GB-alba-medium", if it speaks `language`; otherwise the language.
/// Of Kokoro's names, such as "bf_emma", those of British voices matter: only English is written differently by region.
#[must_use]
pub fn locale(language: &str, voice: &str) -> String {
    if language == "en" && (voice.starts_with("bf_") || voice.starts_with("bm_")) {
        return "en_GB".to_owned();
    }
    let named = voice.split('-').next().unwrap_or("");
    let same = named.split_once('_').is_some_and(|(spoken, region)| spoken == language && region.len() == 2);
    if same { named } else { language }.to_owned()
}

fn join(tokens: &[Token<'_>], spoken: &[Option<String>], lexicon: &'static Lexicon) -> Speakable {
    let mut out = Speakable::default();
    for (at, (token, said)) in tokens.iter().zip(spoken).enumerate() {
        let core = said.as_deref().unwrap_or(&token.core);
        let stop = if token.is_stopped() { sentence::mark(tokens, at, said.is_some(), lexicon) } else { "" };
        let tail = format!("{stop}{}", token.tail.strip_prefix('.').unwrap_or(&token.tail));
        if core.chars().any(is_heard) {
            if !out.text.is_empty() {
                out.text.push(' ');
            }
            let from = out.text.len();
            out.text += &token.lead;
            out.text += core;
            out.text += &tail;
            out.words.push(WrittenWord { word: token.written.to_owned(), spoken: from..out.text.len() });
        } else if token.written.len() > 1 && token.written.starts_with([':', ';']) {
            // An emoticon, such as ":)".
        } else if let Some(mark) = core.chars().chain(tail.chars()).find(|c| ".,;:!?…".contains(*c)) {
            // Punctuation without a word is attached to the word before it.
            if out.text.ends_with(char::is_alphanumeric) {
                out.text.push(mark);
            }
        }
    }
    out
}

/// Whether a character is a letter, a digit or a sign that espeak-ng says by a word.
fn is_heard(c: char) -> bool {
    c.is_alphanumeric() || "%&+=@#/$€£¥°×÷".contains(c)
}

/// Fallback if a whole segment looked like markup: its bare letters are better than silence.
fn letters_of(text: &str) -> Speakable {
    let text: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Speakable { text, words: Vec::new() }
}

#[cfg(test)]
mod field_tests;
#[cfg(test)]
mod tests;
