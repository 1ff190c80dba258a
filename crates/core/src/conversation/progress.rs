//! News of the answer in work, as its stages tell it.

use crate::event::CallEvent;
use crate::frame::{OUT_RATE, PlaybackPosition, ResponseId};

use super::answer::{Answer, Phrase};
use super::{Command, Conversation, Input};
use crate::frame::PlayoutEvent;

/// Client and server may disagree by this much about when the person stopped speaking.
const CLOCKS_DIFFER: u32 = 1_000;
const SAMPLES_PER_MS: u64 = OUT_RATE as u64 / 1000;
/// Playout tells its position once in so many milliseconds.
const FRAME: u64 = 20;

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
        let events = match input {
            Input::Playout(PlayoutEvent::Finished(_)) => return self.answer_finished(now),
            Input::Playout(event) => {
                let begins = matches!(event, PlayoutEvent::Started(_)) || !answer.aloud;
                self.unanswered &= !begins || answer.waits;
                if let PlayoutEvent::Cue { cue, .. } = event {
                    self.shown.answer_shows(cue);
                }
                answer.plays(event, since)
            }
            made => answer.makes(made, since).into_iter().collect(),
        };
        let begun = matches!(events[..], [CallEvent::AgentStartedSpeaking(_)]) && !answer.scripted;
        match &mut answer.untold {
            Some(untold) => untold.extend(events),
            None => self.commands.extend(events.into_iter().map(Command::Emit)),
        }
        if begun {
            self.tell_of_voice();
        }
    }

    /// Tells which words of the answer have begun to sound since it was told last.
    pub(super) fn follow(&mut self, now: u64, position: PlaybackPosition) {
        self.looked = (now, position);
        let Some(mut answer) = self.answer.take() else { return };
        if answer.sounding && position.response == answer.id {
            let begun = answer.phrases.last().map(|phrase| phrase.begun(position.samples));
            self.commands.extend(answer.says(begun).map(Command::Emit));
        }
        self.answer = Some(answer);
    }

    /// When the next word of the answer begins to sound, if nothing stops it.
    pub(super) fn word_due(&self) -> Option<u64> {
        let (now, position) = self.looked;
        let answer = self.answer.as_ref()?;
        if !answer.sounding || position.response != answer.id || self.is_stopped() {
            return None;
        }
        let phrase = answer.phrases.last().filter(|phrase| phrase.told < phrase.text.trim_end().len())?;
        let next = phrase.next_word(position.samples)?;
        Some(now + (next - position.samples) / SAMPLES_PER_MS + FRAME)
    }

    /// The phrase that sounds ends with its last word; `Some`: it breaks off after so many samples of its answer.
    pub(super) fn phrase_said(&mut self, answer: &mut Answer, samples: Option<u64>) {
        let Some(phrase) = answer.phrases.last() else { return };
        let said = samples.map_or(phrase.text.len(), |samples| phrase.heard(samples));
        self.commands.extend(answer.says(Some(said)).map(Command::Emit));
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
    /// Takes in what its stages tell of it at `since`; the client is told of the event.
    fn makes(&mut self, made: Input, since: Option<u32>) -> Option<CallEvent> {
        match made {
            Input::Text(response, text) => {
                self.marks.first_token = self.marks.first_token.or(since);
                self.text.push_str(&text);
                return Some(CallEvent::AnswerText { response, text });
            }
            Input::TextEnded(response) => {
                self.text_ended = true;
                return Some(CallEvent::AnswerTextEnded(response));
            }
            Input::Read(_, tokens) => self.read = Some(tokens),
            Input::FirstPhrase(_) => self.marks.first_phrase = since,
            Input::FirstAudio(_) if self.aloud => self.marks.first_audio = since,
            _ => {}
        }
        None
    }

    /// So many bytes of its last phrase have been said; the client is told if it did not know.
    fn says(&mut self, said: Option<usize>) -> Option<CallEvent> {
        let index = u32::try_from(self.phrases.len().checked_sub(1)?).unwrap_or(u32::MAX);
        let phrase = self.phrases.last_mut().filter(|phrase| phrase.aloud)?;
        let said = said.filter(|said| *said > phrase.told)?;
        phrase.told = said;
        Some(CallEvent::PhraseProgress { response: self.id, index, text: phrase.text.clone(), said })
    }

    /// Takes in what playout tells of it at `since`; the client is told of the event.
    fn plays(&mut self, event: PlayoutEvent, since: Option<u32>) -> Vec<CallEvent> {
        match event {
            PlayoutEvent::Started(response) => {
                self.sounding = true;
                vec![CallEvent::AgentStartedSpeaking(response)]
            }
            PlayoutEvent::Phrase { text, response, aloud } => {
                self.marks.first_sent = self.marks.first_sent.or(since);
                let whole = self.phrases.last().map(|phrase| phrase.text.len());
                let before = self.says(whole);
                let index = u32::try_from(self.phrases.len()).unwrap_or(u32::MAX);
                self.phrases.push(Phrase::new(text.clone(), aloud));
                let begins = CallEvent::PhraseSpoken { response, index, text, aloud };
                before.into_iter().chain([begins]).collect()
            }
            PlayoutEvent::Words { words, .. } => {
                self.take_words(words);
                Vec::new()
            }
            PlayoutEvent::Cue { cue, .. } => vec![CallEvent::Expression(cue)],
            PlayoutEvent::Hole(..) | PlayoutEvent::Finished(_) => Vec::new(),
        }
    }
}
