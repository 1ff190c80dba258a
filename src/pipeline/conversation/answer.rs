//! The answer in work: its marks, what of it has been heard, and how it ends.

use crate::event::{CallEvent, TurnMarks};
use crate::frame::{PlaybackPosition, ResponseId, WordTime};

use super::{Command, Conversation, Input, RETRIES};
use crate::pipeline::playout::PlayoutEvent;

/// One answer, from its start to its one end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) id: ResponseId,
    pub(super) sounding: bool,
    asked: u64,
    marks: TurnMarks,
    text_ended: bool,
    phrases: Vec<Phrase>,
}

/// A phrase that has begun to sound.
#[derive(Debug, Default)]
struct Phrase {
    text: String,
    words: Vec<WordTime>,
}

impl Answer {
    pub(super) fn new(id: ResponseId, (asked, marks): (u64, TurnMarks)) -> Self {
        Self { id, sounding: false, asked, marks, text_ended: false, phrases: Vec::new() }
    }

    fn since(&self, now: u64) -> Option<u32> {
        Some(u32::try_from(now.saturating_sub(self.asked)).unwrap_or(u32::MAX))
    }

    fn take_words(&mut self, words: Vec<WordTime>) {
        if let Some(phrase) = self.phrases.last_mut() {
            phrase.words.extend(words);
        }
    }

    /// All that has sounded.
    fn all(&self) -> String {
        self.phrases.iter().map(|phrase| phrase.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// What had sounded at `samples`: whole phrases, and of the last one the words whose greater part was played.
    fn heard(&self, samples: u64) -> String {
        let Some((last, before)) = self.phrases.split_last() else { return String::new() };
        let mut parts: Vec<String> = before.iter().map(|phrase| phrase.text.clone()).collect();
        let written: Vec<&str> = last.text.split_whitespace().collect();
        let sounded = last.words.iter().filter(|word| word.start.midpoint(word.end) <= samples).count();
        // Spoken words may be more than the written ones ("3.50 €"), so the share counts.
        let keep = match last.words.len() {
            0 => 0,
            same if same == written.len() => sounded,
            total => (written.len() * sounded).div_ceil(total),
        };
        parts.push(written[..keep.min(written.len())].join(" "));
        parts.retain(|part| !part.is_empty());
        parts.join(" ")
    }
}

impl Conversation {
    /// News of the current answer; what belongs to another is dropped.
    pub(super) fn answer_goes_on(&mut self, now: u64, input: Input) {
        let id = match &input {
            Input::Text(id, _) | Input::TextEnded(id) | Input::FirstPhrase(id) | Input::FirstAudio(id) => *id,
            Input::Playout(event) => event.response(),
            _ => return,
        };
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.id == id) else { return };
        let since = answer.since(now);
        match input {
            Input::Text(response, text) => {
                answer.marks.first_token = answer.marks.first_token.or(since);
                self.emit(CallEvent::AnswerText { response, text });
            }
            Input::TextEnded(_) => {
                answer.text_ended = true;
                self.emit(CallEvent::AnswerTextEnded(id));
            }
            Input::FirstPhrase(_) => answer.marks.first_phrase = since,
            Input::FirstAudio(_) => answer.marks.first_audio = since,
            Input::Playout(PlayoutEvent::Started(_)) => {
                answer.sounding = true;
                answer.marks.first_sent = since;
                self.unanswered = false;
                self.emit(CallEvent::AgentStartedSpeaking(id));
            }
            Input::Playout(PlayoutEvent::Phrase { text, response }) => {
                answer.phrases.push(Phrase { text: text.clone(), words: Vec::new() });
                self.emit(CallEvent::PhraseSpoken { response, text });
            }
            Input::Playout(PlayoutEvent::Words { words, .. }) => answer.take_words(words),
            Input::Playout(PlayoutEvent::Finished(_)) => self.answer_finished(now),
            _ => {}
        }
    }

    fn answer_finished(&mut self, now: u64) {
        let Some(mut answer) = self.answer.take() else { return };
        self.last_word = now;
        answer.marks.done = answer.since(now);
        if answer.sounding {
            self.history.agent_was_heard(&answer.all());
            self.emit(CallEvent::AgentStoppedSpeaking(answer.id));
        } else {
            // Nothing that could be spoken: silence would look like a fault.
            self.unanswered = false;
            self.notice("no-answer", "I have no answer to that. Please put it another way.");
        }
        self.emit(CallEvent::Turn { response: answer.id, marks: answer.marks });
    }

    /// The person speaks, or asks for silence: the answer ends here, and only what was heard is remembered.
    pub(super) fn interrupt(&mut self, now: u64, position: PlaybackPosition) {
        let Some(mut answer) = self.answer.take() else { return };
        self.commands.push(Command::Cancel(answer.id));
        answer.marks.interrupted = answer.since(now);
        let samples = if position.response == answer.id { position.samples } else { 0 };
        let heard = answer.heard(samples);
        self.history.agent_was_heard(&heard);
        if !answer.text_ended {
            self.emit(CallEvent::AnswerTextEnded(answer.id));
        }
        if answer.sounding {
            self.emit(CallEvent::AgentStoppedSpeaking(answer.id));
        }
        self.emit(CallEvent::Interrupted { response: answer.id, heard });
        self.emit(CallEvent::Turn { response: answer.id, marks: answer.marks });
    }

    /// An engine failed. Unheard answers are begun again, others end where they broke off.
    pub(super) fn answer_failed(&mut self, now: u64, position: PlaybackPosition, response: ResponseId) {
        let Some(answer) = self.answer.as_ref().filter(|answer| answer.id == response) else { return };
        let unheard = !answer.sounding;
        self.interrupt(now, position);
        if unheard && self.retries < RETRIES {
            self.retries += 1;
            self.notice("one-moment", "One moment, please.");
            self.answer_if_due(now);
        } else {
            self.unanswered = false;
            self.notice("answer-failed", "Something went wrong while I was answering. Please ask me again.");
        }
    }
}
