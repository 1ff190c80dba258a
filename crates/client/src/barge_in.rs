//! Barge-in: how soon a response is silent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::oneshot;

use super::call::Call;
use super::clip::Clip;
use super::error::ClientError;
use super::turn::{Question, TurnLog, TurnReport, ended, tell_server, wait_until};
use super::turn_log::signed_ms;
use visavis_core::frame::MIC_RATE;

/// The outcome of an interruption.
#[derive(Debug, Clone, Serialize)]
pub struct BargeInReport {
    /// From the first spoken sample of the interruption to the last audible sample of the response that it cut off.
    /// `None`: no response was cut off.
    pub silent_after_ms: Option<f64>,
    /// The interruption as its own turn.
    pub turn: TurnReport,
}

/// Asks, interrupts the response with `words` `after` its first sound, and listens until the response to those has ended.
pub async fn barge_in(
    call: &mut Call,
    question: &Question,
    words: &Arc<Clip>,
    after: Duration,
    patience: Duration,
) -> Result<BargeInReport, ClientError> {
    let mut log = TurnLog::default();
    let mut asking = call.put(question, &mut log).await?;
    let mut speak_at: Option<Instant> = None;
    let mut interrupting: Option<oneshot::Receiver<Instant>> = None;
    let mut began: Option<Instant> = None;
    let mut told = false;
    loop {
        // Until the interruption, wait for its time; the response may also end first.
        let deadline =
            if began.is_some() { log.deadline(patience) } else { speak_at.or(log.deadline(patience)) };
        tokio::select! {
            at = async { asking.as_mut().expect("checked by the branch").await }, if asking.is_some() => {
                asking = None;
                log.asked(at.map_err(|_| ended(&log))?);
            }
            at = async { interrupting.as_mut().expect("checked by the branch").await }, if interrupting.is_some() => {
                interrupting = None;
                let end = at.map_err(|_| ended(&log))?;
                began = end.checked_sub(spoken_time(words));
                log.asked(end);
            }
            arrived = call.next() => match arrived {
                Some(arrived) => log.event(arrived),
                None => return Err(ended(&log)),
            },
            () = wait_until(deadline), if interrupting.is_none() => {
                if began.is_some() || speak_at.take().is_none() {
                    break;
                }
                interrupting = Some(call.speak(words.clone()).await?);
            }
        }
        if log.closed.is_some() {
            return Err(ended(&log));
        }
        if !told && log.heard() {
            told = true;
            tell_server(call, &log).await?;
            speak_at = Some(Instant::now() + after);
        }
    }
    Ok(BargeInReport {
        silent_after_ms: began.and_then(|began| silent_after(&log, began)),
        turn: log.report(),
    })
}

fn spoken_time(words: &Clip) -> Duration {
    let (first, last) = words.spoken().unwrap_or_default();
    Duration::from_secs_f64((last - first) as f64 / f64::from(MIC_RATE))
}

/// From the interruption to the end of the span that sounded then, if the server says that it cut a response off.
fn silent_after(log: &TurnLog, began: Instant) -> Option<f64> {
    log.interrupted()?;
    let cut = log.hearing().spans().iter().rev().find(|span| span.start < began)?;
    let ms = signed_ms(began, cut.end);
    (ms > 0.0).then_some(ms)
}
