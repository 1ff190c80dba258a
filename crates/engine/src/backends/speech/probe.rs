//! Checks a server periodically and publishes whether it is ready.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::server::Server;
use crate::EngineError;
use crate::backends::http::looks::Looks;
use crate::status::EngineStatus;

/// Longest time for a check: XTTS sends its speakers as megabytes of numbers.
const LOOK: Duration = Duration::from_secs(30);

/// Checks one server.
pub(super) struct Probe {
    pub(super) server: Server,
    /// For operators and for new calls.
    pub(super) status: watch::Sender<EngineStatus>,
}

/// The result of a successful check.
struct Found {
    /// A message for operators; may be empty.
    doubt: String,
    /// The languages of its voices.
    languages: Vec<String>,
}

impl Probe {
    /// Checks until `token` is cancelled.
    pub(super) async fn run(self, token: CancellationToken) {
        token.run_until_cancelled(self.watch()).await;
    }

    async fn watch(&self) {
        let mut looks = Looks::new(self.server.name, &self.status);
        loop {
            looks.found(self.status_of(self.look().await)).await;
        }
    }

    async fn look(&self) -> Result<Found, String> {
        let seconds = LOOK.as_secs();
        let looked = timeout(LOOK, self.server.look()).await;
        let looked = looked.map_err(|_| format!("cannot be asked: it does not answer within {seconds} s"))?;
        // A rate limit shows that the server is up.
        match looked.map_err(|refused| refused.error) {
            Ok(_) | Err(EngineError::Busy(_)) => {}
            Err(error) => return Err(format!("cannot be asked: {}", error.reason())),
        }
        let roster =
            self.server.roster().await.map_err(|error| format!("cannot be asked: {}", error.reason()))?;
        let doubt = roster.doubt(&self.server.settings.voice).unwrap_or_default();
        Ok(Found { doubt, languages: roster.languages() })
    }

    fn status_of(&self, found: Result<Found, String>) -> EngineStatus {
        let own = &self.server.settings;
        let model = if own.model.is_empty() { own.api.name().to_owned() } else { own.model.clone() };
        let device = self.server.http.host().to_owned();
        match found {
            Ok(Found { doubt: message, languages }) => {
                EngineStatus { ready: true, message, model, device, languages, ..EngineStatus::default() }
            }
            Err(message) => EngineStatus { model, device, ..EngineStatus::not_ready(message) },
        }
    }
}
