//! What the client writes: questions, and words that the model is to know.

use crate::event::{CallEvent, TurnMarks};
use crate::frame::{Message, PlaybackPosition};

use super::Conversation;
use super::history::LONGEST_MESSAGE;

/// Words of the client that may wait for the end of an answer; more are refused.
const MOST_WAITING: usize = 16;

impl Conversation {
    /// Typed words are answered at once; aloud, or as text.
    pub(super) fn typed(&mut self, now: u64, position: PlaybackPosition, text: String, aloud: bool) {
        self.discard();
        self.interrupt(now, position);
        let marks = TurnMarks { turn_decided: Some(0), transcript: Some(0), ..TurnMarks::default() };
        self.person_said(now, &text, (now, marks));
        self.aloud = aloud;
        self.emit(CallEvent::UserTyped { text });
        // Whatever the microphone hears meanwhile may go on for minutes.
        self.type_over();
        self.answer_if_due(now);
    }

    /// Words that the model is to know with its next answer. They come behind an answer in work, and a hidden one that was
    /// begun without them is begun again.
    pub(super) fn append(&mut self, now: u64, id: Option<String>, words: Message) {
        if self.answer.is_some() {
            if self.appended.len() == MOST_WAITING {
                let message = format!(
                    "{MOST_WAITING} messages wait for the end of the answer already; send more when it is over"
                );
                return self.emit(CallEvent::BadMessage { id, message });
            }
            self.remember_now = true;
            return self.appended.push(words);
        }
        if !self.history.has_room_for(&words) {
            let message = format!("at most {LONGEST_MESSAGE} bytes in a row are remembered of one speaker");
            return self.emit(CallEvent::BadMessage { id, message });
        }
        self.history.append(&words);
        self.remember_now = true;
        if self.hidden.is_some() {
            self.discard();
            self.speculate_again(now);
        }
        self.make_room();
    }

    /// What the client wrote while an answer was in work follows what was heard of it.
    pub(super) fn take_in_appended(&mut self) {
        for words in std::mem::take(&mut self.appended) {
            self.history.append(&words);
        }
    }
}
