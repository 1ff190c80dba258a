//! Does the items of jobs, by the rooms that serve requests, behind all that somebody waits for.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::FromRef;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use visavis_jobs::{Fault, Kind, Product, Task, Worker};
use visavis_listening::listen::Order;

use crate::api::{App, hearing, speech, transcribe};
use crate::engine::status::EngineStatus;

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
        let whole = self.speech.unhurried(asked).await.map_err(of_speech)?;
        Ok(Product { bytes: whole.bytes.clone(), ending })
    }

    async fn hear(&self, task: Task) -> Result<Product, Fault> {
        let recorded = serde_json::from_str::<Recorded>(&task.line);
        let (Ok(recorded), Some(file)) = (recorded, task.recording) else {
            return Err(Fault::Failed("The recording is gone from the server's disk.".to_owned()));
        };
        let Recorded { name, language, prompt, translate, measured } = recorded;
        self.check_recognition()?;
        let order = Order { language, prompt, translate, measured };
        let heard = hearing::heard(file, order, self.hearing.engines.clone().unhurried())
            .await
            .map_err(of_hearing)?;
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

fn of_speech(fault: speech::Fault) -> Fault {
    match fault {
        speech::Fault::Busy { .. } | speech::Fault::Share { .. } => Fault::Again(fault.message()),
        _ => Fault::Failed(fault.message()),
    }
}

fn of_hearing(fault: hearing::Fault) -> Fault {
    // One that says when to try again is of an engine without time.
    if fault.retry_after.is_some() { Fault::Again(fault.detail) } else { Fault::Failed(fault.detail) }
}
