//! Progress of the current response, as its stages report it.

use crate::event::CallEvent;
use crate::frame::{OUT_RATE, PlaybackPosition, ResponseId};

use super::response::{Response, SpokenSegment};
use super::{Command, Conversation, Input};
use crate::frame::PlayoutEvent;

/// Milliseconds by which client and server may differ about when the person stopped speaking.
const CLOCKS_DIFFER: u32 = 1_000;
const SAMPLES_PER_MS: u64 = OUT_RATE as u64 / 1000;
/// Milliseconds between playout's reports of its position.
const FRAME: u64 = 20;

/// The playback position, as last reported.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KnownPosition {
    /// When it was reported.
    now: u64,
    position: PlaybackPosition,
}

impl Conversation {
    /// Takes in progress of a response; that of any other than the current and the speculative one is dropped.
    pub(super) fn response_goes_on(&mut self, now: u64, input: Input) {
        let id = match &input {
            Input::Text(id, _) | Input::Read(id, _) | Input::TextEnded(id) => *id,
            Input::FirstSegment(id) | Input::FirstAudio(id) => *id,
            Input::Playout(event) => event.response(),
            _ => return,
        };
        let mut responses = self.response.iter_mut().chain(self.speculative.iter_mut());
        let Some(response) = responses.find(|response| response.id == id) else { return };
        let since = response.since(now);
        let events = match input {
            Input::Playout(PlayoutEvent::Finished(_)) => return self.response_finished(now),
            Input::Playout(PlayoutEvent::Dry(_)) => return response.ran_dry(now),
            Input::Playout(PlayoutEvent::GoesOn(_)) => return response.goes_on(),
            Input::Playout(event) => {
                let begins = matches!(event, PlayoutEvent::Started(_)) || !response.aloud;
                self.unanswered &= !begins || response.waits;
                if let PlayoutEvent::Cue { cue, .. } = event {
                    self.shown.response_shows(cue);
                }
                response.plays(event, since)
            }
            made => response.makes(made, since).into_iter().collect(),
        };
        let begun = matches!(events[..], [CallEvent::AgentStartedSpeaking(_)]) && !response.scripted;
        match &mut response.deferred {
            Some(deferred) => deferred.extend(events),
            None => self.commands.extend(events.into_iter().map(Command::Emit)),
        }
        if begun {
            self.tell_of_voice();
        }
    }

    /// Notes how far playout has got.
    pub(super) fn note_position(&mut self, now: u64, position: PlaybackPosition) {
        self.last_position = KnownPosition { now, position };
    }

    /// Samples of the response that were played.
    pub(super) fn played(&self, response: ResponseId) -> u64 {
        let position = self.last_position.position;
        if position.response == response { position.samples } else { 0 }
    }

    /// Tells the client which words of the response have begun to sound since the last report.
    pub(super) fn tell_progress(&mut self, now: u64, position: PlaybackPosition) {
        self.note_position(now, position);
        let Some(mut response) = self.response.take() else { return };
        if response.sounding && position.response == response.id {
            let begun = response.segments.last().map(|segment| segment.begun(position.samples));
            self.commands.extend(response.says(begun).map(Command::Emit));
        }
        self.response = Some(response);
    }

    /// When the next word of the response begins to sound, unless playout is paused or waits for it.
    pub(super) fn word_due(&self) -> Option<u64> {
        let KnownPosition { now, position } = self.last_position;
        let response = self.response.as_ref()?;
        let stands = response.is_dry() || self.is_paused();
        if !response.sounding || position.response != response.id || stands {
            return None;
        }
        let segment =
            response.segments.last().filter(|segment| segment.told < segment.text.trim_end().len())?;
        let next = segment.next_word(position.samples)?;
        Some(now + (next - position.samples) / SAMPLES_PER_MS + FRAME)
    }

    /// The segment that sounds ends: at its last word or, with `Some`, after this many samples of its response.
    pub(super) fn segment_said(&mut self, response: &mut Response, samples: Option<u64>) {
        let Some(segment) = response.segments.last() else { return };
        let said = samples.map_or(segment.text.len(), |samples| segment.heard(samples));
        self.commands.extend(response.says(Some(said)).map(Command::Emit));
    }

    /// The client reports the response's first sound, which cannot be later than its report.
    pub(super) fn response_was_heard(&mut self, now: u64, id: ResponseId, ms: u32) {
        if let Some(response) = self.response.as_mut().filter(|response| response.id == id)
            && response.since(now).is_some_and(|since| ms <= since.saturating_add(CLOCKS_DIFFER))
        {
            response.marks.heard = response.marks.heard.or(Some(ms));
        }
    }
}

impl Response {
    /// Takes in progress of its stages at `since`; returns the event for the client.
    fn makes(&mut self, made: Input, since: Option<u32>) -> Option<CallEvent> {
        match made {
            Input::Text(response, text) => {
                self.marks.first_token = self.marks.first_token.or(since);
                self.text.push_str(&text);
                return Some(CallEvent::ResponseText { response, text });
            }
            Input::TextEnded(response) => {
                self.text_ended = true;
                return Some(CallEvent::ResponseTextEnded(response));
            }
            Input::Read(_, tokens) => self.read = Some(tokens),
            Input::FirstSegment(_) => self.marks.first_segment = since,
            Input::FirstAudio(_) if self.aloud => self.marks.first_audio = since,
            _ => {}
        }
        None
    }

    /// This many bytes of its last segment have been said; returns the event for the client if that is new.
    fn says(&mut self, said: Option<usize>) -> Option<CallEvent> {
        let index = u32::try_from(self.segments.len().checked_sub(1)?).unwrap_or(u32::MAX);
        let segment = self.segments.last_mut().filter(|segment| segment.aloud)?;
        let said = said.filter(|said| *said > segment.told)?;
        segment.told = said;
        Some(CallEvent::SegmentProgress { response: self.id, index, text: segment.text.clone(), said })
    }

    /// Takes in an event of playout at `since`; returns the events for the client.
    fn plays(&mut self, event: PlayoutEvent, since: Option<u32>) -> Vec<CallEvent> {
        match event {
            PlayoutEvent::Started(response) => {
                self.begins_to_sound();
                vec![CallEvent::AgentStartedSpeaking(response)]
            }
            PlayoutEvent::Segment { text, response, aloud } => {
                self.marks.first_sent = self.marks.first_sent.or(since);
                let whole = self.segments.last().map(|segment| segment.text.len());
                let before = self.says(whole);
                let index = u32::try_from(self.segments.len()).unwrap_or(u32::MAX);
                self.segments.push(SpokenSegment::new(text.clone(), aloud));
                let language = self.language.clone();
                let voice = if aloud { self.voice.clone() } else { String::new() };
                let begins = CallEvent::SegmentSpoken { response, index, text, aloud, language, voice };
                before.into_iter().chain([begins]).collect()
            }
            PlayoutEvent::Words { words, .. } => {
                self.take_words(words);
                Vec::new()
            }
            PlayoutEvent::Cue { cue, .. } => vec![CallEvent::Expression(cue)],
            PlayoutEvent::Hole(..)
            | PlayoutEvent::Dry(_)
            | PlayoutEvent::GoesOn(_)
            | PlayoutEvent::Finished(_) => Vec::new(),
        }
    }
}
