//! What the face shows during an answer: the tags in its text, or what its words suggest.

use std::collections::VecDeque;

use crate::avatar::cue::{Cue, Mood};
use crate::avatar::tags::{Filtered, Tags};
use crate::avatar::text_cues::suggested;
use crate::phrases::Phrase;

/// Where the face's cues come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CueSources {
    /// The model writes tags, which are taken out of its text.
    pub tags: bool,
    /// The words suggest cues, unless the model has written some itself.
    pub words: bool,
}

/// What the face shows during an answer.
#[derive(Default)]
pub(super) struct Shown {
    tags: Tags,
    /// Bytes of text that have come out of the tags' filter.
    written: usize,
    /// Cues of text that is no phrase yet, by byte.
    cues: VecDeque<(usize, Cue)>,
    words: bool,
    mood: Mood,
}

impl Shown {
    pub(super) fn new(sources: CueSources) -> Self {
        Self { tags: Tags::new(sources.tags), words: sources.words, ..Self::default() }
    }

    /// Takes the tags out of a piece of text.
    pub(super) fn push(&mut self, text: &str) -> String {
        let filtered = self.tags.push(text);
        self.take(filtered)
    }

    /// What is left of the text, at its end.
    pub(super) fn finish(&mut self) -> String {
        let filtered = self.tags.finish();
        self.take(filtered)
    }

    fn take(&mut self, Filtered { text, cues }: Filtered) -> String {
        let before = self.written;
        self.cues.extend(cues.into_iter().map(|(at, cue)| (before + at, cue)));
        self.written += text.len();
        text
    }

    /// Those of a phrase, by its own bytes.
    pub(super) fn of(&mut self, phrase: &Phrase, language: &str) -> Vec<(usize, Cue)> {
        if self.words && !self.tags.seen() {
            let mut cues = suggested(&phrase.text, language);
            // What is shown already is not shown anew with every phrase.
            cues.retain(|(_, cue)| !matches!(cue, Cue::Mood(mood) if std::mem::replace(&mut self.mood, *mood) == *mood));
            return cues;
        }
        let end = phrase.at + phrase.text.len();
        let mut cues = Vec::new();
        while let Some((at, cue)) = self.cues.pop_front_if(|(at, _)| *at < end) {
            cues.push((at.saturating_sub(phrase.at), cue));
        }
        cues
    }

    /// What stood after the last word.
    pub(super) fn last(&mut self) -> Vec<(usize, Cue)> {
        self.cues.drain(..).map(|(_, cue)| (0, cue)).collect()
    }
}
