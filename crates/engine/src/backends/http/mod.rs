//! Code shared by adapters of HTTP APIs: the client with its key, readiness, and errors for refusals.
//!
//! - this file: the client of one endpoint
//! - `probe`: checks whether an endpoint is ready, using what `models` it lists (pure); `looks`: how often, and what counts
//! - `refused`: reads and explains an unexpected response; `answer`: maps it to an error with advice; `advice`: what an API has to
//!   advise about; `fault`: parses error messages (all three pure)
//! - `silence`: how long an endpoint may be silent (pure)

pub(super) mod advice;
pub(super) mod answer;
pub(super) mod fault;
pub(super) mod form;
pub(super) mod looks;
pub(super) mod models;
pub(super) mod probe;
pub(super) mod refused;
pub(super) mod silence;

use std::time::Duration;

use anyhow::Context;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use reqwest::{Client, RequestBuilder, Response, Url, Version};

use crate::EngineError;
use crate::config::{Endpoint, Secret};
pub(super) use advice::Advice;
use answer::Asked;
pub(super) use answer::Refused;
pub(super) use refused::refused;
pub(super) use silence::Silence;

/// Most bytes of a response that is not a stream.
const LONGEST_BODY: usize = 1 << 20;
/// Longest time for a readiness check, excluding the connection.
const LOOK: Duration = Duration::from_secs(5);
/// Shorter values are not redacted: they would also match parts of ordinary words.
const SHORTEST_SECRET: usize = 6;
/// Placeholder for a secret.
const HIDDEN: &str = "(hidden)";

/// The HTTP client of one endpoint.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    /// Longest time for a readiness check.
    look: Duration,
    /// The section of the configuration, such as `llm`.
    section: String,
    /// The configured address.
    base: Url,
    /// The same without its query, for errors.
    address: String,
    /// Headers sent with each request.
    headers: HeaderMap,
    keyed: bool,
    /// What its API has, for messages.
    advice: Advice,
    /// The key and the values of the configured headers, which are redacted in the endpoint's messages.
    secrets: Vec<Secret>,
}

impl Http {
    /// The client of a configured endpoint; nothing is sent yet. `advice`: what its API has, for messages.
    ///
    /// # Errors
    /// When the key cannot be read, the address is not valid, or a header is not valid.
    pub(super) fn new(own: &Endpoint, advice: Advice) -> anyhow::Result<Self> {
        let section = &own.section;
        let base = Url::parse(&own.url).with_context(|| format!("{section}.url is not an address"))?;
        let key = own.secret().map_err(anyhow::Error::msg)?;
        let mut headers = HeaderMap::new();
        if !key.is_empty() {
            headers.insert(AUTHORIZATION, hidden(section, &format!("Bearer {}", key.expose()))?);
        }
        for (name, value) in &own.headers {
            let name = name.parse::<HeaderName>().with_context(|| format!("{section}.headers"))?;
            headers.insert(name, hidden(section, value.expose())?);
        }
        let connect = Duration::from_secs(own.connect_seconds.into());
        let secrets = own.headers.values().chain([&key]).filter(|it| it.expose().len() >= SHORTEST_SECRET);
        Ok(Self {
            client: client(connect)?,
            look: connect + LOOK,
            section: section.clone(),
            base,
            address: own.url.split('?').next().unwrap_or_default().trim_end_matches('/').into(),
            keyed: !key.is_empty(),
            advice,
            headers,
            secrets: secrets.cloned().collect(),
        })
    }

    /// The section of the configuration, such as `llm`, for messages.
    pub(super) fn section(&self) -> &str {
        &self.section
    }

    /// The configured address without its query, for messages.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The host's name.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Whether a key is sent.
    pub(super) fn keyed(&self) -> bool {
        self.keyed
    }

    /// Longest time for a readiness check of the endpoint.
    fn look(&self) -> Duration {
        self.look
    }

    /// What error messages about a request may mention; `does`: its path, `model`: empty if requests name none.
    pub(super) fn asked(&self, does: &str, model: &str) -> Asked {
        Asked {
            section: self.section.clone(),
            address: self.address.clone(),
            does: does.into(),
            model: model.into(),
            keyed: self.keyed(),
            advice: self.advice,
        }
    }

    /// What its API has, for messages.
    pub(super) fn advice(&self) -> Advice {
        self.advice
    }

    /// The address of a path below the configured one; keeps the query.
    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// A request, to be passed to [`send`](Self::send).
    pub(super) fn post(&self, url: Url) -> RequestBuilder {
        self.client.post(url)
    }

    /// A request, to be passed to [`send`](Self::send).
    pub(super) fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    /// Sends a request with the configured headers. Dropping the future, or the response, closes the connection.
    ///
    /// # Errors
    /// When the endpoint cannot be reached, with the cause and what to do.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, EngineError> {
        request.headers(self.headers.clone()).send().await.map_err(|error| {
            let (at, section, cause) = (&self.address, &self.section, cause(error));
            EngineError::Unavailable(format!(
                "{at} cannot be reached: {cause}. Start it, or correct {section}.url"
            ))
        })
    }

    /// Redacts secrets in the endpoint's messages: some repeat the key that they refuse.
    pub(super) fn without_secrets(&self, text: String) -> String {
        self.secrets.iter().map(Secret::expose).fold(text, |text, secret| {
            // JSON may escape each slash with a backslash.
            text.replace(secret, HIDDEN).replace(&secret.replace('/', r"\/"), HIDDEN)
        })
    }
}

fn client(connect: Duration) -> anyhow::Result<Client> {
    // Fails only if a provider is already installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder()
        .user_agent(concat!("visavis/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        // Following a redirect would send the key to another server.
        .redirect(reqwest::redirect::Policy::none());
    client.build().context("no HTTP client can be made")
}

fn hidden(section: &str, value: &str) -> anyhow::Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value)
        .with_context(|| format!("{section}.key or {section}.headers is not valid in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A response's `Content-Type` in lower case; empty: none.
pub(super) fn content_type(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.unwrap_or_default().to_lowercase()
}

/// Whether only the end of the connection ends a response's body, as with HTTP/1.0: it has neither a length nor chunks, so that a body
/// that was cut looks like a whole one. With all others a cut is an error of the connection.
pub(super) fn ends_by_closing(response: &Response) -> bool {
    let chunked = response.headers().contains_key(TRANSFER_ENCODING);
    response.version() <= Version::HTTP_11 && !chunked && response.content_length().is_none()
}

/// The beginning of a response's body, as far as it arrives: at most 1 MiB.
pub(super) async fn text(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = LONGEST_BODY - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if bytes.len() == LONGEST_BODY {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The innermost cause of an error, without the address, whose query may contain a key.
pub(super) fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
