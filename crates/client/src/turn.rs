//! One turn of a call: a question, and the response as a person would hear it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::call::Call;
use super::clip::Clip;
use super::error::ClientError;
use super::link::Event;
use super::message::{ClientMessage, ServerMessage};
pub use super::turn_log::{TurnLog, TurnReport};

/// The person's question.
#[derive(Debug, Clone)]
pub enum Question {
    /// Spoken words.
    Spoken(Arc<Clip>),
    /// Typed words.
    Typed(String),
}

/// Asks, listens until the response has ended, and tells the server when it was heard. `patience`: how long the first sound
/// may take.
pub async fn ask(
    call: &mut Call,
    question: &Question,
    patience: Duration,
) -> Result<TurnReport, ClientError> {
    let mut log = TurnLog::default();
    let mut spoken = call.put(question, &mut log).await?;
    let mut reported = false;
    loop {
        let deadline = log.deadline(patience);
        tokio::select! {
            at = async { spoken.as_mut().expect("checked by the branch").await }, if spoken.is_some() => {
                spoken = None;
                log.asked(at.map_err(|_| ended(&log))?);
            }
            arrived = call.next() => match arrived {
                Some(arrived) => log.event(arrived),
                None => return Err(ended(&log)),
            },
            () = wait_until(deadline) => break,
        }
        if log.closed.is_some() {
            return Err(ended(&log));
        }
        if !reported && log.heard() {
            reported = true;
            tell_server(call, &log).await?;
        }
    }
    Ok(log.report())
}

impl Call {
    /// Begins to ask. The receiver resolves to the end of a spoken question; a typed one ends at once.
    ///
    /// # Errors
    /// When the call has ended.
    pub async fn put(
        &mut self,
        question: &Question,
        log: &mut TurnLog,
    ) -> Result<Option<oneshot::Receiver<Instant>>, ClientError> {
        match question {
            Question::Spoken(clip) => Ok(Some(self.speak(clip.clone()).await?)),
            Question::Typed(text) => {
                self.send(ClientMessage::SendText(text.clone())).await?;
                log.asked(Instant::now());
                Ok(None)
            }
        }
    }

    /// Asks what the loss of a connection cut off, as the page does by itself once its call goes on; otherwise as [`put`](Self::put).
    ///
    /// # Errors
    /// When the call has ended.
    pub async fn put_again(
        &mut self,
        question: &Question,
        log: &mut TurnLog,
    ) -> Result<Option<oneshot::Receiver<Instant>>, ClientError> {
        match question {
            Question::Spoken(clip) => Ok(Some(self.hand_over(clip.clone()).await?)),
            Question::Typed(_) => self.put(question, log).await,
        }
    }
}

/// Waits until the deadline; `None`: for ever.
pub async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Tells the server when the response was first heard, as clients do.
///
/// # Errors
/// When the call has ended.
pub async fn tell_server(call: &Call, log: &TurnLog) -> Result<(), ClientError> {
    let Some((response, ms)) = log.first_audio() else { return Ok(()) };
    call.send(ClientMessage::FirstAudio { response, ms: ms.max(0.0) as u32 }).await
}

/// Why the call ended, as an error.
#[must_use]
pub fn ended(log: &TurnLog) -> ClientError {
    ClientError::Ended(log.closed.clone().unwrap_or_else(|| "the connection is closed".to_owned()))
}

/// Waits until the agent has been silent for `silent_for`, so that a greeting has ended. Gives up after `at_most`.
pub async fn settle(call: &mut Call, silent_for: Duration, at_most: Duration) -> Result<(), ClientError> {
    let end = Instant::now() + at_most;
    let mut speaking = false;
    let mut quiet_since = Instant::now();
    loop {
        let deadline = if speaking { end } else { end.min(quiet_since + silent_for) };
        let Some(arrived) = call.next_before(deadline).await else {
            return if Instant::now() >= deadline { Ok(()) } else { Err(ended(&TurnLog::default())) };
        };
        match arrived.event {
            Event::Message(ServerMessage::BotStartedSpeaking { .. }) => speaking = true,
            Event::Message(
                ServerMessage::BotStoppedSpeaking { .. } | ServerMessage::BotInterrupted { .. },
            ) => {
                speaking = false;
                quiet_since = arrived.at;
            }
            Event::Audio { .. } => quiet_since = arrived.at,
            Event::Message(ServerMessage::CallEnded { message, .. }) | Event::Closed(message) => {
                return Err(ClientError::Ended(message));
            }
            _ => {}
        }
    }
}
