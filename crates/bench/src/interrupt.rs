//! Barge-in: how soon a response is silent.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Settings;
use super::calls::Questions;
use super::statistics::{Summary, summarise};
use visavis_client::barge_in::{BargeInReport, barge_in};
use visavis_client::turn::{Question, settle};
use visavis_client::{ClientError, Clip};

const SILENT_FOR: Duration = Duration::from_millis(700);
const LONGEST_GREETING: Duration = Duration::from_secs(20);

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct InterruptReport {
    /// Concurrent calls.
    pub calls: usize,
    /// Responses that were interrupted, or had just ended.
    pub interruptions: usize,
    /// First spoken sample of the interruption to the last audible sample of the response, in ms.
    pub silent_after: Option<Summary>,
    /// Responses that were not cut off: they had ended before, or went on.
    pub not_cut_off: usize,
    /// Interruptions that got no audible response.
    pub missing: usize,
    /// Last spoken sample of the interruption to the response to it, in ms.
    pub voice_to_voice: Option<Summary>,
    /// Why calls failed.
    pub faults: Vec<String>,
}

/// Asks all questions in all calls, and interrupts each response `after` its first sound.
pub async fn run(settings: &Settings, questions: &Questions, after: Duration) -> InterruptReport {
    let mut running = tokio::task::JoinSet::new();
    for index in 0..settings.calls {
        let (settings, questions) = (settings.clone(), questions.clone());
        running.spawn(async move {
            tokio::time::sleep(settings.stagger * index as u32).await;
            let mut turns = Vec::new();
            let fault = Box::pin(one_call(&settings, &questions, after, &mut turns)).await.err();
            (turns, fault.map(|error| format!("call {index}: {error}")))
        });
    }
    let (turns, faults): (Vec<_>, Vec<_>) = running.join_all().await.into_iter().unzip();
    let turns: Vec<BargeInReport> = turns.into_iter().flatten().collect();
    let silent: Vec<f64> = turns.iter().filter_map(|turn| turn.silent_after_ms).collect();
    let answered: Vec<f64> = turns.iter().filter_map(|turn| turn.turn.voice_to_voice_ms).collect();
    InterruptReport {
        calls: settings.calls,
        interruptions: turns.len(),
        not_cut_off: turns.len() - silent.len(),
        missing: turns.len() - answered.len(),
        silent_after: summarise(silent),
        voice_to_voice: summarise(answered),
        faults: faults.into_iter().flatten().collect(),
    }
}

async fn one_call(
    settings: &Settings,
    questions: &Questions,
    after: Duration,
    turns: &mut Vec<BargeInReport>,
) -> Result<(), ClientError> {
    let mut call = settings.start().await?;
    settle(&mut call, SILENT_FOR, LONGEST_GREETING).await?;
    for turn in 0..questions.turns {
        let clip = |n: usize| -> &Arc<Clip> { &questions.clips[n % questions.clips.len()] };
        let question = Question::Spoken(clip(turn).clone());
        let report = barge_in(&mut call, &question, clip(turn + 1), after, questions.patience).await?;
        turns.push(report);
        settle(&mut call, SILENT_FOR, LONGEST_GREETING).await?;
    }
    call.hang_up().await;
    Ok(())
}
