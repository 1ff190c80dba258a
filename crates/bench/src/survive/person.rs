//! The person in a call: begins it, and comes back to it as the page does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::redial::{First, Redial};
use visavis_client::turn::{Question, settle};
use visavis_client::{Call, CallOptions, ClientError, Clip, Mode, Pass, Server};

/// A greeting is awaited until this much silence.
const SILENT_FOR: Duration = Duration::from_millis(700);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How long the server may take to send a resume token.
const TOKEN_WITHIN: Duration = Duration::from_secs(10);
/// How long the page looks for a server that is loading, at most.
const BACK_WITHIN: Duration = Duration::from_secs(180);
/// How often it asks such a server whether it is ready.
const READY_POLL: Duration = Duration::from_secs(1);

/// Who calls, and how.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// The transport.
    pub(super) mode: Mode,
    /// The language, if fixed.
    pub(super) language: Option<String>,
    /// How long the first sound of a response may take.
    pub(super) patience: Duration,
    /// Spoken questions with long responses, asked in turn.
    pub(super) questions: Vec<Arc<Clip>>,
}

impl Person {
    /// The question with this number.
    pub(super) fn question(&self, number: usize) -> Question {
        Question::Spoken(self.questions[number % self.questions.len()].clone())
    }

    /// Begins a call, or goes on with one.
    async fn call(&self, server: &Server, resume: Option<Pass>) -> Result<Call, ClientError> {
        let (language, background) = (self.language.clone(), Clip::room_noise());
        let options = CallOptions { language, background, resume, ..CallOptions::default() };
        Box::pin(Call::start(server, self.mode, options)).await
    }

    /// Begins a call; returns when it has been greeted and can be come back to.
    pub(super) async fn begin(&self, server: &Server) -> anyhow::Result<Call> {
        let mut call = self.call(server, None).await?;
        self.rest(&mut call).await?;
        let deadline = Instant::now() + TOKEN_WITHIN;
        while call.pass().is_none() {
            let arrived = call.next_before(deadline).await;
            arrived.context("the server sent no resume token: does its store work?")?;
        }
        Ok(call)
    }

    /// Waits until the agent is silent.
    pub(super) async fn rest(&self, call: &mut Call) -> Result<(), ClientError> {
        settle(call, SILENT_FOR, LONGEST_REST).await
    }

    /// Comes back to a call.
    ///
    /// # Errors
    /// When the server refuses the token for good, or cannot be reached for long.
    pub(super) async fn come_back(&self, server: &Server, pass: &Pass, first: First) -> anyhow::Result<Call> {
        let end = Instant::now() + BACK_WITHIN;
        let mut redial = Redial::new(first);
        loop {
            tokio::time::sleep(redial.pause()).await;
            let error = match self.call(server, Some(pass.clone())).await {
                Ok(call) => return Ok(call),
                Err(error) => error,
            };
            match error {
                error if Instant::now() >= end => {
                    return Err(error).context("the call was not taken up again");
                }
                ClientError::Refused { status: 410, detail, .. } if !redial.refused() => {
                    bail!("the resume token was refused: {detail}");
                }
                ClientError::Refused { status: 503, .. } => {
                    let loaded = loads(server, end).await;
                    redial.reached(loaded);
                }
                _ => {}
            }
        }
    }
}

/// Waits while the server is not ready; false: it was ready before.
async fn loads(server: &Server, end: Instant) -> bool {
    let mut waited = false;
    while !is_ready(server).await && Instant::now() < end {
        waited = true;
        tokio::time::sleep(READY_POLL).await;
    }
    waited
}

/// Whether the server takes calls now.
pub(super) async fn is_ready(server: &Server) -> bool {
    let answer = server.http().get(server.url("ready")).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}
