//! Parses error messages of endpoints, in their common forms. Pure.

use serde_json::Value;

/// Longest message that is quoted, in characters.
const LONGEST_MESSAGE: usize = 300;

/// An endpoint's error message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::backends) struct Fault {
    /// The text for people; may be empty.
    pub(in crate::backends) message: String,
    /// `code` and `type`, in lower case.
    pub(in crate::backends) kinds: [String; 2],
    /// A `code` that is an HTTP status.
    pub(in crate::backends) status: Option<u16>,
    /// Tokens of the context and of the prompt, as llama-server reports them.
    pub(in crate::backends) tokens: Option<(u32, u32)>,
}

impl Fault {
    /// A fault with only this message.
    pub(in crate::backends) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Reads the body of an HTTP response. A text that is not JSON is the message, unless it is a web page.
    pub(in crate::backends) fn of_body(body: &str) -> Self {
        match serde_json::from_str::<Value>(body) {
            Ok(Value::Array(list)) => list.first().map(Self::of_object).unwrap_or_default(),
            Ok(value) => Self::of_object(&value),
            Err(_) if body.trim_start().starts_with('<') => Self::default(),
            Err(_) => Self::new(shortened(body)),
        }
    }

    /// Reads an event of a stream; none if the event reports no fault.
    pub(in crate::backends) fn of_event(event: &Value) -> Option<Self> {
        let fails = !event["error"].is_null() || event["object"] == "error";
        fails.then(|| Self::of_object(event))
    }

    /// `{"error": {…}}`, `{"error": "…"}`, `{"message": "…"}`, `{"detail": "…"}`, `{"detail": {"message": "…"}}` or
    /// `{"errors": [{"message": "…"}]}`.
    fn of_object(value: &Value) -> Self {
        let error = match &value["error"] {
            Value::Object(_) => &value["error"],
            _ => value,
        };
        let texts = [
            &error["message"],
            &error["error"],
            &error["detail"],
            &error["detail"]["message"],
            &error["errors"][0]["message"],
        ];
        // FastAPI lists what is wrong with each field.
        let list = || error["detail"].as_array().map(|list| Value::from(list.clone()).to_string());
        let message = texts.into_iter().find_map(Value::as_str).map(shortened);
        let message = message.or_else(|| list().map(|list| shortened(&list))).unwrap_or_default();
        let lower = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
        let tokens = |field: &str| error[field].as_u64().and_then(|tokens| u32::try_from(tokens).ok());
        Self {
            message,
            kinds: [lower(&error["code"]), lower(&error["type"])],
            status: error["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
            tokens: tokens("n_ctx").zip(tokens("n_prompt_tokens")),
        }
    }

    /// The message after a colon, to end a sentence; empty if there is none.
    pub(in crate::backends) fn said(&self) -> String {
        let message = self.message.trim_end_matches('.');
        if message.is_empty() { String::new() } else { format!(": {message}") }
    }

    /// Whether the message or a code contains one of these, which are in lower case.
    pub(in crate::backends) fn mentions(&self, words: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        let texts = [message.as_str(), &self.kinds[0], &self.kinds[1]];
        words.iter().any(|word| texts.iter().any(|text| text.contains(word)))
    }
}

fn shortened(text: &str) -> String {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match plain.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_in_every_form_of_fault() {
        for body in [
            r#"{"error":{"message":"no such model","type":"api_error","code":null}}"#,
            r#"{"error":"no such model"}"#,
            r#"{"object":"error","message":"no such model","type":"NotFoundError","code":404}"#,
            r#"{"detail":"no such model"}"#,
            r#"{"detail":{"error":"validation_error","message":"no such model","type":"invalid_request_error"}}"#,
            r#"{"success":false,"errors":[{"code":5007,"message":"no such model"}]}"#,
            r#"[{"error":{"code":404,"message":"no such model","status":"NOT_FOUND"}}]"#,
            "no such\n model",
        ] {
            assert_eq!(Fault::of_body(body).message, "no such model", "{body}");
        }
        let fields = r#"{"detail":[{"loc":["body","top_p"],"msg":"not permitted"}]}"#;
        assert!(Fault::of_body(fields).mentions(&["top_p"]));
        assert_eq!(Fault::of_body("<html>no such model</html>").message, "");
        assert_eq!(Fault::of_body("").said(), "");
        assert_eq!(Fault::of_body(&"x".repeat(1000)).message.chars().count(), LONGEST_MESSAGE + 1);
    }

    #[test]
    fn codes_and_counts_are_read() {
        let body = r#"{"error":{"code":400,"message":"too large","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#;
        let fault = Fault::of_body(body);
        assert_eq!((fault.status, fault.tokens), (Some(400), Some((4096, 5000))));
        assert!(fault.mentions(&["exceed_context"]) && !fault.mentions(&["quota"]));
        let event = serde_json::json!({ "choices": [], "error": null });
        assert_eq!(Fault::of_event(&event), None);
    }
}
