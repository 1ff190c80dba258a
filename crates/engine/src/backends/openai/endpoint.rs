//! The HTTP client of one endpoint.

use std::time::Duration;

use anyhow::Context;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::models::Listed;
use super::refusal::{Answer, Asked, Refusal};
use super::too_long::Prompt;
use crate::EngineError;
use crate::config::{LlmEngine, Secret};

/// Most bytes of a response that is not a stream.
const LONGEST_BODY: usize = 1 << 20;
/// Longest time for a look at the endpoint, besides that for its connection.
const LOOK: Duration = Duration::from_secs(5);
/// Shorter values are not hidden: they would also match parts of ordinary words.
const SHORTEST_SECRET: usize = 6;
/// Written in place of a secret.
const HIDDEN: &str = "(hidden)";

/// An endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    http: Client,
    /// Longest time for a look.
    look: Duration,
    /// `llm.url` without its query, for errors.
    address: String,
    chat: Url,
    models: Url,
    model: String,
    /// Sent with each request.
    headers: HeaderMap,
    keyed: bool,
    /// The key and the values of the configured headers, which are cut out of what the endpoint says.
    secrets: Vec<Secret>,
}

impl Endpoint {
    /// The configured endpoint; nothing is sent yet.
    ///
    /// # Errors
    /// When the key cannot be read, `llm.url` is not an address, or a header is not valid.
    pub(super) fn new(own: &LlmEngine) -> anyhow::Result<Self> {
        let base = Url::parse(&own.url).context("llm.url is not an address")?;
        let key = own.secret().map_err(anyhow::Error::msg)?;
        let mut headers = HeaderMap::new();
        if !key.is_empty() {
            headers.insert(AUTHORIZATION, hidden(&format!("Bearer {}", key.expose()))?);
        }
        for (name, value) in &own.headers {
            headers.insert(name.parse::<HeaderName>().context("llm.headers")?, hidden(value.expose())?);
        }
        let connect = Duration::from_secs(own.connect_seconds.into());
        let secrets = own.headers.values().chain([&key]).filter(|it| it.expose().len() >= SHORTEST_SECRET);
        Ok(Self {
            http: client(connect)?,
            look: connect + LOOK,
            address: own.url.split('?').next().unwrap_or_default().trim_end_matches('/').into(),
            chat: below(&base, &["chat", "completions"]),
            models: below(&base, &["models"]),
            model: own.model_name(),
            keyed: !key.is_empty(),
            headers,
            secrets: secrets.cloned().collect(),
        })
    }

    /// The host's name.
    pub(super) fn host(&self) -> &str {
        self.chat.host_str().unwrap_or_default()
    }

    /// The model's name.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// What errors about a request may speak of.
    pub(super) fn asked(&self, prompt: Prompt, tools: bool) -> Asked {
        let (address, model) = (self.address.clone(), self.model.clone());
        Asked { address, model, keyed: self.keyed, tools, prompt }
    }

    /// Asks for a response; returns it as soon as it begins to stream. Dropping it closes the connection.
    ///
    /// # Errors
    /// Why there is no stream.
    pub(super) async fn chat(&self, body: &Map<String, Value>, asked: &Asked) -> Result<Response, Refusal> {
        let response = self.send(self.http.post(self.chat.clone()).json(body), asked).await?;
        let kind = content_type(&response);
        let streams = !(kind.starts_with("text/html") || kind.starts_with("application/json"));
        if response.status().is_success() && streams {
            return Ok(response);
        }
        Err(self.refusal(response, asked).await)
    }

    /// Looks whether the endpoint serves, and what it lists.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) async fn look(&self) -> Result<Listed, Refusal> {
        let asked = self.asked(Prompt { tokens: 0, limit: 0, response: 0 }, false);
        let response = self.send(self.http.get(self.models.clone()).timeout(self.look), &asked).await?;
        match response.status().as_u16() {
            200..=299 if !content_type(&response).starts_with("text/html") => {
                let list: Value = serde_json::from_str(&text(response).await).unwrap_or_default();
                Ok(Listed::of(&list, &self.model))
            }
            // It answers, and has its limits.
            429 => Ok(Listed::default()),
            // No list, or none for this key: some keys may ask for responses alone.
            403 | 404 | 405 | 501 => self.look_without_list(&asked).await,
            _ => Err(self.refusal(response, &asked).await),
        }
    }

    /// Looks at an endpoint without a list: one that takes requests for responses refuses an empty one for its fields.
    async fn look_without_list(&self, asked: &Asked) -> Result<Listed, Refusal> {
        let request = self.http.post(self.chat.clone()).json(&json!({})).timeout(self.look);
        let response = self.send(request, asked).await?;
        let page = content_type(&response).starts_with("text/html");
        match response.status().as_u16() {
            400 | 422 | 429 if !page => Ok(Listed::default()),
            _ => Err(self.refusal(response, asked).await),
        }
    }

    async fn send(&self, request: RequestBuilder, asked: &Asked) -> Result<Response, Refusal> {
        request.headers(self.headers.clone()).send().await.map_err(|error| {
            let (at, cause) = (&asked.address, cause(error));
            EngineError::Unavailable(format!("{at} cannot be reached: {cause}. Start it, or correct llm.url"))
                .into()
        })
    }

    /// Explains a response that is not a stream.
    async fn refusal(&self, response: Response, asked: &Asked) -> Refusal {
        let (status, kind) = (response.status().as_u16(), content_type(&response));
        let told = response.headers().get(RETRY_AFTER).and_then(|told| told.to_str().ok().map(String::from));
        let body = self.without_secrets(text(response).await);
        let answer = Answer { status, kind: &kind, retry_after: told.as_deref(), body: &body };
        Refusal::of(&answer, asked)
    }

    /// Explains a fault inside a stream.
    pub(super) fn fault(&self, fault: Fault, asked: &Asked) -> EngineError {
        let message = self.without_secrets(fault.message);
        Refusal::of_fault(&Fault { message, ..fault }, asked)
    }

    /// Some endpoints repeat the key that they refuse.
    fn without_secrets(&self, text: String) -> String {
        self.secrets.iter().map(Secret::expose).fold(text, |text, secret| {
            // JSON may have a backslash before each slash.
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
        // A redirect would send the key elsewhere.
        .redirect(reqwest::redirect::Policy::none());
    client.build().context("no HTTP client can be made")
}

/// The address of a path below `llm.url`, whose query stays.
fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

fn hidden(value: &str) -> anyhow::Result<HeaderValue> {
    let mut value =
        HeaderValue::from_str(value).context("llm.key or llm.headers is not valid in a header")?;
    value.set_sensitive(true);
    Ok(value)
}

fn content_type(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.unwrap_or_default().to_lowercase()
}

/// The beginning of a response's body, as far as it arrives.
async fn text(mut response: Response) -> String {
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

/// The innermost cause of an error, without the address, whose query may hold a key.
pub(super) fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
