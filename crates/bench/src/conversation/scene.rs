//! The events of a run, and the responses in them. Pure.

use std::time::{Duration, Instant};

use super::script::Role;
use visavis_client::hearing::{Hearing, Span};
use visavis_client::{Arrived, Event, ServerMessage};
use visavis_core::frame::ResponseId;

/// How much later than its sound a response's message may arrive, over another channel.
const MESSAGE_AFTER_SOUND: Duration = Duration::from_millis(500);

/// A line as it was spoken.
#[derive(Debug, Clone)]
pub struct Spoken {
    /// What it means.
    pub role: Role,
    /// Its words.
    pub words: String,
    /// Its first spoken sample.
    pub from: Instant,
    /// Its last.
    pub to: Instant,
}

/// Everything recorded in one run of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// What was said, in order.
    pub spoken: Vec<Spoken>,
    /// What was received, in order of arrival.
    pub events: Vec<Arrived>,
    /// A response was over before the line meant for it, so the rest of the scenario was not played.
    pub missed: bool,
}

/// A text of the server.
#[derive(Debug, Clone)]
pub struct ReceivedText {
    /// When it arrived.
    pub at: Instant,
    /// The text.
    pub text: String,
}

/// A response as the client saw it.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its id.
    pub id: ResponseId,
    /// The first message about it.
    pub begun: Instant,
    /// When the server said that it sounds.
    pub started: Option<Instant>,
    /// When the server said that it has ended.
    pub stopped: Option<Instant>,
    /// The words that the server said were heard of it when it was interrupted.
    pub cut: Option<ReceivedText>,
    /// Its segments; each arrived when it began to sound.
    pub segments: Vec<ReceivedText>,
    /// Its generated text.
    pub generated: String,
    /// Generation is complete.
    pub complete: bool,
    /// Its audible spans.
    pub sound: Vec<Span>,
}

impl Response {
    /// Its first audible sample.
    #[must_use]
    pub fn first(&self) -> Option<Instant> {
        self.sound.first().map(|span| span.start)
    }

    /// Its last audible sample.
    #[must_use]
    pub fn last(&self) -> Option<Instant> {
        self.sound.last().map(|span| span.end)
    }
}

/// The result of reading the events.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// The responses, in order.
    pub responses: Vec<Response>,
    /// Final transcripts.
    pub finals: Vec<ReceivedText>,
    /// Faults and notices.
    pub notices: Vec<String>,
}

impl Scene {
    /// Reads events in order of arrival.
    #[must_use]
    pub fn read(events: &[Arrived]) -> Self {
        let mut scene = Self::default();
        let mut hearing = Hearing::default();
        for arrived in events {
            match &arrived.event {
                Event::Audio { samples, response } => hearing.frame(arrived.at, samples, *response),
                Event::Message(message) => {
                    if matches!(message, ServerMessage::BotInterrupted { .. }) {
                        hearing.drop_buffered(arrived.at);
                    }
                    scene.message(arrived.at, message);
                }
                Event::Packet(_) => {}
                Event::BadMessage(why) | Event::Closed(why) => scene.notices.push(why.clone()),
            }
        }
        for span in hearing.spans() {
            if let Some(response) = scene.owner(span) {
                response.sound.push(*span);
            }
        }
        scene
    }

    fn message(&mut self, at: Instant, message: &ServerMessage) {
        match message {
            ServerMessage::UserTranscription { text, last: true, .. } => {
                self.finals.push(ReceivedText { at, text: text.trim().to_owned() });
            }
            ServerMessage::BotLlmStarted { response } => drop(self.response(at, *response)),
            ServerMessage::BotLlmText { text, response } => {
                self.response(at, *response).generated.push_str(text);
            }
            ServerMessage::BotLlmStopped { response } => self.response(at, *response).complete = true,
            ServerMessage::BotStartedSpeaking { response } => {
                self.response(at, *response).started.get_or_insert(at);
            }
            ServerMessage::BotOutput { text, response } => {
                self.response(at, *response).segments.push(ReceivedText { at, text: text.clone() });
            }
            ServerMessage::BotStoppedSpeaking { response } => self.response(at, *response).stopped = Some(at),
            ServerMessage::BotInterrupted { response, heard } => {
                self.response(at, *response).cut.get_or_insert(ReceivedText { at, text: heard.clone() });
            }
            ServerMessage::Error { message, .. } => self.notices.push(format!("error: {message}")),
            ServerMessage::Notice { code, message } => self.notices.push(format!("{code}: {message}")),
            ServerMessage::CallEnded { message, .. } => self.notices.push(message.clone()),
            _ => {}
        }
    }

    fn response(&mut self, at: Instant, id: ResponseId) -> &mut Response {
        let known = self.responses.iter().position(|response| response.id == id);
        let index = known.unwrap_or_else(|| {
            self.responses.push(Response {
                id,
                begun: at,
                started: None,
                stopped: None,
                cut: None,
                segments: Vec::new(),
                generated: String::new(),
                complete: false,
                sound: Vec::new(),
            });
            self.responses.len() - 1
        });
        &mut self.responses[index]
    }

    /// The response that a sound belongs to. WebRTC does not name it, so it is the last that had started by then.
    fn owner(&mut self, span: &Span) -> Option<&mut Response> {
        match span.response {
            Some(id) => self.responses.iter_mut().find(|response| response.id == id),
            None => self.responses.iter_mut().rev().find(|response| {
                response.started.is_some_and(|started| started <= span.start + MESSAGE_AFTER_SOUND)
            }),
        }
    }

    /// The response that sounded, or was between two of its sounds, at this time.
    #[must_use]
    pub fn sounding(&self, at: Instant) -> Option<&Response> {
        self.responses.iter().rev().find(|response| {
            let ends = response.last().max(response.cut.as_ref().map(|cut| cut.at));
            response.first().is_some_and(|first| first < at) && ends.is_some_and(|ends| ends > at)
        })
    }
}
