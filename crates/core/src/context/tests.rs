use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::tool::Doer;

fn message(role: Role, content: &str) -> Message {
    Message { role, content: content.into() }
}

fn context() -> CallContext {
    let tool = Tool {
        name: "colour".into(),
        description: "Changes the colour.".into(),
        parameters: json!({ "type": "object", "properties": { "name": { "type": "string" } } }),
        timeout_ms: 5000,
        doer: Doer::Client,
    };
    CallContext {
        version: VERSION,
        messages: vec![
            message(Role::User, "Where is order \"7\"?"),
            message(Role::Call, r#"{"name":"order","arguments":{"number":"7"}}"#),
            message(Role::Tool, "shipped"),
            message(Role::Assistant, "Er ist unterwegs. 🚚"),
        ],
        summary: "They talked about orders.".into(),
        language: "de".into(),
        set_language: None,
        voices: [("es".to_owned(), "ef_dora".to_owned())].into(),
        multilingual: true,
        no_voice_told: true,
        tools: vec![tool],
        mood: Mood::Happy,
        greeted: true,
        responses: 7,
        pending: Some(PendingTurn {
            heard: "Er ist".into(),
            rest: "da.".into(),
            complete: true,
            aloud: true,
        }),
        usage: Usage { prompt: 900, cached: 700, response: 40 },
    }
}

fn changed(field: &str, value: Value) -> Result<CallContext, ContextError> {
    let mut json = serde_json::to_value(context()).unwrap();
    json[field] = value;
    CallContext::read(&json.to_string())
}

#[test]
fn a_written_context_reads_back_unchanged() {
    assert_eq!(CallContext::read(&context().to_json().unwrap()), Ok(context()));
    let german = CallContext { set_language: Some("de".into()), ..context() };
    assert_eq!(CallContext::read(&german.to_json().unwrap()), Ok(german));
}

/// The first version, which a store may still hold when a later program reads it.
#[test]
fn a_context_of_the_first_version_is_read() {
    let kept = r#"{"version":1,"messages":[{"role":"user","content":"Hello"},
        {"role":"assistant","content":"Hi."}],
        "summary":"","language":"en","set_language":"en","multilingual":false,"no_voice_told":false,
        "tools":[],"mood":"neutral","greeted":true,"responses":2}"#;
    let read = CallContext::read(kept).unwrap();
    assert_eq!(read.messages, [message(Role::User, "Hello"), message(Role::Assistant, "Hi.")]);
    assert_eq!((read.set_language.as_deref(), read.responses), (Some("en"), 2));
    assert!(read.voices.is_empty(), "it was written before voices could be chosen");
    assert!(read.usage.is_none(), "it was written before tokens were counted");
}

#[test]
fn a_context_of_another_version_is_refused_with_both_versions() {
    for version in [0, 2, 7, u64::MAX] {
        let error = changed("version", json!(version)).unwrap_err();
        assert_eq!(error, ContextError::OtherVersion { found: version });
        let told = error.to_string();
        assert!(told.contains(&format!("version {version},")) && told.contains("reads version 1"), "{told}");
    }
    // The rest of it need not make sense to this program.
    let later = CallContext::read(r#"{"version":2,"turns":[]}"#);
    assert_eq!(later, Err(ContextError::OtherVersion { found: 2 }));
}

#[test]
fn a_damaged_context_is_refused_with_its_version_and_the_location() {
    let told = |read: Result<CallContext, ContextError>| read.unwrap_err().to_string();
    let whole = context().to_json().unwrap();
    let cut = told(CallContext::read(&whole[..whole.len() / 2]));
    assert!(cut.contains("damaged (of no known version; this program reads version 1)"), "{cut}");
    for (json, part) in [("", "EOF"), ("[]", "names no version"), (r#"{"version":"1"}"#, "names no version")]
    {
        let told = told(CallContext::read(json));
        assert!(told.contains(part) && told.contains("reads version 1"), "{told}");
    }
    for (field, value, part) in [
        ("messages", json!([{ "role": "nobody", "content": "x" }]), "nobody"),
        ("messages", json!([message(Role::System, "Obey.")]), "messages[0]"),
        ("responses", json!(-1), "-1"),
        ("tools", Value::Null, "tools: not a list"),
        ("tools", json!([{ "name": "a b", "description": "x", "timeout_ms": 500 }]), "tools[0].name"),
    ] {
        let told = told(changed(field, value));
        assert!(told.contains("damaged (of version 1;") && told.contains(part), "{told}");
    }
}

#[test]
fn a_tool_in_a_stored_context_is_always_a_client_tool() {
    let mut tools = serde_json::to_value(context().tools).unwrap();
    tools[0]["doer"] = json!("webhook");
    assert_eq!(changed("tools", tools).unwrap().tools[0].doer, Doer::Client);
}

#[test]
fn excessive_sizes_are_refused_with_the_limit() {
    let one = message(Role::User, "x");
    let tool = &context().tools[0];
    for (field, value, limit) in [
        ("messages", json!(vec![one; MOST_MESSAGES + 1]), "32768"),
        ("messages", json!([message(Role::User, &"x".repeat(LONGEST_CONTENT + 1))]), "1048576"),
        ("summary", json!("x".repeat(LONGEST_CONTEXT)), "4194304"),
        ("summary", json!("x".repeat(LONGEST_SUMMARY + 1)), "500"),
        ("responses", json!(u32::MAX), "2147483647"),
        ("voices", json!((0..65).map(|n| (n.to_string(), "x")).collect::<BTreeMap<_, _>>()), "64"),
        ("voices", json!({ "en": "x".repeat(LONGEST_NAME + 1) }), "400"),
        ("tools", json!(vec![tool; 17]), "at most 16"),
    ] {
        let told = changed(field, value).unwrap_err().to_string();
        assert!(told.contains(limit), "{field}: {told}");
    }
    let long = CallContext { summary: "x".repeat(LONGEST_CONTEXT), ..context() };
    assert!(matches!(long.to_json(), Err(ContextError::TooMuch { what: "bytes", .. })));
}

proptest! {
    /// Changes one character of a stored context.
    #[test]
    fn a_corrupted_context_is_read_within_bounds_or_refused(at in 0usize..2000, other in any::<char>()) {
        let mut stored: Vec<char> = context().to_json().unwrap().chars().collect();
        let at = at % stored.len();
        stored[at] = other;
        if let Ok(read) = CallContext::read(&stored.into_iter().collect::<String>()) {
            prop_assert!(read.version == VERSION && read.check().is_ok());
        }
    }
}
