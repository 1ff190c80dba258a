//! Listens to a response until it is over, until it is cut, or until the connection is lost.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::words::Told;
use visavis_client::turn::{Question, TurnLog, tell_server, wait_until};
use visavis_client::{Arrived, Call, Event, Recalled, ServerMessage};
use visavis_core::event::EndReason;

/// Longest time from `bot-ready` to the message that says what a call goes on from.
const RECALLED_WITHIN: Duration = Duration::from_secs(5);

/// When to stop listening.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until {
    /// How long the first sound may take.
    pub(super) patience: Duration,
    /// How long after the first sound the response is cut; none: not at all.
    pub(super) cut: Option<Duration>,
}

impl Until {
    /// The end of the response.
    pub(super) fn over(patience: Duration) -> Self {
        Self { patience, cut: None }
    }
}

/// Why listening stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The response is over, or none came in time.
    Over,
    /// It is to be cut now.
    Cut,
    /// The connection was lost.
    Lost,
}

/// What was heard over one connection since a question.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The turn.
    pub(super) log: TurnLog,
    /// The agent's words.
    pub(super) told: Told,
    /// Why the server ended the call, if it did.
    pub(super) ended: Option<EndReason>,
}

impl Heard {
    /// Of a call that goes on from this moment on.
    pub(super) fn since(at: Instant) -> Self {
        let mut heard = Self::default();
        heard.log.asked(at);
        heard
    }

    fn event(&mut self, arrived: Arrived) {
        if let Event::Message(message) = &arrived.event {
            self.told.message(message);
            if let ServerMessage::CallEnded { reason, .. } = message {
                self.ended = Some(*reason);
            }
        }
        self.log.event(arrived);
    }

    /// Asks and listens.
    pub(super) async fn ask(&mut self, call: &mut Call, question: &Question, until: Until) -> End {
        match call.put(question, &mut self.log).await {
            Ok(asking) => self.listen(call, asking, until).await,
            Err(_) => End::Lost,
        }
    }

    /// Asks what the loss of a connection cut off, as the page does by itself, and listens.
    pub(super) async fn hand_over(&mut self, call: &mut Call, question: &Question, until: Until) -> End {
        match call.put_again(question, &mut self.log).await {
            Ok(asking) => self.listen(call, asking, until).await,
            Err(_) => End::Lost,
        }
    }

    /// Listens; `asking`: until the question is asked.
    pub(super) async fn listen(
        &mut self,
        call: &mut Call,
        mut asking: Option<oneshot::Receiver<Instant>>,
        until: Until,
    ) -> End {
        let (mut cut_at, mut told) = (None, false);
        loop {
            let deadline = self.log.deadline(until.patience);
            tokio::select! {
                at = async { asking.as_mut().expect("checked by the branch").await }, if asking.is_some() => {
                    asking = None;
                    match at {
                        Ok(at) => self.log.asked(at),
                        Err(_) => return End::Lost,
                    }
                }
                arrived = call.next() => match arrived {
                    Some(arrived) => self.event(arrived),
                    None => return End::Lost,
                },
                () = wait_until(cut_at), if cut_at.is_some() => return End::Cut,
                () = wait_until(deadline) => return End::Over,
            }
            if self.log.closed.is_some() {
                return End::Lost;
            }
            if !told && self.log.heard() {
                told = true;
                if tell_server(call, &self.log).await.is_err() {
                    return End::Lost;
                }
                cut_at = until.cut.map(|after| Instant::now() + after);
            }
        }
    }

    /// What a call goes on from, which the server says after its hello; none: it did not say it, or it is a new call.
    pub(super) async fn recalled(&mut self, call: &mut Call) -> Option<Recalled> {
        let deadline = Instant::now() + RECALLED_WITHIN;
        while call.recalled().is_none() {
            let arrived = call.next_before(deadline).await?;
            self.event(arrived);
            if self.log.closed.is_some() {
                return None;
            }
        }
        call.recalled().cloned()
    }

    /// When the agent was first audible; none: it was not.
    pub(super) fn first_sound(&self) -> Option<Instant> {
        self.log.hearing().spans().first().map(|span| span.start)
    }
}
