//! The measured call, and what its person hears.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::Settings;
use super::super::calls::Questions;
use super::super::statistics::{Summary, summarise};
use visavis_client::turn::{Question, ask, settle};
use visavis_client::{Call, ClientError, ClientMessage, Event, ServerMessage};

/// A greeting is awaited before the first question, until this much silence.
const SILENT_FOR: Duration = Duration::from_millis(700);
const LONGEST_GREETING: Duration = Duration::from_secs(20);
/// A request that makes the agent talk for a while.
const LONG_STORY: &str = "Tell me a long story about a lighthouse, in at least ten sentences.";

/// The observations of one call.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Heard {
    /// Questions asked.
    pub asked: usize,
    /// Those of them with an audible response.
    pub answered: usize,
    /// Responses that began before the question had ended; not included in the latencies.
    pub early: usize,
    /// Last spoken sample to first audible sample at the client, in ms.
    pub voice_to_voice: Option<Summary>,
    /// Why the call failed, if it did.
    pub fault: Option<String>,
}

/// Begins a call and waits until its greeting has ended.
///
/// # Errors
/// When no call can be made.
pub(super) async fn begin(settings: &Settings) -> Result<Call, ClientError> {
    let mut call = settings.start().await?;
    settle(&mut call, SILENT_FOR, LONGEST_GREETING).await?;
    Ok(call)
}

/// Asks all questions, and hangs up.
pub(super) async fn converse(mut call: Call, questions: &Questions) -> Heard {
    let (mut heard, mut delays) = (Heard::default(), Vec::new());
    let asked = Box::pin(ask_all(&mut call, questions, &mut heard, &mut delays)).await;
    heard.fault = asked.err().map(|error| error.to_string());
    heard.answered = delays.len();
    let (on_time, early): (Vec<f64>, Vec<f64>) = delays.into_iter().partition(|delay| *delay >= 0.0);
    heard.early = early.len();
    heard.voice_to_voice = summarise(on_time);
    call.hang_up().await;
    heard
}

async fn ask_all(
    call: &mut Call,
    questions: &Questions,
    heard: &mut Heard,
    delays: &mut Vec<f64>,
) -> Result<(), ClientError> {
    for turn in 0..questions.turns {
        let clip = &questions.clips[turn % questions.clips.len()];
        heard.asked += 1;
        let report = ask(call, &Question::Spoken(clip.clone()), questions.patience).await?;
        delays.extend(report.voice_to_voice_ms);
        settle(call, SILENT_FOR, LONGEST_GREETING).await?;
    }
    Ok(())
}

/// Has the agent begin a long response; returns once it sounds, or after `patience`.
///
/// # Errors
/// When the call has ended.
pub(super) async fn keep_talking(call: &mut Call, patience: Duration) -> Result<(), ClientError> {
    call.send(ClientMessage::SendText(LONG_STORY.to_owned())).await?;
    let deadline = Instant::now() + patience;
    while let Some(arrived) = call.next_before(deadline).await {
        match arrived.event {
            Event::Message(ServerMessage::BotStartedSpeaking { .. }) => break,
            Event::Closed(why) => return Err(ClientError::Ended(why)),
            _ => {}
        }
    }
    Ok(())
}

/// Whether the server's last message arrives before the connection is closed.
pub(super) async fn told_of_its_end(mut call: Call, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    while let Some(arrived) = call.next_before(deadline).await {
        match arrived.event {
            Event::Message(ServerMessage::CallEnded { .. }) => return true,
            Event::Closed(_) => return false,
            _ => {}
        }
    }
    false
}
