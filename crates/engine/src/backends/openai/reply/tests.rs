use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The text of these events, and the response.
fn read(events: &[Value]) -> (String, Reply) {
    let mut reply = Reply::default();
    let text = events.iter().filter_map(|event| reply.take(&event.to_string()).unwrap()).collect();
    (text, reply)
}

fn delta(delta: &Value) -> Value {
    json!({ "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
}

fn ends(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn called(name: &str, arguments: &str) -> LlmPiece {
    LlmPiece::Call(WrittenCall { name: name.into(), arguments: arguments.into() })
}

#[test]
fn text_is_passed_on_and_thoughts_are_dropped() {
    let (text, mut reply) = read(&[
        delta(&json!({ "role": "assistant", "content": "" })),
        delta(&json!({ "reasoning_content": "They want tea." })),
        delta(&json!({ "reasoning": "Yes.", "content": null })),
        delta(
            &json!({ "content": [{ "type": "thinking", "thinking": [] }, { "type": "text", "text": "Here" }] }),
        ),
        delta(&json!({ "content": " is tea." })),
        ends("stop"),
    ]);
    assert_eq!(text, "Here is tea.");
    assert!(reply.is_whole() && !reply.is_done() && !reply.only_thought());
    assert_eq!(reply.take(" [DONE]").unwrap(), None);
    assert!(reply.is_done() && reply.last_pieces().is_empty());
}

#[test]
fn only_what_the_model_makes_is_a_sign_that_it_works() {
    let call = json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "" } }] });
    for (works, event) in [
        (true, delta(&json!({ "content": "Tea" }))),
        (true, delta(&json!({ "reasoning_content": "Hm." }))),
        (true, delta(&json!({ "thoughts": ["Hm."], "content": null }))),
        (true, delta(&call)),
        (false, delta(&json!({ "role": "assistant", "content": "", "refusal": null, "tool_calls": [] }))),
        (false, delta(&json!({}))),
        (false, json!({ "choices": [] })),
        (false, json!({ "object": "ping" })),
        (false, ends("stop")),
    ] {
        let mut reply = Reply::default();
        _ = reply.take(&event.to_string()).unwrap();
        assert_eq!(reply.works(), works, "{event}");
        _ = reply.take("[DONE]").unwrap();
        assert!(!reply.works(), "the end holds nothing");
    }
}

#[test]
fn a_response_that_spends_its_tokens_on_thoughts_is_recognised() {
    let thought = delta(&json!({ "reasoning_content": "Well, " }));
    assert!(read(&[thought.clone(), ends("length")]).1.only_thought());
    assert!(!read(&[thought.clone(), ends("stop")]).1.only_thought());
    assert!(!read(&[thought, delta(&json!({ "content": "So." })), ends("length")]).1.only_thought());
}

#[test]
fn the_first_tool_call_is_put_together_and_further_ones_are_dropped() {
    let (text, mut reply) = read(&[
        delta(&json!({ "content": "I look." })),
        delta(
            &json!({ "tool_calls": [{ "index": 0, "id": "a", "function": { "name": "order", "arguments": "" } }] }),
        ),
        delta(&json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "{\"n\"" } }] })),
        delta(
            &json!({ "tool_calls": [{ "index": 1, "id": "b", "function": { "name": "x", "arguments": "{}" } }] }),
        ),
        delta(&json!({ "tool_calls": [{ "index": 0, "id": "", "function": { "arguments": ":7}" } }] })),
        ends("tool_calls"),
    ]);
    assert_eq!(text, "I look.");
    assert_eq!(reply.last_pieces(), [called("order", "{\"n\":7}")]);
    // Without an index, with whole objects, and with ids that distinguish the calls.
    let call =
        |id: &str, name: &str| json!({ "id": id, "function": { "name": name, "arguments": { "n": 7 } } });
    let (_, mut reply) = read(&[delta(&json!({ "tool_calls": [call("a", "order"), call("b", "x")] }))]);
    assert_eq!(reply.last_pieces(), [called("order", "{\"n\":7}")]);
}

#[test]
fn a_tool_call_without_arguments_has_an_empty_object() {
    for function in [
        json!({ "name": "current_time", "arguments": "" }),
        json!({ "name": "current_time", "arguments": null }),
        json!({ "name": "current_time" }),
    ] {
        let call = delta(&json!({ "tool_calls": [{ "index": 0, "id": "a", "function": function }] }));
        let (_, mut reply) = read(&[call, ends("tool_calls")]);
        assert_eq!(reply.last_pieces(), [called("current_time", "{}")]);
    }
}

#[test]
fn a_call_that_an_endpoint_passes_on_as_text_ends_the_response() {
    let mut reply = Reply::within(Some(160)).offering(&["order".into()]);
    let says = |reply: &mut Reply, text: &str| {
        reply.take(&delta(&json!({ "content": text })).to_string()).unwrap().unwrap_or_default()
    };
    for piece in ["```", "json\n", "{\"name\": \"order\", ", "\"arguments\": {\"n\": 7}"] {
        assert_eq!(says(&mut reply, piece), "");
        assert!(reply.works() && !reply.is_over(), "a call that is written is a sign of life");
    }
    assert_eq!(says(&mut reply, "}\n```"), "");
    assert!(reply.is_over() && reply.has_call_in_text() && !reply.is_cut());
    assert_eq!(reply.last_pieces(), [called("order", "{\"n\":7}")]);

    let mut reply = Reply::within(Some(160)).offering(&["order".into()]);
    assert_eq!(says(&mut reply, "{\"name\": \"order\""), "");
    _ = reply.take("[DONE]").unwrap();
    assert_eq!(reply.last_pieces(), [LlmPiece::Text("{\"name\": \"order\"".into())], "it is none");
    let mut reply = Reply::within(Some(160));
    assert_eq!(says(&mut reply, "{\"name\": \"order\"}"), "{\"name\": \"order\"}", "no tool was offered");
}

#[test]
fn the_tokens_that_had_to_be_read_are_told_where_the_endpoint_knows_them() {
    let usage = |details: Value| json!({ "choices": [], "usage": { "prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": details } });
    let (_, mut reply) = read(&[usage(json!({ "cached_tokens": 96 })), delta(&json!({}))]);
    assert_eq!(reply.tokens(), Some(Tokens { prompt: 100, cached: Some(96), response: 7 }));
    assert_eq!(reply.last_pieces(), [LlmPiece::Read(4)]);
    let (_, mut reply) = read(&[usage(Value::Null), json!({ "usage": null })]);
    assert_eq!((reply.tokens().unwrap().prompt, reply.last_pieces()), (100, Vec::new()));
}

#[test]
fn thoughts_are_told_once_and_the_end_with_its_reason_and_tokens() {
    let mut reply = Reply::default();
    let thinks = delta(&json!({ "reasoning": "Hm.", "reasoning_content": "Hm.", "content": "" }));
    assert_eq!(reply.take(&thinks.to_string()).unwrap(), None);
    assert_eq!((reply.thought().as_deref(), reply.thought()), (Some("Hm."), None));
    reply.take(&delta(&json!({ "content": "Yes" })).to_string()).unwrap();
    assert_eq!(reply.thought(), None);
    assert_eq!(reply.ended(), Ended::default());
    let usage = json!({ "prompt_tokens": 9, "completion_tokens": 4 });
    let last = json!({ "choices": [{ "delta": {}, "finish_reason": "length" }], "usage": usage });
    reply.take(&last.to_string()).unwrap();
    let usage = Some(Usage { prompt: 9, cached: 0, response: 4 });
    assert_eq!(reply.ended(), Ended { cut: true, usage });
}

#[test]
fn a_response_that_goes_on_past_its_length_is_cut_there() {
    let mut reply = Reply::within(Some(10));
    let says = |reply: &mut Reply, text: &str| {
        reply.take(&delta(&json!({ "content": text })).to_string()).unwrap().unwrap_or_default()
    };
    let whole = "\u{e9}".repeat(10 * CHARACTERS);
    assert_eq!(says(&mut reply, &whole), whole, "characters count, not bytes");
    assert!(!reply.is_cut() && !reply.is_whole());
    assert_eq!(says(&mut reply, "more"), "");
    assert!(reply.is_cut() && reply.is_whole() && !reply.only_thought());
    let mut short = Reply::within(Some(1));
    assert_eq!(says(&mut short, &"word ".repeat(20)).chars().count(), FEWEST, "a piece is cut within");
    assert!(short.is_cut());
    let mut free = Reply::within(None);
    assert_eq!(says(&mut free, &whole.repeat(20)).chars().count(), 20 * 10 * CHARACTERS);
    assert!(!free.is_cut(), "a request without a bound lets the endpoint write more");
    assert!(!says(&mut free, &"x".repeat(MOST)).is_empty() && free.is_cut(), "but not for ever");
}

#[test]
fn thoughts_and_events_without_text_do_not_go_on_for_ever() {
    let ends = |event: Value, after: usize| {
        let (mut reply, event) = (Reply::within(Some(160)), event.to_string());
        (0..after).for_each(|_| assert_eq!(reply.take(&event).unwrap(), None));
        assert!(!reply.is_cut(), "{event}");
        reply.take(&event).unwrap();
        assert!(reply.is_cut(), "{event}");
        reply
    };
    assert!(ends(delta(&json!({ "reasoning_content": "x".repeat(1024) })), MOST / 1024).only_thought());
    assert!(!ends(delta(&json!({})), MOST).only_thought());
}

#[test]
fn a_fault_in_the_stream_is_told() {
    let mut reply = Reply::default();
    let fault = reply.take(r#"{"error":{"message":"out of memory","code":500}}"#).unwrap_err();
    assert_eq!((fault.message.as_str(), fault.status), ("out of memory", Some(500)));
    assert!(reply.take("<html>").unwrap_err().message.contains("not JSON"));
    let endless = "x".repeat(LONGEST_ARGUMENTS + 1);
    let call =
        delta(&json!({ "tool_calls": [{ "index": 0, "function": { "name": "a", "arguments": endless } }] }));
    assert!(reply.take(&call.to_string()).unwrap_err().message.contains("more than"));
    assert!(!reply.is_whole());
}

proptest! {
    #[test]
    fn no_event_makes_the_reader_panic(data in "\\PC{0,80}") {
        _ = Reply::default().take(&data);
    }

    #[test]
    fn a_responses_text_does_not_depend_on_its_pieces(pieces in prop::collection::vec("\\PC{0,9}", 0..12)) {
        let events: Vec<_> = pieces.iter().map(|piece| delta(&json!({ "content": piece }))).collect();
        prop_assert_eq!(read(&events).0, pieces.concat());
    }
}
