//! The answer in work: its marks, and what of it has been heard.

use crate::event::{CallEvent, TurnMarks};
use crate::frame::{ResponseId, WordTime};

use super::tools::Used;
use super::holding_after;

/// How much of the text before the voice may come back as an echo.
const ECHO_CHARS: usize = 200;

/// One answer, from its start to its one end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) id: ResponseId,
    pub(super) sounding: bool,
    asked: u64,
    /// Since when the person waits for it in silence; none: nobody does, or it is read.
    pub(super) waited_from: Option<u64>,
    /// The last holding phrase in front of it: no part of it, but it may come back as an echo.
    pub(super) held_with: String,
    /// How many holding phrases there have been.
    pub(super) holds: u32,
    pub(super) marks: TurnMarks,
    pub(super) text: String,
    pub(super) text_ended: bool,
    pub(super) phrases: Vec<Phrase>,
    /// It sounds; otherwise it is shown as text.
    pub(super) aloud: bool,
    /// It says what was written for it, not what a model thinks.
    pub(super) scripted: bool,
    /// What it says is the server's own, and not remembered.
    pub(super) canned: bool,
    /// It asks the person to wait for the answer to words that are late.
    pub(super) waits: bool,
    /// Tokens that the model had to read for it.
    pub(super) read: Option<u32>,
    /// A sound of the person kept it from beginning.
    pub(super) delayed: bool,
    /// What the client will be told, if the answer is ever heard.
    pub(super) untold: Option<Vec<CallEvent>>,
    pub(super) used: Used,
}

/// A phrase that has begun to sound, or is shown.
#[derive(Debug, Default)]
pub(super) struct Phrase {
    pub(super) text: String,
    pub(super) aloud: bool,
    pub(super) words: Vec<WordTime>,
    /// Bytes of the text that the client knows to have been said.
    pub(super) told: usize,
}

impl Phrase {
    pub(super) fn new(text: String, aloud: bool) -> Self {
        Self { text, aloud, ..Self::default() }
    }

    /// How many of the written words stand before and under those that `sounded`.
    fn written(&self, sounded: impl Fn(&WordTime) -> bool) -> usize {
        let written: Vec<&str> = self.text.split_whitespace().collect();
        let sounded = self.words.iter().filter(|word| sounded(word));
        let count = through(&written, sounded.clone()).unwrap_or_else(|| {
            // Timed by another's words: the share counts.
            (written.len() * sounded.count()).div_ceil(self.words.len().max(1))
        });
        count.min(written.len())
    }

    /// Bytes of the text up to the end of the last word that has begun at `samples`.
    pub(super) fn begun(&self, samples: u64) -> usize {
        self.bytes(self.written(|word| word.start <= samples))
    }

    /// Bytes of the text up to the end of the last word whose greater part was played at `samples`.
    pub(super) fn heard(&self, samples: u64) -> usize {
        self.bytes(self.written(|word| word.start.midpoint(word.end) <= samples))
    }

    /// Bytes of the text up to the end of so many words.
    fn bytes(&self, words: usize) -> usize {
        let Some(last) = words.checked_sub(1) else { return 0 };
        let word = self.text.split_whitespace().nth(last).unwrap_or_default();
        (word.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize) + word.len()
    }

    /// When the first word begins that has not begun at `samples`.
    pub(super) fn next_word(&self, samples: u64) -> Option<u64> {
        self.words.iter().map(|word| word.start).filter(|start| *start > samples).min()
    }
}

impl Answer {
    /// A hidden answer to a person who stopped speaking at `asked`.
    pub(super) fn new(id: ResponseId, (asked, marks): (u64, TurnMarks)) -> Self {
        Self {
            id,
            sounding: false,
            asked,
            waited_from: None,
            held_with: String::new(),
            holds: 0,
            marks,
            text: String::new(),
            text_ended: false,
            phrases: Vec::new(),
            aloud: true,
            scripted: false,
            canned: false,
            waits: false,
            read: None,
            delayed: false,
            untold: Some(Vec::new()),
            used: Used::default(),
        }
    }

    /// It is begun before the turn is decided.
    pub(super) fn speculated(&mut self, now: u64) {
        self.marks.speculated = self.since(now);
    }

    /// The model has not said anything.
    pub(super) fn is_wordless(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn since(&self, now: u64) -> Option<u32> {
        Some(u32::try_from(now.saturating_sub(self.asked)).unwrap_or(u32::MAX))
    }

    /// It was shown as text.
    pub(super) fn was_read(&self) -> bool {
        !self.aloud && !self.phrases.is_empty()
    }

    /// When the person has waited long enough for a word.
    pub(super) fn holding_due(&self) -> Option<u64> {
        let waits = !self.sounding && !self.scripted;
        self.waited_from.filter(|_| waits).map(|from| from + holding_after(self.holds))
    }

    /// Neither it nor a holding phrase has said anything.
    pub(super) fn silent_so_far(&self) -> bool {
        !self.sounding && self.holds == 0 && self.text.trim().is_empty()
    }

    /// What was written from this byte on.
    pub(super) fn said_since(&self, from: usize) -> String {
        self.text.get(from..).unwrap_or_default().to_string()
    }

    pub(super) fn take_words(&mut self, words: Vec<WordTime>) {
        if let Some(phrase) = self.phrases.last_mut() {
            phrase.words.extend(words);
        }
    }

    /// All that has sounded.
    pub(super) fn all(&self) -> String {
        joined(self.phrases.iter().map(|phrase| phrase.text.as_str()))
    }

    /// What may come back as an echo.
    pub(super) fn lately(&self) -> String {
        let all = format!("{} {}", self.held_with, self.all());
        let from = all.char_indices().rev().nth(ECHO_CHARS).map_or(0, |(at, _)| at);
        all[from..].to_string()
    }

    /// Nothing is left to say but a question.
    pub(super) fn ends_with_question(&self) -> bool {
        let last = self.phrases.last().map_or("", |phrase| phrase.text.as_str());
        self.text_ended && last.ends_with('?') && self.text.trim_end().ends_with(last)
    }

    /// What had sounded at `samples`: whole phrases, and of the last one the words whose greater part was played.
    pub(super) fn heard(&self, samples: u64) -> String {
        let Some((last, before)) = self.phrases.split_last() else { return String::new() };
        if !self.aloud {
            return self.all();
        }
        let heard = &last.text[..last.heard(samples)];
        joined(before.iter().map(|phrase| phrase.text.as_str()).chain([heard]))
    }
}

/// Phrases one after the other; the line end that one begins with stands for the space.
fn joined<'a>(phrases: impl Iterator<Item = &'a str>) -> String {
    let mut all = String::new();
    for phrase in phrases.filter(|phrase| !phrase.is_empty()) {
        if !all.is_empty() && !phrase.starts_with('\n') {
            all.push(' ');
        }
        all.push_str(phrase);
    }
    all
}

/// How many of the written words lie before and under the sounded ones; some are not heard, such as an emoji.
fn through<'a>(written: &[&str], sounded: impl Iterator<Item = &'a WordTime>) -> Option<usize> {
    let mut keep = 0;
    for word in sounded {
        keep += written[keep..].iter().position(|written| *written == word.text)? + 1;
    }
    Some(keep)
}
