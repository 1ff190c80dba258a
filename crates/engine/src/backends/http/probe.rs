//! Checks an endpoint periodically and publishes whether it is ready.

use std::sync::Arc;

use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::answer::{Refused, error};
use super::looks::Looks;
use super::models::Listed;
use super::refused::answer;
use super::{Http, content_type, refused, text};
use crate::status::EngineStatus;

/// What is checked at an endpoint.
pub(in crate::backends) struct Looked {
    pub(in crate::backends) http: Arc<Http>,
    /// The model's name there.
    pub(in crate::backends) model: String,
    /// The requested path, such as `/chat/completions`.
    pub(in crate::backends) does: &'static str,
    /// An invalid request for that path, which an endpoint rejects with a validation error: this shows that the path exists.
    pub(in crate::backends) empty: fn(&Http) -> RequestBuilder,
    /// Whether this status shows that the path exists.
    pub(in crate::backends) takes: fn(u16) -> bool,
}

impl Looked {
    /// Checks whether the endpoint serves, and what it lists.
    async fn look(&self) -> Result<Listed, Refused> {
        let http = &self.http;
        let response = http.send(http.get(http.url(&["models"])).timeout(http.look())).await?;
        match response.status().as_u16() {
            200..=299 if !content_type(&response).starts_with("text/html") => {
                let list: Value = serde_json::from_str(&text(response).await).unwrap_or_default();
                Ok(Listed::of(&list, &self.model))
            }
            // A rate limit shows that the server is up.
            429 => Ok(Listed::default()),
            // No list, or none for this key: some keys permit requests for responses only.
            403 | 404 | 405 | 501 => self.look_without_list().await,
            _ => Err(refused(http, response, self.does).await),
        }
    }

    /// Checks an endpoint without a list.
    async fn look_without_list(&self) -> Result<Listed, Refused> {
        let http = &self.http;
        let request = (self.empty)(http).timeout(http.look());
        let answer = answer(http, http.send(request).await?).await;
        if (self.takes)(answer.status) && !answer.is_page() {
            return Ok(Listed::default());
        }
        let asked = http.asked(self.does, &self.model);
        Err(answer.explain(&asked, |status, fault| error(status, fault, &asked)))
    }
}

/// Checks one endpoint.
pub(in crate::backends) struct Probe {
    /// The engine's name in metrics and in the log.
    pub(in crate::backends) engine: &'static str,
    pub(in crate::backends) looked: Looked,
    /// A message about the endpoint that is shown while it is ready, in addition to its list.
    pub(in crate::backends) known: EngineStatus,
    /// For operators and for new calls.
    pub(in crate::backends) status: watch::Sender<EngineStatus>,
}

impl Probe {
    /// Checks until `token` is cancelled.
    pub(in crate::backends) async fn run(self, token: CancellationToken) {
        token.run_until_cancelled(self.watch()).await;
    }

    async fn watch(&self) {
        let mut looks = Looks::new(self.engine, &self.status);
        loop {
            looks.found(self.status_of(self.looked.look().await)).await;
        }
    }

    fn status_of(&self, found: Result<Listed, Refused>) -> EngineStatus {
        let model = self.looked.model.clone();
        let device = self.looked.http.host().to_owned();
        match found {
            Ok(Listed { context, instead }) => {
                let section = self.looked.http.section();
                let message = instead.map(|names| {
                    format!(
                        "does not list the model {model:?}; set {section}.model if requests fail. It lists {names}"
                    )
                });
                let (message, context) = (message.unwrap_or_default(), context.unwrap_or(0));
                EngineStatus { ready: true, message, model, device, context, ..self.known.clone() }
            }
            Err(refused) => {
                let message = format!("cannot be asked: {}", refused.error.reason());
                EngineStatus { model, device, ..EngineStatus::not_ready(message) }
            }
        }
    }
}
