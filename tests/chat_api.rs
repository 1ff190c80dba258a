//! The API of chats on a real server with a real model.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use serde_json::{Value, json};

mod live;
use live::Live;

const CHAT: &str = "v1/chat/completions";

/// A server with the language model of the cpu profile: the tiny profile's responds at random.
async fn server() -> Live {
    let model = live::model("qwen2.5-coder-0.5b-instruct-iq4_nl.gguf");
    Live::start(&["--set", &format!("llm.model={}", model.display())]).await
}

/// The status and the body of what is answered.
async fn post(live: &Live, path: &str, body: &Value) -> (u16, Value) {
    let response = live.server.http().post(live.server.url(path)).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn get(live: &Live, path: &str) -> (u16, Value) {
    let response = live.server.http().get(live.server.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A chat at temperature 0 with further fields.
fn asks(question: &str, more: &Value) -> Value {
    let mut body =
        json!({ "model": "any", "messages": [{ "role": "user", "content": question }], "temperature": 0 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The one choice of a response; checks that its usage adds up.
async fn choice(live: &Live, question: &str, more: &Value) -> (Value, u64) {
    let (status, body) = post(live, CHAT, &asks(question, more)).await;
    assert_eq!(status, 200, "{body}");
    let usage = |field: &str| body["usage"][field].as_u64().unwrap();
    assert_eq!(usage("prompt_tokens") + usage("completion_tokens"), usage("total_tokens"), "{body}");
    assert!(usage("prompt_tokens") > 5, "{body}");
    (body["choices"][0].clone(), usage("completion_tokens"))
}

async fn an_answer_ends_at_its_length_and_before_a_stop_string(live: &Live) {
    let question = "What is the capital of France? Answer in one short sentence.";
    let (whole, _) = choice(live, question, &json!({})).await;
    let text = whole["message"]["content"].as_str().unwrap();
    assert!(text.contains("Paris"), "{whole}");
    let (cut, tokens) = choice(live, question, &json!({ "max_tokens": 3 })).await;
    assert_eq!((&cut["finish_reason"], tokens), (&json!("length"), 3));
    // Across the border of two words, and so of two tokens.
    let space = text.find(' ').expect("a sentence");
    let stop = &text[space - 1..space + 3];
    let (stopped, _) = choice(live, question, &json!({ "stop": [stop, "never said"] })).await;
    assert_eq!(stopped["finish_reason"], "stop");
    assert_eq!(stopped["message"]["content"].as_str(), text.split(stop).next());
}

async fn a_schema_is_followed(live: &Live) {
    // Without free text, so that any model comes to an end.
    let schema = json!({
        "type": "object",
        "properties": {
            "city": { "enum": ["Lyon", "Paris"] },
            "continent": { "enum": ["Africa", "America", "Asia", "Europe", "Oceania"] },
            "rivers": { "type": "array", "items": { "enum": ["Rhone", "Seine"] }, "maxItems": 3 },
        },
        "required": ["city", "continent", "rivers"],
        "additionalProperties": false,
    });
    let format =
        json!({ "type": "json_schema", "json_schema": { "name": "city", "schema": schema, "strict": true } });
    let more = json!({ "response_format": format });
    let (choice, _) = choice(live, "Tell me of Paris.", &more).await;
    assert_eq!(choice["finish_reason"], "stop", "{choice}");
    let answer: Value = serde_json::from_str(choice["message"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(answer.as_object().unwrap().len(), 3, "{answer}");
    assert!(answer["city"] == "Lyon" || answer["city"] == "Paris", "{answer}");
    let continents = &schema["properties"]["continent"]["enum"];
    assert!(continents.as_array().unwrap().contains(&answer["continent"]), "{answer}");
    let rivers = answer["rivers"].as_array().unwrap();
    assert!(rivers.len() <= 3 && rivers.iter().all(|river| river == "Rhone" || river == "Seine"), "{answer}");
}

async fn a_tool_is_called_and_its_result_is_answered(live: &Live) {
    let parameters = json!({ "type": "object", "properties": { "city": { "enum": ["Paris", "Rome"] } }, "required": ["city"] });
    let function =
        json!({ "name": "weather", "description": "Tells the weather.", "parameters": parameters });
    let more = json!({ "tools": [{ "type": "function", "function": function }], "tool_choice": "required" });
    let (choice, _) = choice(live, "What is the weather in Rome?", &more).await;
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &Value::Null)
    );
    let call = &choice["message"]["tool_calls"][0];
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["city"] == "Rome" || arguments["city"] == "Paris", "{call}");
    let messages = json!([
        { "role": "user", "content": "What is the weather in Rome?" },
        choice["message"],
        { "role": "tool", "tool_call_id": call["id"], "content": "Sunny." },
    ]);
    let next = json!({ "model": "any", "messages": messages, "max_tokens": 40, "temperature": 0 });
    let (status, body) = post(live, CHAT, &next).await;
    assert_eq!((status, body["choices"][0]["message"]["tool_calls"].is_null()), (200, true), "{body}");
    assert!(body["choices"][0]["message"]["content"].is_string(), "{body}");
}

async fn a_stream_says_what_a_whole_answer_says(live: &Live) {
    let more = json!({ "max_tokens": 12 });
    let question = "What is the capital of France?";
    let (whole, tokens) = choice(live, question, &more).await;
    let more = json!({ "max_tokens": 12, "stream": true, "stream_options": { "include_usage": true } });
    let asked = asks(question, &more);
    let response = live.server.http().post(live.server.url(CHAT)).json(&asked).send().await.unwrap();
    let text = response.text().await.unwrap();
    let events = text.strip_suffix("data: [DONE]\n\n").unwrap().split_terminator("\n\n");
    let events = events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap());
    let events: Vec<Value> = events.collect();
    let said = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    assert_eq!(Some(said.collect::<String>().as_str()), whole["message"]["content"].as_str());
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], tokens);
}

async fn models_and_errors_have_their_form(live: &Live) {
    let (_, list) = get(live, "v1/models").await;
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3, "{list}");
    assert!(names[0].starts_with("qwen2.5"), "{list}");
    assert_eq!(get(live, &format!("v1/models/{}", names[0])).await.1["id"], names[0]);
    for (answer, status, code) in [
        (get(live, "v1/models/gpt-4o").await, 404, json!("model_not_found")),
        (get(live, "v1/nothing").await, 404, json!("unknown_url")),
        (get(live, CHAT).await, 405, json!("method_not_supported")),
        (post(live, CHAT, &json!([])).await, 400, Value::Null),
        (post(live, CHAT, &asks("Hi", &json!({ "n": 3 }))).await, 400, Value::Null),
        (
            post(live, CHAT, &asks(&"word ".repeat(9000), &json!({}))).await,
            400,
            json!("context_length_exceeded"),
        ),
    ] {
        assert_eq!((answer.0, &answer.1["error"]["code"]), (status, &code), "{}", answer.1);
        assert!(answer.1["error"]["message"].is_string() && answer.1["error"]["type"].is_string());
    }
    let (status, body) =
        post(live, "v1/completions", &json!({ "model": "any", "prompt": "Say hello." })).await;
    assert_eq!((status, &body["object"]), (200, &json!("text_completion")), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_chats_with_the_model_that_answers_calls() {
    let live = server().await;
    an_answer_ends_at_its_length_and_before_a_stop_string(&live).await;
    a_schema_is_followed(&live).await;
    a_tool_is_called_and_its_result_is_answered(&live).await;
    a_stream_says_what_a_whole_answer_says(&live).await;
    models_and_errors_have_their_form(&live).await;
    // Nothing of them is left in the server.
    live.metric_when("visavis_engine_active", |active| active == 0.0).await;
}
