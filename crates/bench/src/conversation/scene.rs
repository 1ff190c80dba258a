//! What was said and what came back, event by event, and the answers in it. Pure.

use std::time::{Duration, Instant};

use super::scenarios::Role;
use visavis_client::hearing::{Hearing, Stretch};
use visavis_client::{Arrived, Event, ServerMessage};
use visavis_core::frame::ResponseId;

/// An answer whose message comes later than its sound, over another channel, is still its own.
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

/// All of one run of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// What was said, in order.
    pub spoken: Vec<Spoken>,
    /// What came back, in order of arrival.
    pub events: Vec<Arrived>,
    /// The answer was over before its line was due: the rest of the scenario did not happen.
    pub missed: bool,
}

/// An answer as the client saw it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its id.
    pub response: ResponseId,
    /// The first message about it.
    pub begun: Instant,
    /// It was said to sound.
    pub started: Option<Instant>,
    /// It was said to have ended.
    pub stopped: Option<Instant>,
    /// It was interrupted, and of it was heard, as the server says.
    pub cut: Option<(Instant, String)>,
    /// Its phrases, each when it began to sound.
    pub phrases: Vec<(Instant, String)>,
    /// Its text as it was generated.
    pub generated: String,
    /// Nothing more is generated.
    pub complete: bool,
    /// Its audible stretches.
    pub sound: Vec<Stretch>,
}

impl Answer {
    /// Its first audible sample.
    #[must_use]
    pub fn first(&self) -> Option<Instant> {
        self.sound.first().map(|stretch| stretch.start)
    }

    /// Its last audible sample.
    #[must_use]
    pub fn last(&self) -> Option<Instant> {
        self.sound.last().map(|stretch| stretch.end)
    }
}

/// What the client made of the events.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// The answers, in order.
    pub answers: Vec<Answer>,
    /// Final transcripts.
    pub finals: Vec<(Instant, String)>,
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
                Event::BadMessage(why) | Event::Closed(why) => scene.notices.push(why.clone()),
            }
        }
        for stretch in hearing.stretches() {
            if let Some(answer) = scene.owner(stretch) {
                answer.sound.push(*stretch);
            }
        }
        scene
    }

    fn message(&mut self, at: Instant, message: &ServerMessage) {
        match message {
            ServerMessage::UserTranscription { text, last: true, .. } => {
                self.finals.push((at, text.trim().to_owned()));
            }
            ServerMessage::BotLlmStarted { response } => drop(self.answer(at, *response)),
            ServerMessage::BotLlmText { text, response } => {
                self.answer(at, *response).generated.push_str(text);
            }
            ServerMessage::BotLlmStopped { response } => self.answer(at, *response).complete = true,
            ServerMessage::BotStartedSpeaking { response } => {
                self.answer(at, *response).started.get_or_insert(at);
            }
            ServerMessage::BotOutput { text, response } => {
                self.answer(at, *response).phrases.push((at, text.clone()));
            }
            ServerMessage::BotStoppedSpeaking { response } => self.answer(at, *response).stopped = Some(at),
            ServerMessage::BotInterrupted { response, heard } => {
                self.answer(at, *response).cut.get_or_insert((at, heard.clone()));
            }
            ServerMessage::Error { message, .. } => self.notices.push(format!("error: {message}")),
            ServerMessage::Notice { code, message } => self.notices.push(format!("{code}: {message}")),
            ServerMessage::CallEnded { message, .. } => self.notices.push(message.clone()),
            _ => {}
        }
    }

    fn answer(&mut self, at: Instant, response: ResponseId) -> &mut Answer {
        let known = self.answers.iter().position(|answer| answer.response == response);
        let index = known.unwrap_or_else(|| {
            self.answers.push(Answer {
                response,
                begun: at,
                started: None,
                stopped: None,
                cut: None,
                phrases: Vec::new(),
                generated: String::new(),
                complete: false,
                sound: Vec::new(),
            });
            self.answers.len() - 1
        });
        &mut self.answers[index]
    }

    /// Whose sound it is: WebRTC does not say it, so the last answer that had started by then.
    fn owner(&mut self, stretch: &Stretch) -> Option<&mut Answer> {
        match stretch.response {
            Some(response) => self.answers.iter_mut().find(|answer| answer.response == response),
            None => self.answers.iter_mut().rev().find(|answer| {
                answer.started.is_some_and(|started| started <= stretch.start + MESSAGE_AFTER_SOUND)
            }),
        }
    }

    /// The answer that sounded, or was between two of its sounds, at a time.
    #[must_use]
    pub fn sounding(&self, at: Instant) -> Option<&Answer> {
        self.answers.iter().rev().find(|answer| {
            let ends = answer.last().max(answer.cut.as_ref().map(|(cut, _)| *cut));
            answer.first().is_some_and(|first| first < at) && ends.is_some_and(|ends| ends > at)
        })
    }
}
