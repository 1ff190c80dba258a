//! What an endpoint lists under `/models`. Pure.

use serde_json::Value;

/// Most names that are repeated to operators.
const MOST_NAMES: usize = 8;

/// What an endpoint lists, as far as it concerns the configured model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::backends) struct Listed {
    /// Tokens that prompt and response may have together, if the list says so.
    pub(in crate::backends) context: Option<u32>,
    /// What is listed instead of the configured model; none if that is listed, or nothing is.
    pub(in crate::backends) instead: Option<String>,
}

impl Listed {
    /// Looks for a model in the response to `GET /models`.
    pub(in crate::backends) fn of(list: &Value, model: &str) -> Self {
        let all = list["data"].as_array().map_or(&[][..], Vec::as_slice);
        if let Some(entry) = all.iter().find(|entry| is_same(name(entry), model)) {
            let fields = [&entry["max_model_len"], &entry["context_length"], &entry["max_context_length"]];
            let context = fields.into_iter().find_map(Value::as_u64);
            return Self { context: context.and_then(|tokens| u32::try_from(tokens).ok()), instead: None };
        }
        let mut names: Vec<&str> = all.iter().map(name).filter(|name| !name.is_empty()).collect();
        let more = names.len() > MOST_NAMES;
        names.truncate(MOST_NAMES);
        let instead = names.join(", ") + if more { ", …" } else { "" };
        Self { context: None, instead: Some(instead).filter(|names| !names.is_empty()) }
    }
}

fn name(entry: &Value) -> &str {
    entry["id"].as_str().unwrap_or_default()
}

/// Ollama lists `name:latest` for `name`, and Gemini `models/name`.
fn is_same(listed: &str, model: &str) -> bool {
    let listed = listed.strip_prefix("models/").unwrap_or(listed);
    listed == model || listed.strip_suffix(":latest") == Some(model)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_is_found_under_its_endpoints_form_of_the_name() {
        for id in ["small", "small:latest", "models/small"] {
            let list = json!({ "data": [{ "id": "x" }, { "id": id, "max_model_len": 8192 }] });
            assert_eq!(Listed::of(&list, "small"), Listed { context: Some(8192), instead: None });
        }
    }

    #[test]
    fn a_model_that_is_not_listed_is_reported_with_those_that_are() {
        let list = |count: usize| {
            let data: Vec<_> = (0..count).map(|number| json!({ "id": format!("m{number}") })).collect();
            json!({ "data": data })
        };
        assert_eq!(Listed::of(&list(2), "small").instead.as_deref(), Some("m0, m1"));
        assert!(Listed::of(&list(99), "small").instead.unwrap().ends_with("m7, …"));
        for nothing in [json!({}), json!([]), json!({ "data": [] }), list(0)] {
            assert_eq!(Listed::of(&nothing, "small"), Listed::default());
        }
    }
}
