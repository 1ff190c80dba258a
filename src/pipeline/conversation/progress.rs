//! News of the answer in work, as its stages tell it.

use crate::event::CallEvent;
use crate::frame::ResponseId;

use super::answer::{Answer, Phrase};
use super::{Command, Conversation, Input};
use crate::pipeline::playout::PlayoutEvent;

/// Client and server may disagree by this much about when the person stopped speaking.
const CLOCKS_DIFFER: u32 = 1_000;

impl Conversation {
    /// News of an answer in work; what belongs to another is dropped.
    pub(super) fn answer_goes_on(&mut self, now: u64, input: Input) {
        let id = match &input {
            Input::Text(id, _) | Input::Read(id, _) | Input::TextEnded(id) => *id,
            Input::FirstPhrase(id) | Input::FirstAudio(id) => *id,
            Input::Playout(event) => event.response(),
            _ => return,
        };
        let mut answers = self.answer.iter_mut().chain(self.hidden.iter_mut());
        let Some(answer) = answers.find(|answer| answer.id == id) else { return };
        let since = answer.since(now);
        let event = match input {
            Input::Text(response, text) => {
                answer.marks.first_token = answer.marks.first_token.or(since);
                answer.text.push_str(&text);
                Some(CallEvent::AnswerText { response, text })
            }
            Input::TextEnded(_) => {
                answer.text_ended = true;
                Some(CallEvent::AnswerTextEnded(id))
            }
            Input::Read(_, tokens) => {
                answer.read = Some(tokens);
                None
            }
            Input::FirstPhrase(_) => {
                answer.marks.first_phrase = since;
                None
            }
            Input::FirstAudio(_) => {
                answer.marks.first_audio = since;
                None
            }
            Input::Playout(PlayoutEvent::Finished(_)) => return self.answer_finished(now),
            Input::Playout(event) => {
                if let PlayoutEvent::Started(_) = event {
                    self.unanswered = false;
                }
                if let PlayoutEvent::Cue { cue, .. } = event {
                    self.shown.answer_shows(cue);
                }
                answer.plays(event, since)
            }
            _ => None,
        };
        let begun = matches!(event, Some(CallEvent::AgentStartedSpeaking(_))) && !answer.scripted;
        match (event, &mut answer.untold) {
            (Some(event), Some(untold)) => untold.push(event),
            (Some(event), None) => self.commands.push(Command::Emit(event)),
            (None, _) => {}
        }
        if begun {
            self.tell_of_voice();
        }
    }

    /// The client reports the answer's first sound, which cannot be later than its report.
    pub(super) fn answer_was_heard(&mut self, now: u64, response: ResponseId, ms: u32) {
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.id == response)
            && answer.since(now).is_some_and(|since| ms <= since.saturating_add(CLOCKS_DIFFER))
        {
            answer.marks.heard = answer.marks.heard.or(Some(ms));
        }
    }
}

impl Answer {
    /// Takes in what playout tells of it at `since`; the client is told of the event.
    fn plays(&mut self, event: PlayoutEvent, since: Option<u32>) -> Option<CallEvent> {
        match event {
            PlayoutEvent::Started(response) => {
                self.sounding = true;
                Some(CallEvent::AgentStartedSpeaking(response))
            }
            PlayoutEvent::Phrase { text, response } => {
                self.marks.first_sent = self.marks.first_sent.or(since);
                self.phrases.push(Phrase { text: text.clone(), words: Vec::new() });
                Some(CallEvent::PhraseSpoken { response, text })
            }
            PlayoutEvent::Words { words, .. } => {
                self.take_words(words);
                None
            }
            PlayoutEvent::Cue { cue, .. } => Some(CallEvent::Expression(cue)),
            PlayoutEvent::Hole(..) | PlayoutEvent::Finished(_) => None,
        }
    }
}
