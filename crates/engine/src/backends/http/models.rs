//! Reads an endpoint's list of `/models`. Pure.

use serde_json::Value;

/// Most names that are shown to operators.
const MOST_NAMES: usize = 8;

/// The part of an endpoint's list that concerns the configured model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::backends) struct Listed {
    /// Most tokens of prompt and response together, if the list contains it.
    pub(in crate::backends) context: Option<u32>,
    /// The listed models if the configured one is not among them; none if it is, or if the list is empty.
    pub(in crate::backends) instead: Option<String>,
}

impl Listed {
    /// Searches the response to `GET /models` for a model.
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
