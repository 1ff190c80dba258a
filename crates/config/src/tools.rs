//! The configuration of tools: its shape and its checks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use visavis_core::tool::{BUILTIN, Doer, MOST_TOOLS, Tool, duplicates};

/// What the agent may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    /// Tools that come with the server: `current_time`, `end_call`. Every tool costs time in each call and misleads small
    /// models, so there are none by default.
    pub builtin: Vec<String>,
    /// The time zone of `current_time`, such as `Europe/Berlin`; empty: the server's.
    pub time_zone: String,
    /// Tool calls in one response, 1 to 8. With 1 the model is asked again without its tools and with the result in words,
    /// which small models need; those that can call several tools in sequence may have more.
    pub rounds: u32,
    /// Tools carried out by other servers.
    pub webhooks: Vec<Webhook>,
}

impl Default for Tools {
    fn default() -> Self {
        Self { builtin: Vec::new(), time_zone: String::new(), rounds: 1, webhooks: Vec::new() }
    }
}

/// A tool carried out by another server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its name, for the model.
    pub name: String,
    /// What it does and when to call it, for the model.
    pub description: String,
    /// JSON schema of its arguments: a table, or JSON in a string.
    #[serde(default = "no_parameters")]
    pub parameters: Value,
    /// The address that is called, by POST.
    pub url: String,
    /// Headers to send, such as `Authorization`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Milliseconds within which it must respond.
    #[serde(default = "ten_seconds")]
    pub timeout_ms: u64,
}

fn no_parameters() -> Value {
    json!({ "type": "object", "properties": {} })
}

fn ten_seconds() -> u64 {
    10_000
}

impl Webhook {
    /// The tool as the model sees it.
    #[must_use]
    pub fn tool(&self) -> Tool {
        // Invalid JSON stays a string, which is not a schema.
        let parsed = self.parameters.as_str().and_then(|text| serde_json::from_str(text).ok());
        Tool {
            name: self.name.clone(),
            description: self.description.clone(),
            parameters: parsed.unwrap_or_else(|| self.parameters.clone()),
            timeout_ms: self.timeout_ms,
            doer: Doer::Webhook,
        }
    }
}

/// Adds a line for each fault.
pub(super) fn check(tools: &Tools, faults: &mut Vec<String>) {
    for name in tools.builtin.iter().filter(|name| !BUILTIN.contains(&name.as_str())) {
        faults.push(format!("tools.builtin: there is no {name:?}; there are {}", BUILTIN.join(", ")));
    }
    if !tools.time_zone.is_empty() && jiff::tz::TimeZone::get(&tools.time_zone).is_err() {
        faults.push(format!(
            "tools.time_zone: {:?} is not a time zone such as \"Europe/Berlin\"",
            tools.time_zone
        ));
    }
    if !(1..=8).contains(&tools.rounds) {
        faults.push(format!("tools.rounds: {} is outside 1 to 8", tools.rounds));
    }
    let count = tools.builtin.len() + tools.webhooks.len();
    if count > MOST_TOOLS {
        faults.push(format!("tools: {count}; at most {MOST_TOOLS}"));
    }
    for (index, hook) in tools.webhooks.iter().enumerate() {
        let mut fault = |text: String| faults.push(format!("tools.webhooks[{index}].{text}"));
        hook.tool().faults().into_iter().for_each(&mut fault);
        let web = |url: &url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if !url::Url::parse(&hook.url).is_ok_and(|url| web(&url)) {
            fault("url: is not an http:// or https:// address".into());
        }
        for (name, value) in &hook.headers {
            let fits = name.parse::<http::header::HeaderName>().is_ok()
                && http::header::HeaderValue::from_str(value).is_ok();
            if !fits {
                fault(format!("headers: {name:?} or its value is not valid in a header"));
            }
        }
    }
    let names = tools.builtin.iter().chain(tools.webhooks.iter().map(|hook| &hook.name));
    for name in duplicates(names.map(String::as_str)) {
        faults.push(format!("tools: {name:?} occurs twice"));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Sources, load};

    fn loaded(text: &str) -> Result<super::Tools, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("v.toml");
        std::fs::write(&file, text).unwrap();
        let sources = Sources { file: Some(file), ..Sources::default() };
        load(&sources).map(|config| config.tools).map_err(|faults| faults.0)
    }

    #[test]
    fn a_tools_schema_may_be_a_table_or_json() {
        let tools = loaded(
            r#"
            [tools]
            builtin = ["end_call"]
            [[tools.webhooks]]
            name = "order_status"
            description = "Looks up an order."
            url = "https://shop.example/order"
            parameters = { type = "object", properties = { number = { type = "string" } }, required = ["number"] }
            [[tools.webhooks]]
            name = "weather"
            description = "Tells the weather."
            url = "http://127.0.0.1:9/weather"
            parameters = '{"type": "object", "properties": {"city": {"type": "string"}}}'
            headers = { Authorization = "Bearer x" }
            "#,
        )
        .unwrap();
        assert_eq!(tools.webhooks[0].tool().parameters["required"][0], "number");
        assert_eq!(tools.webhooks[1].tool().parameters["properties"]["city"]["type"], "string");
        assert_eq!((tools.webhooks[0].timeout_ms, tools.builtin.len()), (10_000, 1));
    }

    #[test]
    fn all_faults_of_all_tools_are_reported_together() {
        let faults = loaded(
            r#"
            [tools]
            builtin = ["dance", "end_call"]
            time_zone = "Mars/North"
            rounds = 9
            [[tools.webhooks]]
            name = "end_call"
            description = "x"
            url = "ftp://x/y"
            parameters = "{"
            headers = { "bad header" = "x" }
            [[tools.webhooks]]
            name = "two words"
            description = ""
            url = "/local"
            parameters = { type = "object", properties = { x = { type = "strng" } } }
            timeout_ms = 1
            "#,
        )
        .unwrap_err();
        for part in [
            "dance",
            "Mars/North",
            "tools.rounds: 9",
            "webhooks[0].url",
            "webhooks[0].parameters",
            "webhooks[0].headers",
            "webhooks[1].name",
            "webhooks[1].description",
            "webhooks[1].url",
            "webhooks[1].parameters",
            "webhooks[1].timeout_ms",
            "\"end_call\" occurs twice",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
        }
        assert_eq!(faults.len(), 12, "{faults:#?}");
    }
}
