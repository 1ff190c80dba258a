//! Words that the client sends as text: questions, and words for the model to know.

use crate::event::{CallEvent, TurnMarks};
use crate::frame::{Message, PlaybackPosition};

use super::Conversation;
use super::history::LONGEST_MESSAGE;
use super::response::Question;

/// Most appended messages that may wait for the end of a response; more are refused.
const MOST_WAITING: usize = 16;

impl Conversation {
    /// Typed words get a response at once, spoken or as text.
    pub(super) fn typed(&mut self, now: u64, position: PlaybackPosition, text: String, aloud: bool) {
        self.discard();
        self.interrupt(now, position);
        let marks = TurnMarks { turn_decided: Some(0), transcript: Some(0), ..TurnMarks::default() };
        self.person_said(now, &text, Question { asked: now, marks });
        self.aloud = aloud;
        self.emit(CallEvent::UserTyped { text });
        // Whatever the microphone hears meanwhile may last for minutes.
        self.type_over();
        self.respond_if_due(now);
    }

    /// Adds words that the model reads with its next response. They follow the current response; a speculative one begun
    /// without them is begun again.
    pub(super) fn append(&mut self, now: u64, id: Option<String>, words: Message) {
        if self.response.is_some() {
            if self.appended.len() == MOST_WAITING {
                let message = format!(
                    "{MOST_WAITING} messages already wait for the end of the response; send more after it"
                );
                return self.emit(CallEvent::BadMessage { id, message });
            }
            return self.appended.push(words);
        }
        if !self.history.has_room_for(&words) {
            let message = format!("at most {LONGEST_MESSAGE} bytes in a row are kept per speaker");
            return self.emit(CallEvent::BadMessage { id, message });
        }
        self.history.append(&words);
        if self.speculative.is_some() {
            self.discard();
            self.speculate_again(now);
        }
        self.make_room();
    }

    /// Adds the words appended during a response, after what was heard of it.
    pub(super) fn take_in_appended(&mut self) {
        for words in std::mem::take(&mut self.appended) {
            self.history.append(&words);
        }
    }
}
