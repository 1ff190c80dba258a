//! Times a segment's cues: each is due with the word that follows it. Pure.

use crate::avatar::cue::PlacedCue;
use crate::frame::{CueTime, Segment, WordTime};

/// The cues of a segment, chunk by chunk.
pub(super) struct Cues<'a> {
    segment: &'a Segment,
    /// The voice reports word times: a chunk without words is silent, or its words are still to come.
    worded: bool,
    /// The next cue.
    next: usize,
    /// Bytes of the segment's text spoken so far.
    spoken: usize,
}

impl<'a> Cues<'a> {
    pub(super) fn of(segment: &'a Segment, worded: bool) -> Self {
        Self { segment, worded, next: 0, spoken: 0 }
    }

    /// The cues of the next chunk, given its written words and number of samples. If the voice reports no words, cues are
    /// placed by their share of the text.
    pub(super) fn timed(&mut self, words: &[WordTime], samples: u64) -> Vec<CueTime> {
        let text = &self.segment.text;
        let mut due = Vec::new();
        if words.is_empty() && !self.worded {
            let share = |byte: usize| samples * byte as u64 / text.len().max(1) as u64;
            due.extend(
                self.until(text.len()).iter().map(|place| CueTime { at: share(place.at), cue: place.cue }),
            );
        }
        for word in words {
            let Some(found) = text.get(self.spoken..).and_then(|rest| rest.find(&word.text)) else {
                continue;
            };
            self.spoken += found + word.text.len();
            due.extend(
                self.until(self.spoken).iter().map(|place| CueTime { at: word.start, cue: place.cue }),
            );
        }
        due
    }

    /// The cues whose word never came.
    pub(super) fn left(&mut self) -> Vec<CueTime> {
        self.until(usize::MAX).iter().map(|place| CueTime { at: 0, cue: place.cue }).collect()
    }

    fn until(&mut self, byte: usize) -> &'a [PlacedCue] {
        let from = self.next;
        self.next += self.segment.cues[from..].iter().take_while(|place| place.at < byte).count();
        &self.segment.cues[from..self.next]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avatar::cue::{Cue, Gesture, Mood};
    use crate::frame::ResponseId;

    #[test]
    fn a_cue_is_due_with_the_word_after_it_or_else_at_the_end() {
        let (happy, nod, tilt) =
            (Cue::Mood(Mood::Happy), Cue::Gesture(Gesture::Nod), Cue::Gesture(Gesture::Tilt));
        let text = "No, no, that is 🎉".to_string();
        let cues = [(0, happy), (4, nod), (16, tilt)].map(|(at, cue)| PlacedCue { at, cue }).to_vec();
        let segment = Segment { text, cues, ..Segment::silent(ResponseId(1), 0) };
        let word = |text: &str, start| WordTime { text: text.into(), start, end: start + 5 };
        let mut cues = Cues::of(&segment, true);
        assert_eq!(cues.timed(&[], 100), [], "streamed sound may begin with silence");
        assert_eq!(cues.timed(&[word("No,", 10)], 100), [CueTime { at: 10, cue: happy }]);
        assert_eq!(cues.timed(&[word("no,", 3), word("that", 20)], 100), [CueTime { at: 3, cue: nod }]);
        assert_eq!(cues.left(), [CueTime { at: 0, cue: tilt }]);
        assert_eq!(cues.left(), []);
        let untold = Cues::of(&segment, false).timed(&[], 2000);
        assert_eq!(untold.iter().map(|due| due.at).collect::<Vec<_>>(), [0, 400, 1600]);
    }
}
