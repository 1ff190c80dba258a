//! `bench`: drives real calls against a running server, or engines of its own, and measures what a person would notice and
//! what it costs.
//!
//! - [`process`]: CPU time and memory of the server, its engines and this program, from `/proc`
//! - [`statistics`]: percentiles of what was measured
//! - [`calls`]: questions and responses; [`idle`]: connected calls that listen, or whose microphones are muted; [`churn`]: calls opened and closed;
//!   [`interrupt`]: barge-in
//! - [`failures`]: engines stopped or killed in the middle of a turn
//! - [`hostile`]: a client that attacks in every way at once, beside a call
//! - [`loss`]: what is understood over a network that loses packets
//! - [`relay`]: what the embedded relay adds to the way of a packet
//! - [`survive`]: servers killed, stopped and replaced under calls that go on
//! - [`conversation`]: scripted scenarios, judged against the targets
//! - [`avatar`]: how good the face is; [`voices`]: how good the voices are
//! - [`harness`]: checks of a server, down to a spoken turn
//! - [`table`]: the results as tables
#![forbid(unsafe_code)]

pub mod avatar;
pub mod calls;
pub mod churn;
pub mod conversation;
pub mod failures;
pub mod harness;
pub mod hostile;
pub mod idle;
pub mod interrupt;
pub mod loss;
pub mod process;
pub mod relay;
pub mod statistics;
pub mod survive;
pub mod table;
pub mod voices;

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
    /// Number of concurrent calls.
    pub calls: usize,
    /// Time between the starts of two calls, since people do not start to speak at the same moment.
    pub stagger: Duration,
    /// What microphones hear between questions.
    pub background: Arc<Clip>,
    /// Whether, over WebRTC, silence is not sent.
    pub dtx: bool,
    /// The language, if fixed.
    pub language: Option<String>,
    /// The server's process, if it runs on this machine.
    pub pid: Option<u32>,
}

impl Settings {
    async fn start(&self) -> Result<Call, ClientError> {
        self.start_in(Surroundings::default()).await
    }

    /// Starts a call whose microphone hears more than the person.
    async fn start_in(&self, surroundings: Surroundings) -> Result<Call, ClientError> {
        let (language, background) = (self.language.clone(), self.background.clone());
        let dtx = self.dtx;
        let options = CallOptions { language, background, surroundings, dtx, ..CallOptions::default() };
        Box::pin(Call::start(&self.server, self.mode, options)).await
    }

    /// The number of calls in progress, according to the server.
    async fn calls_active(&self) -> Option<f64> {
        let [active] = metrics(&self.server, ["visavis_calls_active"]).await?;
        Some(active)
    }
}

/// The server's metrics with these names; none unless it has all of them.
async fn metrics<const N: usize>(server: &Server, names: [&str; N]) -> Option<[f64; N]> {
    let response = server.http().get(server.url("metrics")).send().await.ok()?;
    let body = response.text().await.ok()?;
    let mut values = [0.0; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = crate::harness::metric(&body, name)?;
    }
    Some(values)
}
