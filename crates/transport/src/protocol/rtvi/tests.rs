use proptest::prelude::*;
use visavis_core::route::{Reason, Routed, Served};

use super::*;
use crate::avatar::cue::Cue;
use crate::event::EndReason;
use crate::frame::{Message, ResponseId, Role};

impl Rtvi {
    fn encode(&self, event: &CallEvent) -> Vec<String> {
        self.texts(event, Duration::ZERO)
    }
}

fn decode(text: &str) -> Option<ClientCommand> {
    Rtvi::default().decode(text).command
}

/// The immediate replies to a message.
fn replies(text: &str) -> Vec<Value> {
    Rtvi::default().decode(text).replies.iter().map(|reply| serde_json::from_str(reply).unwrap()).collect()
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
fn an_error_response_has_the_id_of_its_request() {
    let event = CallEvent::BadMessage { id: Some("42".into()), message: "no".into() };
    let value: Value = serde_json::from_str(&Rtvi::default().encode(&event)[0]).unwrap();
    assert_eq!((&value["id"], &value["data"]), (&json!("42"), &json!({ "error": "no" })));
}

#[test]
fn a_declaration_of_tools_may_take_long_however_it_is_written_and_other_messages_do_not() {
    let declared = r#"{"type":"client-message","data":{"t":"set-tools","d":{"tools":[]}}}"#;
    let escaped = r#"{"type":"client-message","data":{"t":"set-t\u006fols","d":{"t\u006fols":[]}}}"#;
    assert_eq!(decode(declared), decode(escaped));
    for (text, expected) in [
        (declared, true),
        (escaped, true),
        (r#"{"type":"send-text","data":{"content":"Hello."}}"#, false),
        (r#"{"type":"llm-function-call-result","data":{"tool_call_id":"1-1","result":"blue"}}"#, false),
    ] {
        assert_eq!(Rtvi::default().may_take_long(&text.to_owned().into()), expected, "{text}");
    }
}

#[test]
fn tools_are_declared_their_results_are_read_and_faults_are_named() {
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
    assert!(!Rtvi::default().encode(&started)[1].contains("arguments"));
}

#[test]
fn a_voice_is_chosen_by_name_or_given_up_and_the_response_waits_for_the_call() {
    let choose = |voice: Value| {
        let data = json!({ "t": "set-voice", "d": { "voice": voice } });
        decode(&json!({ "type": "client-message", "id": "7", "data": data }).to_string()).unwrap()
    };
    let chosen = |voice: Option<&str>| ClientCommand::SetVoice {
        id: Some("7".into()),
        voice: voice.map(str::to_owned),
    };
    for name in ["af_heart", "af_heart(2)+am_michael", "libritts#12"] {
        assert_eq!(choose(json!(name)), chosen(Some(name)));
    }
    assert_eq!(choose(Value::Null), chosen(None));
    for bad in [json!(""), json!(" "), json!(7), json!(["af_heart"]), json!("a\u{7}"), json!("x".repeat(401))]
    {
        let ClientCommand::Bad { id, message } = choose(bad.clone()) else { panic!("{bad}") };
        assert!(
            id.as_deref() == Some("7") && message.contains("d.voice") && message.contains("400 bytes"),
            "{message}"
        );
    }
    let granted = CallEvent::Granted { id: "7".into(), request: "set-voice" };
    assert_eq!(told(&granted), [("server-response".to_owned(), json!({ "t": "set-voice", "d": {} }))]);
}

#[test]
fn expressions_are_set_and_reported_by_name() {
    let away = Cue::named("look-away").unwrap();
    let set = r#"{"type":"client-message","data":{"t":"set-expression","d":{"gesture":"look-away"}}}"#;
    assert_eq!(decode(set), Some(ClientCommand::SetExpression(away)));
    let told = Rtvi::default().encode(&CallEvent::Expression(Cue::named("happy").unwrap()));
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
    let value: Value = serde_json::from_str(&Rtvi::default().encode(&event)[0]).unwrap();
    assert_eq!(value["data"], json!({ "response": 3, "heard": "The capital" }));
}

#[test]
fn a_failure_is_not_an_interruption_and_its_turn_says_so() {
    let types = |event: CallEvent| {
        let value: Value = serde_json::from_str(&Rtvi::default().encode(&event)[0]).unwrap();
        (value["type"].clone(), value["data"].clone())
    };
    let heard = "The capital".to_owned();
    let (kind, data) = types(CallEvent::ResponseFailed { response: ResponseId(3), heard });
    assert_eq!(kind, "server-message");
    assert_eq!(data, json!({ "type": "response-failed", "response": 3, "heard": "The capital" }));
    let marks = crate::event::TurnMarks { failed: Some(900), ..Default::default() };
    let end = crate::event::ResponseEnd::Failed;
    let served = Served::default();
    let (_, data) = types(CallEvent::Turn { response: ResponseId(3), end, marks, slow: None, served });
    assert_eq!(data.get("engines"), None, "without routes nothing is said of engines");
    assert_eq!((&data["end"], &data["marks"]["failed"]), (&json!("failed"), &json!(900)));
    assert_eq!(data["marks"]["interrupted"], Value::Null);
}

#[test]
fn only_valid_requests_get_a_response_with_their_id() {
    let request = |t: &str, d: Value| json!({ "label": "rtvi-ai", "type": "client-message", "id": "a7", "data": { "t": t, "d": d } });
    for (t, d) in [
        ("ping", json!({})),
        ("interrupt", json!({})),
        ("mute", json!({ "muted": true })),
        ("set-language", json!({ "language": "de" })),
        ("set-expression", json!({ "mood": "happy" })),
        ("first-audio", json!({ "response": 1, "ms": 640 })),
    ] {
        let [reply, ..] = &replies(&request(t, d).to_string())[..] else { panic!("{t}") };
        assert_eq!((&reply["type"], &reply["id"]), (&json!("server-response"), &json!("a7")));
        assert_eq!(reply["data"], json!({ "t": t, "d": {} }));
    }
    let tools = json!({ "tools": [{ "name": "x", "description": "X." }] });
    let voice = json!({ "voice": "af_heart" });
    for (t, d) in
        [("dance", json!({})), ("mute", json!({ "muted": 1 })), ("set-tools", tools), ("set-voice", voice)]
    {
        assert_eq!(replies(&request(t, d).to_string()), Vec::<Value>::new(), "{t}");
    }
    let granted = CallEvent::Granted { id: "a7".into(), request: "set-tools" };
    let value: Value = serde_json::from_str(&Rtvi::default().encode(&granted)[0]).unwrap();
    assert_eq!((&value["id"], &value["data"]["t"]), (&json!("a7"), &json!("set-tools")));
}

#[test]
fn a_ping_gets_a_response_and_does_not_reach_the_call() {
    let ping = r#"{"label":"rtvi-ai","type":"client-message","id":"c1","data":{"t":"ping"}}"#;
    assert_eq!(decode(ping), None);
    assert_eq!(replies(ping)[0]["data"], json!({ "t": "ping", "d": {} }));
    assert_eq!(replies(&ping.replace(r#""id":"c1","#, "")), Vec::<Value>::new());
}

/// The messages for an event, as type and data.
fn told(event: &CallEvent) -> Vec<(String, Value)> {
    let messages = Rtvi::default().encode(event);
    let read = messages.iter().map(|text| serde_json::from_str::<Value>(text).unwrap());
    read.map(|value| (value["type"].as_str().unwrap().to_owned(), value["data"].clone())).collect()
}

#[test]
fn a_call_that_goes_on_says_so_and_from_what_and_how_to_come_back() {
    let ready = |resumed| told(&CallEvent::Ready { call: "c".into(), resumed }).remove(0);
    assert_eq!((ready(true).0.as_str(), &ready(true).1["resumed"]), ("bot-ready", &json!(true)));
    assert!(ready(false).1.get("resumed").is_none());
    let said = Message { role: Role::Assistant, content: "One two".into() };
    let (call, cut) = ("c".to_owned(), Some("three.".to_owned()));
    let resumed = CallEvent::Resumed { call: call.clone(), said: vec![said], cut };
    let data = json!({
        "type": "resumed", "call": "c", "said": [{ "role": "assistant", "text": "One two" }], "cut": "three.",
    });
    assert_eq!(told(&resumed), [("server-message".to_owned(), data)]);
    let token = CallEvent::ResumeToken { call, token: "t".into(), seconds: 60 };
    let data = json!({ "type": "resume", "call": "c", "token": "t", "seconds": 60 });
    assert_eq!(told(&token), [("server-message".to_owned(), data)]);
}

#[test]
fn a_segment_is_new_then_in_progress_and_then_completed() {
    let (response, text) = (ResponseId(3), "Well, hello.".to_owned());
    let (language, voice) = ("en".into(), "joe".into());
    let begins =
        CallEvent::SegmentSpoken { response, index: 2, text: text.clone(), aloud: true, language, voice };
    let [(tts, _), (output, new)] = &told(&begins)[..] else { panic!() };
    assert_eq!((tts.as_str(), output.as_str()), ("bot-tts-text", "bot-output"));
    assert_eq!(
        new,
        &json!({
            "text": "Well, hello.", "spoken": true, "will_be_spoken": true, "aggregated_by": "sentence",
            "segment_id": (3 << 16) + 2, "response": 3, "spoken_status": "new", "language": "en", "voice": "joe",
            "spoken_progress": { "accumulated_text": "", "remaining_text": "Well, hello." },
        })
    );
    for (said, status, accumulated, remaining) in
        [(5, "in-progress", "Well,", " hello."), (12, "completed", "Well, hello.", "")]
    {
        let progress = CallEvent::SegmentProgress { response, index: 2, text: text.clone(), said };
        let [(output, data)] = &told(&progress)[..] else { panic!() };
        assert_eq!((output.as_str(), &data["spoken_status"]), ("bot-output", &json!(status)));
        assert_eq!((&data["segment_id"], &data["text"]), (&new["segment_id"], &new["text"]));
        let progress = json!({ "accumulated_text": accumulated, "remaining_text": remaining });
        assert_eq!((&data["spoken_progress"], &data["will_be_spoken"]), (&progress, &json!(true)));
    }
}

#[test]
fn text_that_is_not_spoken_is_not_marked_as_speech() {
    let (response, text) = (ResponseId(1), "x = 1".into());
    let (language, voice) = (String::new(), String::new());
    let shown = CallEvent::SegmentSpoken { response, index: 0, text, aloud: false, language, voice };
    let [(output, data)] = &told(&shown)[..] else { panic!() };
    assert_eq!((output.as_str(), &data["will_be_spoken"]), ("bot-output", &json!(false)));
    assert_eq!((data.get("spoken_status"), data.get("language"), data.get("voice")), (None, None, None));
}

#[test]
fn an_old_client_gets_each_segment_once() {
    let codec = Rtvi::default();
    let progress =
        CallEvent::SegmentProgress { response: ResponseId(1), index: 0, text: "Hi.".into(), said: 3 };
    for (version, messages) in [("1.2.0", 0), ("2.0.0", 1)] {
        codec.decode(&format!(r#"{{"type":"client-ready","id":"1","data":{{"version":"{version}"}}}}"#));
        assert_eq!(codec.encode(&progress).len(), messages, "{version}");
    }
}

#[test]
fn a_client_with_another_version_is_told_both_versions_and_its_call_begins() {
    for (version, fault) in [
        (json!("2.1.0"), None),
        (json!("2.7"), None),
        (Value::Null, None),
        (json!("0.3.0"), Some("0.3.0")),
        (json!("9.0.0"), Some("9.0.0")),
        (json!("new"), Some("must be like")),
        (json!(2), Some("must be like")),
    ] {
        let hello = json!({ "type": "client-ready", "id": "h1", "data": { "version": version } }).to_string();
        assert_eq!(decode(&hello), Some(ClientCommand::Ready));
        let replies = replies(&hello);
        assert_eq!(replies.len(), usize::from(fault.is_some()), "{version}");
        if let (Some(fault), [reply]) = (fault, &replies[..]) {
            assert_eq!((&reply["type"], &reply["id"]), (&json!("error-response"), &json!("h1")));
            let error = reply["data"]["error"].as_str().unwrap();
            assert!(error.contains(fault) && error.contains(RTVI_VERSION), "{error}");
        }
    }
}

#[test]
fn a_fault_of_the_call_has_the_standard_field() {
    let fault = CallEvent::Ended { reason: EndReason::Fault, message: "It broke.".into() };
    let (kind, data) = &told(&fault)[0];
    assert_eq!(kind, "error");
    assert_eq!(data, &json!({ "error": "It broke.", "message": "It broke.", "fatal": true }));
}

#[test]
fn options_of_typed_text_decide_whether_and_how_it_is_answered() {
    let send = |options: Value| {
        let data = json!({ "content": "Hello.", "options": options });
        decode(&json!({ "type": "send-text", "id": "7", "data": data }).to_string()).unwrap()
    };
    let text = || "Hello.".to_owned();
    let append = || ClientCommand::Append { id: Some("7".into()), role: Role::User, text: text() };
    for (options, expected) in [
        (Value::Null, ClientCommand::Say(text())),
        (json!({}), ClientCommand::Say(text())),
        (json!({ "run_immediately": true, "audio_response": true }), ClientCommand::Say(text())),
        (json!({ "audio_response": false }), ClientCommand::AskInText(text())),
        (json!({ "run_immediately": false }), append()),
        (json!({ "run_immediately": false, "audio_response": false }), append()),
    ] {
        assert_eq!(send(options.clone()), expected, "{options}");
    }
    for (options, part) in [(json!({ "audio_response": 1 }), "audio_response"), (json!([]), "data.options")] {
        let ClientCommand::Bad { message, .. } = send(options) else { panic!("{part}") };
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn text_is_added_to_the_context_with_its_role() {
    let append = |data: Value| json!({ "type": "append-to-context", "id": "7", "data": data }).to_string();
    let with = |role, text: &str| ClientCommand::Append { id: Some("7".into()), role, text: text.into() };
    let parts = json!([{ "type": "text", "text": "I am" }, { "type": "text", "text": "Ada." }]);
    for (data, expected) in [
        (json!({ "role": "user", "content": " I am Ada. " }), with(Role::User, "I am Ada.")),
        (json!({ "role": "assistant", "content": parts }), with(Role::Assistant, "I am Ada.")),
        (
            json!({ "role": "user", "content": "Hi.", "run_immediately": true }),
            ClientCommand::Say("Hi.".into()),
        ),
    ] {
        let message = append(data);
        assert_eq!(decode(&message), Some(expected));
        assert_eq!(replies(&message)[0]["type"], "append-to-context-result");
    }
    for (data, part) in [
        (json!({ "role": "system", "content": "x" }), "data.role"),
        (json!({ "role": "user", "content": 7 }), "data.content"),
        (json!({ "role": "user", "content": "x".repeat(4001) }), "4000"),
        (json!({ "role": "assistant", "content": "x", "run_immediately": true }), "run_immediately"),
    ] {
        let message = append(data);
        let Some(ClientCommand::Bad { message: fault, .. }) = decode(&message) else { panic!("{part}") };
        assert!(fault.contains(part) && replies(&message).is_empty(), "{fault}");
    }
}

#[test]
fn keys_become_text_and_page_messages_are_known_types() {
    let message = |kind: &str, data: Value| json!({ "type": kind, "id": "7", "data": data }).to_string();
    let pressed = |text: &str| Some(ClientCommand::Say(text.into()));
    let keys = message("dtmf", json!({ "buttons": ["1", "2", "#"] }));
    assert_eq!(decode(&keys), pressed("Keys pressed: 1 2 #"));
    assert_eq!(decode(&message("dtmf", json!({ "button": "5" }))), pressed("Keys pressed: 5"));
    let event = json!({ "event": "nav_click", "payload": { "view": "home" } });
    let tree = json!({ "tree": { "root": { "ref": "e1", "role": "generic" }, "captured_at": 1 } });
    for (kind, data) in [("ui-event", event), ("ui-snapshot", tree)] {
        assert_eq!(Rtvi::default().decode(&message(kind, data)), Incoming::default(), "{kind}");
    }
    for (kind, data, part) in [
        ("dtmf", json!({ "buttons": [] }), "data.buttons"),
        ("dtmf", json!({ "buttons": ["1", "A"] }), "0 to 9"),
        ("dtmf", json!({ "buttons": vec!["1"; 65] }), "64"),
        ("dtmf", json!({}), "data.buttons"),
        ("ui-event", json!({}), "data.event"),
        ("ui-cancel-job-group", json!({ "job_id": "j1" }), "j1"),
        ("raw-audio", json!({}), "binary frames"),
    ] {
        let Some(ClientCommand::Bad { message, .. }) = decode(&message(kind, data)) else { panic!("{kind}") };
        assert!(message.contains(part) && !message.contains("unknown"), "{message}");
    }
}

#[test]
fn typed_text_is_reported_as_model_input_and_not_as_a_transcript() {
    let typed = CallEvent::UserTyped { text: "Hello.".into() };
    assert_eq!(told(&typed), [("user-llm-text".to_owned(), json!({ "text": "Hello." }))]);
}

#[test]
fn each_change_of_muting_is_reported_once() {
    let codec = Rtvi::default();
    let mute = |muted: bool| {
        let text =
            json!({ "type": "client-message", "id": "7", "data": { "t": "mute", "d": { "muted": muted } } });
        let replies = codec.decode(&text.to_string()).replies;
        replies
            .iter()
            .any(|reply| reply.contains(if muted { "user-mute-started" } else { "user-mute-stopped" }))
    };
    let told = [false, true, true, false, false].map(mute);
    assert_eq!(told, [false, true, false, true, false]);
}

#[test]
fn the_times_of_a_turn_are_reported_in_seconds_by_processor() {
    let marks = crate::event::TurnMarks {
        pause: Some(100),
        transcript: Some(350),
        turn_decided: Some(600),
        speculated: Some(360),
        first_token: Some(500),
        first_segment: Some(620),
        first_audio: Some(700),
        first_sent: Some(720),
        ..Default::default()
    };
    let turn = |marks| {
        let end = crate::event::ResponseEnd::Finished;
        let llm = Routed { engine: "cloud".into(), reason: Reason::Late };
        let served = Served { llm: Some(llm), ..Served::default() };
        told(&CallEvent::Turn { response: ResponseId(1), end, marks, slow: None, served })
    };
    let mut messages = turn(marks);
    let (kind, data) = messages.pop().unwrap();
    assert_eq!(kind, "metrics");
    let (_, turn_data) = messages.pop().unwrap();
    assert_eq!(turn_data["engines"], json!({ "llm": { "engine": "cloud", "reason": "late" } }));
    let of = |processor: &str, value: f64| json!({ "processor": processor, "value": value });
    assert_eq!(data["ttfb"], json!([of("stt", 0.25), of("llm", 0.14), of("tts", 0.08)]));
    assert_eq!(data["processing"], json!([of("turn", 0.72)]));
    let nothing = turn(crate::event::TurnMarks { first_sent: Some(9), ..Default::default() });
    assert_eq!(nothing.len(), 1, "a greeting answers nothing: {nothing:?}");
}

const KINDS: &str = "(send-text|append-to-context|dtmf|client-message|client-ready|ui-[a-z]{5}|ui-cancel-job-group|[a-z-]{0,9})";

const DATA: [&str; 11] = [
    "null",
    "1",
    "[]",
    "\"x\"",
    r#"{"t":"mute"}"#,
    r#"{"t":3}"#,
    r#"{"t":"ping","d":[]}"#,
    r#"{"content":"x","options":[3]}"#,
    r#"{"content":[{"text":"x"},3],"role":"user"}"#,
    r#"{"buttons":[[]],"button":{}}"#,
    r#"{"version":".","event":{},"job_id":""}"#,
];

proptest! {
    #[test]
    fn no_text_causes_a_panic(text in ".{0,80}", kind in KINDS, data in proptest::sample::select(&DATA[..])) {
        _ = decode(&text);
        _ = decode(&format!("{{\"type\":\"{kind}\",\"id\":3,\"data\":{data}}}"));
    }
}
