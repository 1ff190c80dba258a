//! Does the items of jobs, by the rooms that serve requests, behind all that somebody waits for.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::FromRef;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use visavis_jobs::{Fault, Kind, Product, Task, Worker};
use visavis_listening::listen::Order;

use crate::api::{App, hearing, speech, transcribe};
use crate::engine::status::EngineStatus;

/// How often, and at which pauses, an engine that refused an item is looked at: that it is gone is noticed within 2 s.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// What does items: this process, by its engines. A worker on another machine would stand here as well.
pub(super) struct Hands {
    pub(super) speech: Arc<speech::Desk>,
    pub(super) hearing: hearing::Desk,
    /// Whether recognition is ready.
    pub(super) stt: watch::Receiver<EngineStatus>,
}

/// A recording of a job, and how it is to be transcribed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recorded {
    name: String,
    language: String,
    prompt: String,
    translate: bool,
    measured: bool,
}

impl Recorded {
    pub(super) fn new(name: String, order: &Order) -> Self {
        let Order { language, prompt, translate, measured } = order.clone();
        Self { name, language, prompt, translate, measured }
    }
}

impl Hands {
    pub(super) fn of(app: &App) -> Self {
        Self {
            speech: app.speech.clone(),
            hearing: hearing::Desk::from_ref(app),
            stt: app.fleet.stt.status.clone(),
        }
    }

    async fn speak(&self, line: &str) -> Result<Product, Fault> {
        let asked = speech::Asked::speak(line.as_bytes()).map_err(of_speech)?;
        let ending = asked.format.extension();
        self.speech.check_voice().map_err(|fault| Fault::Later(fault.message()))?;
        match self.speech.unhurried(asked).await {
            Ok(whole) => Ok(Product { bytes: whole.bytes.clone(), ending }),
            Err(fault) => Err(judged(of_speech(fault), || self.speech.check_voice().is_ok()).await),
        }
    }

    async fn hear(&self, task: Task) -> Result<Product, Fault> {
        let recorded = serde_json::from_str::<Recorded>(&task.line);
        let (Ok(recorded), Some(file)) = (recorded, task.recording) else {
            return Err(Fault::Failed("The recording is gone from the server's disk.".to_owned()));
        };
        let Recorded { name, language, prompt, translate, measured } = recorded;
        self.check_recognition()?;
        let order = Order { language, prompt, translate, measured };
        let heard = match hearing::heard(file, order, self.hearing.engines.clone().unhurried()).await {
            Ok(heard) => heard,
            Err(fault) => return Err(judged(of_hearing(fault), || self.check_recognition().is_ok()).await),
        };
        let mut transcript = transcribe::whole(&heard);
        transcript["name"] = json!(name);
        Ok(Product { bytes: transcript.to_string().into(), ending: "json" })
    }

    fn check_recognition(&self) -> Result<(), Fault> {
        let status = self.stt.borrow();
        if status.ready { Ok(()) } else { Err(Fault::Later(format!("Recognition {}.", status.message))) }
    }
}

#[async_trait]
impl Worker for Hands {
    async fn work(&self, task: Task) -> Result<Product, Fault> {
        match task.kind {
            Kind::Speech => self.speak(&task.line).await,
            Kind::Transcription => self.hear(task).await,
        }
    }
}

/// An engine that refuses an item has not tried it. But one that goes away while it has an item may have gone because of it: that counts
/// as an attempt, so that no item kills an engine for ever.
async fn judged(fault: Fault, is_ready: impl Fn() -> bool) -> Fault {
    let Fault::Later(reason) = fault else { return fault };
    for _ in 0..LOOKS {
        if !is_ready() {
            return Fault::Again(reason);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Fault::Later(reason)
}

fn of_speech(fault: speech::Fault) -> Fault {
    match fault {
        speech::Fault::Busy { .. } | speech::Fault::Share { .. } => Fault::Later(fault.message()),
        _ => Fault::Failed(fault.message()),
    }
}

fn of_hearing(fault: hearing::Fault) -> Fault {
    // One that says when to try again is of an engine without time.
    if fault.retry_after.is_some() { Fault::Later(fault.detail) } else { Fault::Failed(fault.detail) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_no_attempt_unless_the_engine_goes_away_with_the_item() {
        let busy = || of_speech(speech::Fault::busy(5, "busy"));
        assert_eq!(judged(busy(), || true).await, Fault::Later("busy".into()));
        let looks = Cell::new(0);
        let goes = || {
            looks.set(looks.get() + 1);
            looks.get() < 5
        };
        assert_eq!(judged(busy(), goes).await, Fault::Again("busy".into()));
        let failed = judged(Fault::Failed("no".into()), || panic!("it is not looked at")).await;
        assert_eq!(failed, Fault::Failed("no".into()));
    }
}
