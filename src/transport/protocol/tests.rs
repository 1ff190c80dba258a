use proptest::prelude::*;

use super::*;
use crate::avatar::cue::Cue;
use crate::frame::ResponseId;

fn decode(text: &str) -> Option<ClientCommand> {
    Rtvi.decode(text).command
}

/// What is answered to a message at once.
fn replies(text: &str) -> Vec<Value> {
    Rtvi.decode(text).replies.iter().map(|reply| serde_json::from_str(reply).unwrap()).collect()
}

#[test]
fn a_bad_message_names_the_field_and_keeps_its_id() {
    for (text, part) in [
        (r#"{"type":"send-text","id":"7","data":{"content":" "}}"#, "data.content"),
        (
            r#"{"type":"client-message","id":"7","data":{"t":"set-language","d":{"language":"english"}}}"#,
            "d.language",
        ),
        (
            r#"{"type":"client-message","id":"7","data":{"t":"set-expression","d":{"mood":"glad"}}}"#,
            "d.mood must be one of neutral, happy",
        ),
        (
            r#"{"type":"client-message","id":"7","data":{"t":"set-expression","d":{"gesture":7}}}"#,
            "d.gesture must be one of nod",
        ),
        (
            r#"{"type":"client-message","id":"7","data":{"t":"set-expression","d":{}}}"#,
            "either mood or gesture",
        ),
        (r#"{"type":"dance","id":"7"}"#, "dance"),
    ] {
        let Some(ClientCommand::Bad { id, message }) = decode(text) else { panic!("{text}") };
        assert_eq!(id.as_deref(), Some("7"));
        assert!(message.contains(part), "{message}");
    }
    assert!(matches!(decode("{"), Some(ClientCommand::Bad { id: None, .. })));
}

#[test]
fn typed_text_is_cleaned_and_bounded() {
    let send = |content: &str| {
        let message = json!({ "type": "send-text", "id": "7", "data": { "content": content } });
        decode(&message.to_string())
    };
    assert_eq!(send(" Wha\0t\u{feff}? "), Some(ClientCommand::Say("What?".into())));
    let lone = r#"{"type":"send-text","data":{"content":"a\ud83d"}}"#;
    assert_eq!(decode(lone), Some(ClientCommand::Say("a\u{fffd}".into())));
    for (content, limit) in [
        ("\0\u{1b}".into(), "1 to 4000 characters"),
        ("a".repeat(4001), "4000"),
        ("😀".repeat(4000), "8000 bytes"),
    ] {
        let Some(ClientCommand::Bad { message, .. }) = send(&content) else { panic!("{content}") };
        assert!(message.contains("data.content") && message.contains(limit), "{message}");
    }
}

#[test]
fn an_error_response_carries_the_id_of_what_it_answers() {
    let event = CallEvent::BadMessage { id: Some("42".into()), message: "no".into() };
    let value: Value = serde_json::from_str(&Rtvi.encode(&event)[0]).unwrap();
    assert_eq!((&value["id"], &value["data"]), (&json!("42"), &json!({ "error": "no" })));
}

#[test]
fn tools_are_declared_and_answered_and_their_faults_named() {
    let declared = r#"{"type":"client-message","id":"7","data":{"t":"set-tools","d":{"tools":[{"name":"x","description":"X."}]}}}"#;
    assert!(
        matches!(decode(declared), Some(ClientCommand::SetTools { id: Some(id), tools }) if tools[0].name == "x" && id == "7")
    );
    let Some(ClientCommand::Bad { message, .. }) = decode(&declared.replace("X.", "")) else { panic!() };
    assert!(message.contains("d.tools[0].description"), "{message}");
    for (result, expected) in [
        (r#""blue""#, Ok("blue".to_string())),
        (r#"{"colour":"blue"}"#, Ok(r#"{"colour":"blue"}"#.to_string())),
        (r#"{"error":"no paint"}"#, Err("no paint".to_string())),
    ] {
        let text = format!(
            r#"{{"type":"llm-function-call-result","data":{{"tool_call_id":"1-1","result":{result}}}}}"#
        );
        assert_eq!(decode(&text), Some(ClientCommand::ToolResult { id: "1-1".into(), result: expected }));
    }
    let started = CallEvent::ToolStarted { id: "1-1".into(), name: "x".into(), arguments: None };
    assert!(!Rtvi.encode(&started)[1].contains("arguments"));
}

#[test]
fn expressions_are_set_and_told_by_their_names() {
    let away = Cue::named("look-away").unwrap();
    let set = r#"{"type":"client-message","data":{"t":"set-expression","d":{"gesture":"look-away"}}}"#;
    assert_eq!(decode(set), Some(ClientCommand::SetExpression(away)));
    let told = Rtvi.encode(&CallEvent::Expression(Cue::named("happy").unwrap()));
    let value: Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(
        (&value["type"], &value["data"]),
        (&json!("server-message"), &json!({ "type": "expression", "mood": "happy" }))
    );
}

#[test]
fn keep_alives_are_ignored() {
    assert_eq!(decode("ping: 123"), None);
    assert_eq!(decode(r#"{"type":"signalling","message":{"type":"trackStatus"}}"#), None);
}

#[test]
fn an_interruption_says_what_was_heard() {
    let event = CallEvent::Interrupted { response: ResponseId(3), heard: "The capital".into() };
    let value: Value = serde_json::from_str(&Rtvi.encode(&event)[0]).unwrap();
    assert_eq!(value["data"], json!({ "response": 3, "heard": "The capital" }));
}

#[test]
fn a_failure_is_no_interruption_and_its_turn_says_so() {
    let types = |event: CallEvent| {
        let value: Value = serde_json::from_str(&Rtvi.encode(&event)[0]).unwrap();
        (value["type"].clone(), value["data"].clone())
    };
    let heard = "The capital".to_owned();
    let (kind, data) = types(CallEvent::AnswerFailed { response: ResponseId(3), heard });
    assert_eq!(kind, "server-message");
    assert_eq!(data, json!({ "type": "answer-failed", "response": 3, "heard": "The capital" }));
    let marks = crate::event::TurnMarks { failed: Some(900), ..Default::default() };
    let end = crate::event::AnswerEnd::Failed;
    let (_, data) = types(CallEvent::Turn { response: ResponseId(3), end, marks, slow: None });
    assert_eq!((&data["end"], &data["marks"]["failed"]), (&json!("failed"), &json!(900)));
    assert_eq!(data["marks"]["interrupted"], Value::Null);
}

#[test]
fn a_request_that_is_understood_is_answered_under_its_id_and_no_other_is() {
    let request = |t: &str, d: Value| json!({ "label": "rtvi-ai", "type": "client-message", "id": "a7", "data": { "t": t, "d": d } });
    for (t, d) in [
        ("ping", json!({})),
        ("interrupt", json!({})),
        ("mute", json!({ "muted": true })),
        ("set-language", json!({ "language": "de" })),
        ("set-expression", json!({ "mood": "happy" })),
        ("first-audio", json!({ "response": 1, "ms": 640 })),
    ] {
        let [reply] = &replies(&request(t, d).to_string())[..] else { panic!("{t}") };
        assert_eq!((&reply["type"], &reply["id"]), (&json!("server-response"), &json!("a7")));
        assert_eq!(reply["data"], json!({ "t": t, "d": {} }));
    }
    let tools = json!({ "tools": [{ "name": "x", "description": "X." }] });
    for (t, d) in [("dance", json!({})), ("mute", json!({ "muted": 1 })), ("set-tools", tools)] {
        assert_eq!(replies(&request(t, d).to_string()), Vec::<Value>::new(), "{t}");
    }
    let granted = CallEvent::Granted { id: "a7".into(), request: "set-tools" };
    let value: Value = serde_json::from_str(&Rtvi.encode(&granted)[0]).unwrap();
    assert_eq!((&value["id"], &value["data"]["t"]), (&json!("a7"), &json!("set-tools")));
}

#[test]
fn a_ping_is_nothing_that_the_call_hears_of() {
    let ping = r#"{"label":"rtvi-ai","type":"client-message","id":"c1","data":{"t":"ping"}}"#;
    assert_eq!(decode(ping), None);
    assert_eq!(replies(ping)[0]["data"], json!({ "t": "ping", "d": {} }));
    assert_eq!(replies(&ping.replace(r#""id":"c1","#, "")), Vec::<Value>::new());
}

proptest! {
    #[test]
    fn no_text_whatever_is_a_panic(text in ".{0,80}", kind in "(send-text|client-message|[a-z-]{0,9})", data in "(null|1|\\[\\]|\"x\"|\\{\"t\":\"mute\"\\}|\\{\"t\":3\\})") {
        _ = decode(&text);
        _ = decode(&format!("{{\"type\":\"{kind}\",\"id\":3,\"data\":{data}}}"));
    }
}
