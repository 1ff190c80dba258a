//! Builds the JSON body of a request to a chat endpoint. Pure.

use serde_json::{Map, Value, json};

use crate::config::LlmEngine;
use crate::frame::{Message, Role};
use crate::sampling::{Form, Length};
use crate::tool::Tool;
use crate::{LlmRequest, Sampling};

/// Fields that limit a response's length.
const BOUNDS: [&str; 2] = ["max_tokens", "max_completion_tokens"];
/// The field that says whether the endpoint chooses among tools.
const CHOICE: &str = "tool_choice";

/// The body of a request for a response.
pub(super) fn response(request: &LlmRequest, own: &LlmEngine) -> Map<String, Value> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| _ = body.insert(name.into(), value);
    set("model", own.model_name().into());
    set("messages", messages(&request.messages).into());
    set("stream", true.into());
    set("stream_options", json!({ "include_usage": true }));
    set("max_tokens", own.max_tokens.into());
    set("temperature", decimal(request.sampling.temperature.unwrap_or(own.temperature)));
    let top_p = request.sampling.top_p.unwrap_or(own.top_p);
    // Some endpoints refuse it together with a temperature, even where it changes nothing.
    if top_p < 1.0 {
        set("top_p", decimal(top_p));
    }
    if !request.tools.is_empty() {
        set("tools", request.tools.iter().map(tool).collect());
    }
    for name in &own.omit {
        body.remove(name);
    }
    body.extend(own.body.clone());
    sample(&mut body, &request.sampling);
    body
}

/// Adds what a request asks of the writing, beyond temperature and nucleus.
fn sample(body: &mut Map<String, Value>, sampling: &Sampling) {
    match sampling.length {
        Length::Configured => {}
        Length::AtMost(tokens) => {
            for name in BOUNDS {
                if let Some(bound) = body.get_mut(name) {
                    *bound = tokens.into();
                }
            }
        }
        Length::Rest => BOUNDS.iter().for_each(|name| _ = body.remove(*name)),
    }
    let mut set = |name: &str, value: Value| _ = body.insert(name.into(), value);
    if !sampling.stop.is_empty() {
        set("stop", sampling.stop.clone().into());
    }
    if let Some(seed) = sampling.seed {
        set("seed", seed.into());
    }
    match &sampling.form {
        Form::Text => {}
        Form::Json => set("response_format", json!({ "type": "json_object" })),
        Form::Schema(schema) => {
            let schema: Value = serde_json::from_str(schema).unwrap_or_default();
            let named = json!({ "name": "response", "schema": schema, "strict": true });
            set("response_format", json!({ "type": "json_schema", "json_schema": named }));
        }
    }
    if sampling.must_call {
        set(CHOICE, "required".into());
    }
}

/// The body of a request that only makes the endpoint evaluate the prompt.
pub(super) fn prefill(request: &LlmRequest, own: &LlmEngine) -> Map<String, Value> {
    let mut body = response(request, own);
    for name in BOUNDS {
        if let Some(tokens) = body.get_mut(name) {
            *tokens = 1u32.into();
        }
    }
    body
}

/// Whether a body limits the response's length.
pub(super) fn is_bounded(body: &Map<String, Value>) -> bool {
    BOUNDS.iter().any(|name| body.contains_key(*name))
}

/// The length that a body requests, in tokens; none: it has no such field.
pub(super) fn tokens(body: &Map<String, Value>) -> Option<u64> {
    BOUNDS.iter().filter_map(|name| body.get(*name)?.as_u64()).max()
}

/// Whether a body says which tools may be called.
pub(super) fn has_choice(body: &Map<String, Value>) -> bool {
    body.contains_key(CHOICE)
}

/// The same body, but the endpoint does not look for calls: the model writes them as text. None: it offers no tools, or names what is to
/// be called.
pub(super) fn without_choice(body: &Map<String, Value>) -> Option<Map<String, Value>> {
    body.get("tools")?;
    let mut plain = body.clone();
    match body.get(CHOICE).map(Value::as_str) {
        None => _ = plain.insert(CHOICE.into(), "none".into()),
        Some(Some("auto")) => _ = plain.remove(CHOICE),
        Some(_) => return None,
    }
    Some(plain)
}

/// A decimal number as in the configuration: 0.7, not 0.699999988.
fn decimal(value: f32) -> Value {
    ((f64::from(value) * 1e4).round() / 1e4).into()
}

fn tool(tool: &Tool) -> Value {
    let Tool { name, description, parameters, .. } = tool;
    json!({
        "type": "function",
        "function": { "name": name, "description": description, "parameters": parameters },
    })
}

/// The messages; a tool call joins the agent's message before it, and exactly one result follows each call, as endpoints
/// require.
fn messages(history: &[Message]) -> Vec<Value> {
    let mut chat: Vec<Value> = Vec::with_capacity(history.len());
    let mut awaited: Option<String> = None;
    for (index, message) in history.iter().enumerate() {
        if message.role != Role::Tool
            && let Some(id) = awaited.take()
        {
            chat.push(result(&id, ""));
        }
        let content = message.content.as_str();
        match message.role {
            Role::System => chat.push(said("system", content)),
            Role::User => chat.push(said("user", content)),
            Role::Assistant => chat.push(said("assistant", content)),
            Role::Call => {
                // Nine letters and digits, as Mistral's templates require.
                let id = format!("call{index:05}");
                if !chat
                    .last()
                    .is_some_and(|last| last["role"] == "assistant" && last["tool_calls"].is_null())
                {
                    chat.push(said("assistant", ""));
                }
                if let Some(last) = chat.last_mut() {
                    last["tool_calls"] = json!([call(&id, content)]);
                }
                awaited = Some(id);
            }
            Role::Tool => chat.push(match awaited.take() {
                Some(id) => result(&id, content),
                None => said("user", content),
            }),
        }
    }
    chat.extend(awaited.map(|id| result(&id, "")));
    chat
}

fn said(role: &str, content: &str) -> Value {
    json!({ "role": role, "content": content })
}

fn result(id: &str, content: &str) -> Value {
    json!({ "role": "tool", "tool_call_id": id, "content": content })
}

/// A call from the history: JSON with its name and arguments.
fn call(id: &str, content: &str) -> Value {
    let call: Value = serde_json::from_str(content).unwrap_or_default();
    let name = call["name"].as_str().unwrap_or_default();
    let arguments = call["arguments"].to_string();
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::builtin;

    fn message(role: Role, content: &str) -> Message {
        Message { role, content: content.into() }
    }

    fn request(messages: Vec<Message>) -> LlmRequest {
        LlmRequest { conversation: "c".into(), messages, ..LlmRequest::default() }
    }

    fn own() -> LlmEngine {
        LlmEngine { model: "small:3b".into(), temperature: 0.7, ..LlmEngine::default() }
    }

    #[test]
    fn a_request_has_the_configured_model_length_and_sampling() {
        let body = Value::from(response(&request(vec![message(Role::User, "Hello.")]), &own()));
        let expected = json!({
            "model": "small:3b",
            "messages": [{ "role": "user", "content": "Hello." }],
            "stream": true,
            "stream_options": { "include_usage": true },
            "max_tokens": 160,
            "temperature": 0.7,
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn fields_are_left_out_and_added_as_configured() {
        let mut own =
            LlmEngine { top_p: 0.9, omit: vec!["temperature".into(), "max_tokens".into()], ..own() };
        own.body.insert("max_completion_tokens".into(), json!(400));
        own.body.insert("top_p".into(), json!(0.5));
        let body = response(&request(Vec::new()), &own);
        assert!(!body.contains_key("temperature") && !body.contains_key("max_tokens"), "{body:?}");
        assert_eq!((&body["max_completion_tokens"], &body["top_p"]), (&json!(400), &json!(0.5)));
        assert_eq!(prefill(&request(Vec::new()), &own)["max_completion_tokens"], 1);
        assert!(is_bounded(&body));
        assert_eq!((tokens(&body), tokens(&prefill(&request(Vec::new()), &own))), (Some(400), Some(1)));
        own.body.clear();
        assert_eq!(tokens(&response(&request(Vec::new()), &own)), None);
        assert!(!is_bounded(&prefill(&request(Vec::new()), &own)));
    }

    #[test]
    fn what_a_request_asks_of_the_writing_replaces_the_configuration() {
        let own = LlmEngine { top_p: 0.9, ..own() };
        let schema = json!({ "type": "object" });
        let sampling = Sampling {
            temperature: Some(1.5),
            top_p: Some(1.0),
            seed: Some(7),
            length: Length::AtMost(9),
            stop: vec!["END".into()],
            form: Form::Schema(schema.to_string()),
            must_call: true,
        };
        let body = response(&LlmRequest { sampling, ..request(Vec::new()) }, &own);
        assert_eq!((&body["temperature"], body.get("top_p")), (&json!(1.5), None));
        assert_eq!(
            (&body["max_tokens"], &body["seed"], &body["stop"]),
            (&json!(9), &json!(7), &json!(["END"]))
        );
        assert_eq!(body["response_format"]["json_schema"]["schema"], schema);
        assert_eq!(body[CHOICE], "required");
        assert_eq!(without_choice(&body), None);
        let sampling = Sampling { length: Length::Rest, form: Form::Json, ..Sampling::default() };
        let body = response(&LlmRequest { sampling, ..request(Vec::new()) }, &own);
        assert!(!is_bounded(&body) && body["temperature"] == json!(0.7), "{body:?}");
        assert_eq!(body["response_format"], json!({ "type": "json_object" }));
    }

    #[test]
    fn tools_are_offered_as_functions() {
        let tools = vec![builtin("current_time").unwrap()];
        let body = response(&LlmRequest { tools, ..request(Vec::new()) }, &own());
        assert_eq!(body["tools"][0]["type"], "function");
        assert_eq!(body["tools"][0]["function"]["name"], "current_time");
        assert_eq!(body["tools"][0]["function"]["parameters"]["type"], "object");
        assert!(body["tools"][0].get("timeout_ms").is_none());
    }

    #[test]
    fn without_a_choice_tools_are_offered_all_the_same_unless_one_has_to_be_called() {
        let own = own();
        let tools = vec![builtin("current_time").unwrap()];
        let offers = response(&LlmRequest { tools, ..request(Vec::new()) }, &own);
        let with = |choice: Value| {
            let mut body = offers.clone();
            body.insert(CHOICE.into(), choice);
            body
        };
        assert_eq!(without_choice(&offers), Some(with(json!("none"))));
        assert_eq!(without_choice(&with(json!("auto"))), Some(offers.clone()));
        for choice in [json!("none"), json!("required"), json!({ "type": "function" })] {
            assert_eq!(without_choice(&with(choice)), None);
        }
        assert_eq!(without_choice(&response(&request(Vec::new()), &own)), None);
    }

    #[test]
    fn a_tool_call_joins_the_agents_words_and_has_its_result_behind_it() {
        let order = r#"{"name":"order","arguments":{"number":"7"}}"#;
        let chat = messages(&[
            message(Role::User, "Where is it?"),
            message(Role::Assistant, "One moment."),
            message(Role::Call, order),
            message(Role::Tool, "shipped"),
            message(Role::Call, order),
            message(Role::User, "Well?"),
            message(Role::Tool, "a result without its call"),
        ]);
        let roles: Vec<_> = chat.iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["user", "assistant", "tool", "assistant", "tool", "user", "user"]);
        let call = &chat[1]["tool_calls"][0];
        assert_eq!((&chat[1]["content"], &call["id"]), (&json!("One moment."), &chat[2]["tool_call_id"]));
        assert_eq!(call["function"], json!({ "name": "order", "arguments": r#"{"number":"7"}"# }));
        assert_eq!((&chat[3]["content"], &chat[4]["content"]), (&json!(""), &json!("")));
        let ids = [&chat[2]["tool_call_id"], &chat[4]["tool_call_id"]];
        assert!(ids[0] != ids[1] && ids.iter().all(|id| id.as_str().unwrap().len() == 9), "{ids:?}");
    }
}
