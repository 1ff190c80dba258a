//! The end of the person's turn: when a pause ends it, and the speculative response before that.

use crate::event::{CallEvent, TurnMarks};
use crate::frame::{Play, Transcript};

use super::late_words::TRANSCRIPT_TIMEOUT;
use super::response::{Question, Response};
use super::utterance::{Pause, Words};
use super::{CannedPhrase, Command, Conversation};

/// Endpointing delay of an utterance without words that matter.
const WORDLESS: u64 = 500;
/// A speculative response that the turn prediction advises against is begun after this long, to be ready when the endpointing
/// delay ends.
const LATE_SPECULATION: u64 = 600;

impl Conversation {
    /// The words at the person's pause, which would have become their turn; none where they may not be meant for the agent.
    pub(super) fn paused_words(&self) -> Option<&Transcript> {
        let open = self.open.as_ref().filter(|open| !open.ignored && self.response.is_none())?;
        let words = &open.pause.as_ref()?.words.as_ref()?.heard;
        (!words.text.is_empty()).then_some(words)
    }

    /// When the open utterance is due for a decision: to begin a response, to end the turn, or to give up its words.
    pub(super) fn open_due(&self) -> Option<u64> {
        let pause = self.open.as_ref()?.pause.as_ref()?;
        let Some(Words { heard, .. }) = &pause.words else { return Some(pause.noticed + TRANSCRIPT_TIMEOUT) };
        let end = pause.at + self.endpointing_delay(pause, &heard.text);
        let begin = self.may_speculate(pause, &heard.text).then(|| speculation_due(pause));
        Some(begin.map_or(end, |begin| begin.min(end)))
    }

    fn endpointing_delay(&self, pause: &Pause, text: &str) -> u64 {
        let nothing = text.is_empty() || self.open.as_ref().is_some_and(|open| open.ignored);
        if nothing {
            return WORDLESS;
        }
        let begun = self.speculative.as_ref().is_some_and(Response::is_wordless);
        let awaited = self.settings.model.turn_end && pause.prediction.meaning.is_none();
        let expected = awaited && (begun || self.may_speculate(pause, text));
        pause.prediction.endpointing_delay(self.settings.eagerness, expected)
    }

    fn may_speculate(&self, pause: &Pause, text: &str) -> bool {
        let ignored = self.open.as_ref().is_some_and(|open| open.ignored);
        let busy = self.speculative.is_some() || self.response.is_some() || !self.cut.is_empty();
        !text.is_empty() && !ignored && !busy && !pause.answered
    }

    /// Begins a speculative response or ends the turn, when either is due.
    pub(super) fn decide(&mut self, now: u64) {
        let Some(open) = &self.open else { return };
        let Some(pause) = &open.pause else { return };
        let Some(Words { heard, .. }) = &pause.words else {
            if pause.noticed + TRANSCRIPT_TIMEOUT <= now {
                self.not_understood(now, open.id);
            }
            return;
        };
        if pause.at + self.endpointing_delay(pause, &heard.text) <= now {
            self.commit(now);
        } else if self.may_speculate(pause, &heard.text) && speculation_due(pause) <= now {
            let words = heard.clone();
            self.speculate(now, &words);
        }
    }

    fn speculate(&mut self, now: u64, words: &Transcript) {
        let Some(pause) = self.open.as_mut().and_then(|open| open.pause.as_mut()) else { return };
        pause.answered = true;
        let asked = pause.at;
        let request = self.request(&words.text, &self.language_of(words), true);
        let mut speculative = self.response_to(&request, Question::at(asked));
        speculative.speculated(now);
        self.speculative = Some(speculative);
        self.commands.push(Command::Start(request, Play::Speculative));
    }

    /// Begins the speculative response again, with the messages that fit now.
    pub(super) fn speculate_again(&mut self, now: u64) {
        if let Some(pause) = self.open.as_mut().and_then(|open| open.pause.as_mut()) {
            pause.answered = false;
            self.decide(now);
        }
    }

    /// Cancels the speculative response.
    pub(super) fn discard(&mut self) {
        if let Some(speculative) = self.speculative.take() {
            self.commands.push(Command::Cancel(speculative.id));
        }
    }

    /// The turn is over.
    pub(super) fn commit(&mut self, now: u64) {
        let Some(open) = self.open.take() else { return };
        let Some(mut pause) = open.pause else { return };
        let Some(Words { heard: words, at: arrived }) = pause.words.take() else { return };
        self.commands.push(Command::Close(open.id));
        self.emit(CallEvent::UserStoppedSpeaking);
        if words.text.is_empty() || open.ignored {
            self.discard();
            self.barge_in_was_nothing();
            // An empty transcript retracts the captions of a noise.
            self.emit(CallEvent::words(String::new(), words.language));
            self.respond_if_due(now);
            if open.asked_to_wait > 0 {
                self.say(now, CannedPhrase::NotUnderstood);
            }
            self.make_room();
            return;
        }
        self.language = self.language_of(&words);
        let since = |at: u64| Some(u32::try_from(at.saturating_sub(pause.at)).unwrap_or(u32::MAX));
        let marks = TurnMarks {
            pause: since(pause.noticed),
            transcript: since(arrived),
            turn_decided: since(now),
            ..TurnMarks::default()
        };
        self.person_said(now, &words.text, Question { asked: pause.at, marks });
        self.prediction = Some(pause.prediction);
        self.emit(CallEvent::words(words.text, words.language));
        match self.speculative.take() {
            Some(speculative) => self.promote(now, speculative, marks),
            None => self.respond_if_due(now),
        }
    }

    pub(super) fn language_of(&self, words: &Transcript) -> String {
        match &self.settings.language {
            None if !words.language.is_empty() => words.language.clone(),
            _ => self.language.clone(),
        }
    }
}

fn speculation_due(pause: &Pause) -> u64 {
    if pause.prediction.worth_speculation() { pause.at } else { pause.at + LATE_SPECULATION }
}
