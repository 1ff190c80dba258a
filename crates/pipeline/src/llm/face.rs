//! The face's cues during a response: from tags in its text, or suggested by its words.

use std::collections::VecDeque;

use crate::avatar::cue::{Cue, Mood, PlacedCue};
use crate::avatar::tags::{Filtered, Tags};
use crate::avatar::text_cues::suggested;
use crate::segments::TextSegment;

/// Where the face's cues come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CueSources {
    /// The model writes tags, which are removed from its text.
    pub tags: bool,
    /// The words suggest cues, unless the model has written some itself.
    pub words: bool,
}

/// The face's cues during a response.
#[derive(Default)]
pub(super) struct FaceCues {
    tags: Tags,
    /// Bytes of text that have passed the filter of tags.
    written: usize,
    /// Cues of text not yet in a segment, placed in the whole text.
    cues: VecDeque<PlacedCue>,
    words: bool,
    mood: Mood,
}

impl FaceCues {
    pub(super) fn new(sources: CueSources) -> Self {
        Self { tags: Tags::new(sources.tags), words: sources.words, ..Self::default() }
    }

    /// Removes the tags from a piece of text.
    pub(super) fn push(&mut self, text: &str) -> String {
        let filtered = self.tags.push(text);
        self.take(filtered)
    }

    /// The rest of the text, at its end.
    pub(super) fn finish(&mut self) -> String {
        let filtered = self.tags.finish();
        self.take(filtered)
    }

    fn take(&mut self, Filtered { text, cues }: Filtered) -> String {
        let before = self.written;
        self.cues.extend(cues.into_iter().map(|place| PlacedCue { at: before + place.at, ..place }));
        self.written += text.len();
        text
    }

    /// The cues of a segment, placed in it.
    pub(super) fn of(&mut self, segment: &TextSegment, language: &str) -> Vec<PlacedCue> {
        if self.words && !self.tags.seen() {
            let mut cues = suggested(&segment.text, language);
            // A mood that is shown already is not repeated with every segment.
            cues.retain(|place| !matches!(place.cue, Cue::Mood(mood) if std::mem::replace(&mut self.mood, mood) == mood));
            return cues;
        }
        let end = segment.at + segment.text.len();
        let mut cues = Vec::new();
        while let Some(place) = self.cues.pop_front_if(|place| place.at < end) {
            cues.push(PlacedCue { at: place.at.saturating_sub(segment.at), ..place });
        }
        cues
    }

    /// The cues after the last word.
    pub(super) fn last(&mut self) -> Vec<PlacedCue> {
        self.cues.drain(..).map(|place| PlacedCue { at: 0, ..place }).collect()
    }
}
