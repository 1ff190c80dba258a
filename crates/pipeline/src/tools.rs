//! Runs tools: tells the time, calls webhooks. [`crate::tool`] defines tools; the conversation decides when they run.

use std::collections::HashMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::config;
use crate::tool::{Tool, ToolCall, builtin};

/// Longest response of a webhook in bytes.
const LONGEST_RESPONSE: usize = 64 * 1024;

/// Runs the tools of a call.
pub struct Toolbox {
    call: String,
    /// None if no webhook is configured.
    http: Option<reqwest::Client>,
    webhooks: HashMap<String, Webhook>,
    zone: TimeZone,
}

struct Webhook {
    url: String,
    headers: HeaderMap,
    timeout: Duration,
}

/// The configured tools, offered to every call.
#[must_use]
pub fn configured(config: &config::Tools) -> Vec<Tool> {
    let builtin = config.builtin.iter().filter_map(|name| builtin(name));
    builtin.chain(config.webhooks.iter().map(config::Webhook::tool)).collect()
}

impl Toolbox {
    /// The toolbox of this call.
    #[must_use]
    pub fn new(config: &config::Tools, call: &str) -> Self {
        let zone = match config.time_zone.as_str() {
            "" => TimeZone::system(),
            name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
        };
        let webhook = |hook: &config::Webhook| {
            let headers = hook.headers.iter().filter_map(|(name, value)| {
                Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
            });
            let timeout = Duration::from_millis(hook.timeout_ms);
            (hook.name.clone(), Webhook { url: hook.url.clone(), headers: headers.collect(), timeout })
        };
        let webhooks: HashMap<_, _> = config.webhooks.iter().map(webhook).collect();
        let http = if webhooks.is_empty() { None } else { client() };
        Self { call: call.into(), http, webhooks, zone }
    }

    /// Runs a tool; returns its result for the model.
    ///
    /// # Errors
    /// Why it failed, as a sentence for the model.
    pub async fn run(&self, call: &ToolCall) -> Result<String, String> {
        if let Some(webhook) = self.webhooks.get(&call.name) {
            let asked = tokio::time::timeout(webhook.timeout, self.ask(webhook, call)).await;
            let result = asked.unwrap_or_else(|_| Err("the tool did not answer in time".into()));
            if let Err(reason) = &result {
                tracing::warn!(call = %self.call, tool = %call.name, %reason, "a webhook failed");
            }
            return result;
        }
        match call.name.as_str() {
            "current_time" => Ok(told(&Timestamp::now().to_zoned(self.zone.clone()))),
            other => Err(format!("there is no tool {other:?}")),
        }
    }

    async fn ask(&self, webhook: &Webhook, call: &ToolCall) -> Result<String, String> {
        let body =
            json!({ "call": self.call, "id": call.id, "name": call.name, "arguments": call.arguments });
        let http = self.http.as_ref().ok_or("the tool cannot be reached")?;
        let request = http.post(&webhook.url).headers(webhook.headers.clone()).json(&body);
        // The error itself may contain the URL, and with it a secret.
        let mut response = request.send().await.map_err(|_| "the tool cannot be reached".to_string())?;
        if !response.status().is_success() {
            return Err(format!("the tool answered with HTTP status {}", response.status().as_u16()));
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().ends_with("json"));
        let mut bytes = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|_| "the tool's response broke off".to_string())?
        {
            if bytes.len() + chunk.len() > LONGEST_RESPONSE {
                return Err(format!("the tool answered with more than {LONGEST_RESPONSE} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).map_err(|_| "the tool's response is not text".to_string())?;
        if !is_json {
            return Ok(text);
        }
        match serde_json::from_str(&text) {
            Ok(Value::String(words)) => Ok(words),
            Ok(value) => Ok(value.to_string()),
            Err(_) => Err("the tool's response is not JSON although it says so".into()),
        }
    }
}

fn client() -> Option<reqwest::Client> {
    // Fails only if a provider is already installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    // A redirect would send the headers' secrets elsewhere.
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().ok()
}

/// A sentence, which a small model understands better than fields.
fn told(now: &Zoned) -> String {
    let zone = now.time_zone().iana_name().unwrap_or("local time");
    format!("It is {} ({zone}).", now.strftime("%H:%M on %A, %B %-d, %Y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_built_in_tool_does_what_its_name_says_and_no_other_tells_the_time() {
        let toolbox = Toolbox::new(&config::Tools::default(), "call");
        let call = |name: &str| ToolCall { id: "1-1".into(), name: name.into(), arguments: json!({}) };
        for name in crate::tool::BUILTIN {
            let result = toolbox.run(&call(name)).await;
            assert_eq!(result.is_ok_and(|told| told.starts_with("It is ")), name == "current_time", "{name}");
        }
        assert!(toolbox.run(&call("weather")).await.is_err_and(|fault| fault.contains("weather")));
    }

    #[test]
    fn the_time_is_told_in_a_sentence() {
        let at = jiff::civil::date(2026, 3, 5).at(17, 4, 59, 0).in_tz("UTC").unwrap();
        assert_eq!(told(&at), "It is 17:04 on Thursday, March 5, 2026 (UTC).");
    }
}
