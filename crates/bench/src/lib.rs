//! `bench`: drives real calls against a running server and measures what a person would notice and what it costs.
//!
//! - [`process`]: CPU time and memory of the server, its engines and this program, from `/proc`
//! - [`statistics`]: percentiles of what was measured
//! - [`calls`]: questions and answers; [`idle`]: connected, listening calls; [`churn`]: calls opened and closed;
//!   [`interrupt`]: answers that are spoken into
//! - [`failures`]: engines that are stopped or killed in the middle of a turn
//! - [`conversation`]: scripted scenarios, judged against the targets
//! - [`avatar`]: what the face is worth
//! - [`harness`]: is a server whole, down to a spoken turn
//! - [`table`]: the results for people
#![forbid(unsafe_code)]

pub mod avatar;
pub mod calls;
pub mod churn;
pub mod conversation;
pub mod failures;
pub mod harness;
pub mod idle;
pub mod interrupt;
pub mod process;
pub mod statistics;
pub mod table;

use std::sync::Arc;
use std::time::Duration;

use visavis_client::{Call, CallOptions, ClientError, Clip, Mode, Server, Surroundings};

/// What every measurement needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server.
    pub server: Server,
    /// The transport.
    pub mode: Mode,
    /// How many calls at once.
    pub calls: usize,
    /// The time between the starts of two calls: people do not start to speak in step.
    pub stagger: Duration,
    /// What microphones hear between questions.
    pub background: Arc<Clip>,
    /// The language, where it is fixed.
    pub language: Option<String>,
    /// The server's process, where it runs on this machine.
    pub pid: Option<u32>,
}

impl Settings {
    async fn start(&self) -> Result<Call, ClientError> {
        self.start_in(Surroundings::default()).await
    }

    /// A call whose microphone hears more than its person.
    async fn start_in(&self, surroundings: Surroundings) -> Result<Call, ClientError> {
        let (language, background) = (self.language.clone(), self.background.clone());
        let options = CallOptions { language, background, surroundings };
        Box::pin(Call::start(&self.server, self.mode, options)).await
    }

    /// How many calls the server says are in progress.
    async fn calls_active(&self) -> Option<f64> {
        let [active] = metrics(&self.server, ["visavis_calls_active"]).await?;
        Some(active)
    }
}

/// What the server counts under these names; none unless it tells all of them.
async fn metrics<const N: usize>(server: &Server, names: [&str; N]) -> Option<[f64; N]> {
    let response = server.http().get(server.url("metrics")).send().await.ok()?;
    let body = response.text().await.ok()?;
    let mut values = [0.0; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = crate::harness::metric(&body, name)?;
    }
    Some(values)
}
