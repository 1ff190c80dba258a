//! The events of a turn, and its measurement. Pure.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::hearing::{Hearing, Span};
use super::link::{Arrived, Event, Packet};
use super::message::ServerMessage;
use visavis_core::event::TurnMarks;
use visavis_core::frame::ResponseId;

/// How much later than its sound a response's message may arrive, over another channel.
const MESSAGE_AFTER_SOUND: Duration = Duration::from_millis(500);
/// How long a turn's marks may take after its response.
const MARKS_WITHIN: Duration = Duration::from_millis(1_500);
/// The notice before the agent asks the person to wait. Its message is what the agent then says.
const ASKS_TO_WAIT: &str = "one-moment";
/// Longest possible response.
const LONGEST_RESPONSE: Duration = Duration::from_secs(180);

/// The outcome of a question.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TurnReport {
    /// From the last spoken sample, or the sending of typed text, to the response's first audible sample. Negative: the
    /// response began before the question ended. `None`: there was no audible response.
    pub voice_to_voice_ms: Option<f64>,
    /// The same to the first frame of the response's sound, audible or not; the difference is silence that was sent.
    pub first_frame_ms: Option<f64>,
    /// All final transcripts of the turn.
    pub transcript: String,
    /// The language that the server identified.
    pub language: String,
    /// The response's captions.
    pub response_text: String,
    /// The response's id.
    pub response: Option<ResponseId>,
    /// The server's own marks.
    pub marks: Option<TurnMarks>,
    /// Responses that the server cut off during this turn.
    pub interruptions: u32,
    /// How long the response sounded, including pauses, in ms.
    pub response_ms: f64,
    /// The server's notices, and errors.
    pub notices: Vec<String>,
    /// The sound received, 16 kHz.
    #[serde(skip)]
    pub audio: Vec<i16>,
    /// The packets received, where they are asked for.
    #[serde(skip)]
    pub packets: Vec<Packet>,
}

#[derive(Debug)]
struct ResponseLog {
    id: ResponseId,
    started: Option<Instant>,
    stopped: Option<Instant>,
    text: Vec<String>,
    marks: Option<TurnMarks>,
    interrupted: bool,
    /// It failed, and another follows.
    failed: bool,
}

/// The events of a turn. Pure.
#[derive(Debug, Default)]
pub struct TurnLog {
    asked: Option<Instant>,
    hearing: Hearing,
    responses: Vec<ResponseLog>,
    transcripts: Vec<String>,
    language: String,
    notices: Vec<String>,
    /// What the agent said to make the person wait.
    fillers: Vec<String>,
    audio: Vec<i16>,
    packets: Vec<Packet>,
    /// Why the call ended, once it has.
    pub closed: Option<String>,
}

impl TurnLog {
    /// The question ended at this time.
    pub fn asked(&mut self, at: Instant) {
        self.asked = Some(at);
    }

    /// When the question ended; none: it is still being asked.
    #[must_use]
    pub fn asked_at(&self) -> Option<Instant> {
        self.asked
    }

    /// Takes an event.
    pub fn event(&mut self, arrived: Arrived) {
        match arrived.event {
            Event::Audio { samples, response } => {
                self.hearing.frame(arrived.at, &samples, response);
                self.audio.extend(samples);
            }
            Event::Message(message) => self.message(arrived.at, message),
            Event::Packet(packet) => self.packets.push(packet),
            Event::BadMessage(reason) => self.notices.push(reason),
            Event::Closed(why) => self.closed = Some(why),
        }
    }

    fn message(&mut self, at: Instant, message: ServerMessage) {
        match message {
            ServerMessage::UserTranscription { text, last: true, language } => {
                self.transcripts.push(text.trim().to_owned());
                self.language = language;
            }
            ServerMessage::BotStartedSpeaking { response } => {
                self.response(response).started.get_or_insert(at);
            }
            ServerMessage::BotStoppedSpeaking { response } => self.response(response).stopped = Some(at),
            ServerMessage::BotOutput { text, response } => self.response(response).text.push(text),
            ServerMessage::BotInterrupted { response, .. } => {
                self.hearing.drop_buffered(at);
                let response = self.response(response);
                response.interrupted = true;
                response.stopped.get_or_insert(at);
            }
            ServerMessage::ResponseFailed { response, .. } => {
                let response = self.response(response);
                response.failed = true;
                response.stopped.get_or_insert(at);
            }
            ServerMessage::Turn { response, marks, .. } => self.response(response).marks = Some(marks),
            ServerMessage::Error { message, fatal } => {
                self.notices.push(format!("error{}: {message}", if fatal { " (fatal)" } else { "" }));
            }
            ServerMessage::Notice { code, message } => {
                self.notices.push(format!("{code}: {message}"));
                if code == ASKS_TO_WAIT {
                    self.fillers.push(message);
                }
            }
            ServerMessage::ErrorResponse { error, .. } => {
                self.notices.push(format!("error-response: {error}"))
            }
            ServerMessage::CallEnded { message, .. } => self.closed = Some(message),
            _ => {}
        }
    }

    fn response(&mut self, id: ResponseId) -> &mut ResponseLog {
        let known = self.responses.iter().position(|response| response.id == id);
        let index = known.unwrap_or_else(|| {
            self.responses.push(ResponseLog {
                id,
                started: None,
                stopped: None,
                text: Vec::new(),
                marks: None,
                interrupted: false,
                failed: false,
            });
            self.responses.len() - 1
        });
        &mut self.responses[index]
    }

    /// The response to the whole question: the last that sounded, did not fail and was not a filler, unless it had ended
    /// before the question did.
    fn current(&self) -> Option<&ResponseLog> {
        let asked = self.asked?;
        let counts = |response: &&ResponseLog| {
            response.started.is_some() && !response.failed && !self.is_filler(response)
        };
        let last = self.responses.iter().rev().find(counts)?;
        let over_before = last.stopped.is_some_and(|stopped| stopped < asked);
        (!over_before).then_some(last)
    }

    /// Whether it only asked the person to wait, while the words of the question were late.
    fn is_filler(&self, response: &ResponseLog) -> bool {
        self.fillers.iter().any(|filler| response.text.join(" ").trim() == filler.trim())
    }

    fn sound_of<'a>(&'a self, response: &'a ResponseLog) -> impl Iterator<Item = &'a Span> {
        let before = self.responses.iter().filter(|one| one.id < response.id);
        let free = before.filter_map(|one| one.stopped).max();
        let from = response.started.and_then(|started| started.checked_sub(MESSAGE_AFTER_SOUND)).max(free);
        self.hearing.spans().iter().filter(move |span| match span.response {
            Some(id) => id == response.id,
            None => from.is_some_and(|from| span.start >= from),
        })
    }

    /// Whether the response is audible yet.
    #[must_use]
    pub fn heard(&self) -> bool {
        self.current().is_some_and(|response| self.sound_of(response).next().is_some())
    }

    /// Whether the response has ended or was cut off.
    #[must_use]
    pub fn over(&self) -> bool {
        self.current().is_some_and(|response| response.stopped.is_some() || response.interrupted)
    }

    /// The current response, and the time from the question to its first audible sample in ms.
    #[must_use]
    pub fn first_audio(&self) -> Option<(ResponseId, f64)> {
        let (asked, response) = self.asked.zip(self.current())?;
        let first = self.sound_of(response).next()?;
        Some((response.id, signed_ms(asked, first.start)))
    }

    /// The last response that was cut off.
    #[must_use]
    pub fn interrupted(&self) -> Option<ResponseId> {
        self.responses.iter().rev().find(|response| response.interrupted).map(|response| response.id)
    }

    /// What was audible.
    #[must_use]
    pub fn hearing(&self) -> &Hearing {
        &self.hearing
    }

    /// When to stop waiting for more events; `None` while the question is being asked.
    #[must_use]
    pub fn deadline(&self, patience: Duration) -> Option<Instant> {
        let asked = self.asked?;
        let Some(response) = self.current().filter(|response| !response.interrupted) else {
            return Some(asked + patience);
        };
        Some(match (response.stopped, response.marks) {
            _ if !self.heard() => asked + patience,
            (Some(stopped), Some(_)) => stopped,
            (Some(stopped), None) => stopped + MARKS_WITHIN,
            (None, _) => asked + LONGEST_RESPONSE,
        })
    }

    /// The measured turn.
    #[must_use]
    pub fn report(self) -> TurnReport {
        let mut report = TurnReport {
            transcript: self.transcripts.join(" ").trim().to_owned(),
            language: self.language.clone(),
            interruptions: self.responses.iter().filter(|response| response.interrupted).count() as u32,
            ..TurnReport::default()
        };
        if let (Some(asked), Some(response)) = (self.asked, self.current()) {
            report.response = Some(response.id);
            report.marks = response.marks;
            report.response_text = response.text.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
            let mut sound = self.sound_of(response);
            if let Some(first) = sound.next() {
                let last = sound.last().unwrap_or(first);
                report.voice_to_voice_ms = Some(signed_ms(asked, first.start));
                report.first_frame_ms = Some(signed_ms(asked, first.frames_from));
                report.response_ms = signed_ms(first.start, last.end);
            }
        }
        report.notices = self.notices;
        report.audio = self.audio;
        report.packets = self.packets;
        report
    }
}

/// Milliseconds from `from` to `to`, negative if `to` came first.
pub fn signed_ms(from: Instant, to: Instant) -> f64 {
    to.checked_duration_since(from).map_or_else(
        || -from.duration_since(to).as_secs_f64() * 1_000.0,
        |after| after.as_secs_f64() * 1_000.0,
    )
}

#[cfg(test)]
mod tests;
