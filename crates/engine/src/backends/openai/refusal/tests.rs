use std::time::Duration;

use super::*;
use crate::backends::http::Advice;

fn asked() -> Asked {
    let endpoint = answer::Asked {
        section: "llm".into(),
        address: "http://host/v1".into(),
        does: "/chat/completions".into(),
        model: "small".into(),
        keyed: true,
        advice: Advice::OPENAI,
    };
    Asked {
        endpoint,
        tools: vec!["order".into()],
        prompt: Prompt { tokens: 1000, limit: 3936, response: 160 },
    }
}

fn refused(status: u16, body: &str, retry_after: Option<&str>) -> Refused {
    let kind = if body.starts_with('<') { "text/html; charset=utf-8" } else { "application/json" };
    let retry_after = retry_after.map(String::from);
    of(&Answer { status, kind: kind.into(), retry_after, body: body.into() }, &asked())
}

#[test]
fn each_refusal_says_what_to_do() {
    for (status, body, part) in [
        (401, r#"{"error":{"message":"Incorrect API key provided"}}"#, "Set llm.key or llm.key_file"),
        (400, r#"[{"error":{"code":400,"message":"API key not valid."}}]"#, "Set llm.key or llm.key_file"),
        (403, "{}", "set llm.model to another"),
        (404, r#"{"error":{"message":"model \"small\" not found"}}"#, "has no model \"small\""),
        (404, r#"{"error":{"code":"model_not_found","message":"x"}}"#, "Set llm.model"),
        (404, "404 page not found", "one that ends in /v1"),
        (404, r#"{"detail":"Not Found"}"#, "Set llm.url"),
        (200, "<!doctype html><title>Welcome</title>", "answers with a web page (200)"),
        (404, "<html>nothing</html>", "answers with a web page (404)"),
        (308, "", "redirects (308)"),
        (200, r#"{"choices":[{"message":{"content":"Hello."}}]}"#, "does not stream"),
        (200, r#"{"error":{"code":401,"message":"no"}}"#, "refuses the key (401)"),
        (422, r#"{"detail":"stream_options: extra fields not permitted"}"#, "llm.omit"),
        (400, r#"{"error":{"message":"\"auto\" tool choice requires a flag"}}"#, "llm.tools = false"),
        (500, r#"{"error":{"message":"tools param requires --jinja flag"}}"#, "llm.tools = false"),
        (429, r#"{"error":{"code":"insufficient_quota","message":"x"}}"#, "has no credit left"),
        (402, "{}", "has no credit left"),
        (
            400,
            r#"{"error":{"message":"Conversation roles must alternate, except for tool calls."}}"#,
            "--chat-template",
        ),
        (400, r#"{"error":{"message":"System role not supported"}}"#, "--chat-template"),
    ] {
        let Refused { error, after } = refused(status, body, None);
        assert!(matches!(error, EngineError::Invalid(_)), "{error:?}");
        assert!(error.to_string().contains(part), "{part}: {error}");
        assert_eq!(after.is_some(), status == 429, "{error}");
    }
    let mut open = asked();
    open.endpoint.keyed = false;
    let answer = Answer { status: 401, kind: String::new(), retry_after: None, body: String::new() };
    assert!(of(&answer, &open).error.to_string().contains("wants a key"));
}

#[test]
fn a_refused_key_is_not_repeated_in_part() {
    let body = r#"{"error":{"message":"Incorrect API key provided: sk-12***89"}}"#;
    for status in [400, 401] {
        let text = refused(status, body, None).error.to_string();
        assert!(text.contains("refuses the key") && !text.contains("sk-12"), "{text}");
    }
}

#[test]
fn what_passes_may_be_asked_again_after_the_time_that_the_endpoint_tells() {
    let secs = |seconds| Some(Duration::from_secs(seconds));
    for (status, told, after) in [
        (429, Some("7"), secs(7)),
        (429, Some("0.5"), Some(Duration::from_millis(500))),
        (429, None, secs(1)),
        (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), secs(1)),
        (429, Some("-1"), secs(1)),
        (529, Some("2"), secs(2)),
        (529, None, secs(1)),
        (503, Some("2"), secs(2)),
        (503, None, None),
        (502, Some("2"), None),
    ] {
        let refusal = refused(status, r#"{"error":{"message":"slow down"}}"#, told);
        assert!(refusal.error.is_passing(), "{refusal:?}");
        assert_eq!(refusal.after, after, "{status} {told:?}");
    }
    let text = refused(429, "{}", Some("7")).error.to_string();
    assert!(text.contains("7 s") && text.contains("server.max_calls"), "{text}");
    // A proxy whose endpoint is down responds with a web page.
    assert!(refused(502, "<html>Bad Gateway</html>", None).error.is_passing());
}

#[test]
fn a_failure_does_not_pass_and_a_long_prompt_is_one() {
    assert!(matches!(refused(500, r#"{"error":"out of memory"}"#, None).error, EngineError::Failed(_)));
    let long = refused(400, r#"{"error":{"code":"context_length_exceeded","message":""}}"#, None).error;
    assert_eq!(long, EngineError::TooLong { limit: 750, got: 1000 });
    let fault = Fault { status: Some(429), ..Fault::new("slow down") };
    let busy = Refused::from(of_fault(&fault, &asked()));
    assert!(busy.error.is_passing() && busy.after == Some(Duration::from_secs(1)), "{busy:?}");
    assert!(matches!(of_fault(&Fault::new("x"), &asked()), EngineError::Failed(_)));
}

#[test]
fn a_refused_offer_of_tools_is_told_from_other_refusals() {
    for (status, body, choice) in [
        (400, r#"{"error":{"message":"\"auto\" tool choice requires a flag"}}"#, true),
        (500, r#"{"error":{"message":"Cannot use tools with stream"}}"#, true),
        (429, r#"{"error":{"message":"too many tool calls"}}"#, false),
        (400, r#"{"error":{"message":"Conversation roles must alternate, except for tool calls."}}"#, false),
        (400, r#"{"error":{"code":"context_length_exceeded","message":"tools included"}}"#, false),
        (401, r#"{"error":{"message":"no tool key"}}"#, false),
    ] {
        let answer = Answer { status, kind: String::new(), retry_after: None, body: body.into() };
        assert_eq!(denied(&answer, &asked()).choice, choice, "{body}");
        let without = Asked { tools: Vec::new(), ..asked() };
        assert!(!denied(&answer, &without).choice, "{body}");
    }
}
