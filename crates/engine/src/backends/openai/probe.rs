//! Looks after an endpoint and publishes whether it is ready.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::endpoint::Endpoint;
use super::models::Listed;
use super::refusal::Refusal;
use crate::EngineError;
use crate::retry::looks;
use crate::status::EngineStatus;

/// Pause between looks at an endpoint that is ready. They also keep a connection open, which saves the next response a
/// handshake.
const STEADY: Duration = Duration::from_secs(20);

/// Looks after one endpoint.
pub(super) struct Probe {
    /// llm, or the name of a backend.
    pub(super) name: &'static str,
    pub(super) endpoint: Arc<Endpoint>,
    /// For operators and for new calls.
    pub(super) status: watch::Sender<EngineStatus>,
}

impl Probe {
    /// Looks until `token` is cancelled.
    pub(super) async fn run(self, token: CancellationToken) {
        token.run_until_cancelled(self.watch()).await;
    }

    async fn watch(&self) {
        let mut pauses = looks();
        // One look that fails may be the network's fault: only a second one counts against an endpoint that was ready.
        let mut doubted = false;
        loop {
            let found = self.endpoint.look().await;
            let fails = found.is_err();
            doubted = fails && !doubted && self.status.borrow().ready;
            if !doubted {
                self.status_of(found).publish(self.name, &self.status);
            }
            if !fails {
                pauses = looks();
            }
            let pause = if fails { pauses.next() } else { None };
            sleep(pause.unwrap_or(STEADY)).await;
        }
    }

    fn status_of(&self, found: Result<Listed, Refusal>) -> EngineStatus {
        let model = self.endpoint.model().to_owned();
        let device = self.endpoint.host().to_owned();
        match found {
            Ok(Listed { context, instead }) => {
                let message = instead.map(|names| {
                    format!(
                        "does not list the model {model:?}; set llm.model if requests fail. It lists {names}"
                    )
                });
                let (message, context) = (message.unwrap_or_default(), context.unwrap_or(0));
                EngineStatus { ready: true, message, model, device, context, ..EngineStatus::default() }
            }
            Err(refusal) => {
                let message = format!("cannot be asked: {}", reason(refusal.error));
                EngineStatus { model, device, ..EngineStatus::not_ready(message) }
            }
        }
    }
}

/// The reason in an error, without its kind.
fn reason(error: EngineError) -> String {
    match error {
        EngineError::Unavailable(reason)
        | EngineError::Busy(reason)
        | EngineError::Invalid(reason)
        | EngineError::Failed(reason) => reason,
        EngineError::TooLong { .. } | EngineError::Deadline => error.to_string(),
    }
}
