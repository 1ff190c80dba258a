//! The language model, by OpenAI's API.

use axum::extract::DefaultBodyLimit;
use serde_json::{Value, json};
use utoipa::openapi::Type;

use super::Method::{Get, Post};
use super::Route;
use crate::api::openai::{LARGEST, chat, completions, models};
use crate::api::openapi::shape::{
    Field, Shape, any, choice, either, field, flag, free, list, maybe, needed, number_of, object, or_null,
    some, text, text_or_null, whole, whole_of,
};
use crate::api::openapi::{About, Errors, JSON, Topic};

const EVENTS: &str = "text/event-stream";

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let large = || DefaultBodyLimit::max(LARGEST);
    vec![
        Route::new(Post, "/v1/chat/completions", chat::chat, chatted()).behind(|serve| serve.layer(large())),
        Route::new(Post, "/v1/completions", completions::completions, completed())
            .behind(|serve| serve.layer(large())),
        Route::new(Get, "/v1/models", models::list, listed()),
        Route::new(
            Get,
            "/v1/models/{*id}",
            models::one,
            About::new(Topic::Chats, "One of the models that run")
                .part("id", "The model", "qwen2.5.gguf")
                .answers("It is", model(), model_example())
                .fails_as(Errors::OpenAi),
        ),
    ]
}

fn message() -> Shape {
    let content = either(
        "Text, or parts of the type text",
        [text_or_null("Text"), list("Parts", free("A part of the type text"))],
    );
    object([
        needed("role", choice("Whose it is", &["system", "developer", "user", "assistant", "tool"])),
        field("content", content),
        maybe("tool_calls", list("Of the assistant", free("A call of a function"))),
        maybe("tool_call_id", text("Of a tool's result")),
    ])
}

/// What may be asked of any response.
fn wishes(more: impl IntoIterator<Item = Field>) -> Shape {
    let stop = either(
        "Strings before which the text ends",
        [text_or_null("One"), list("Up to 4", text("A string of at most 256 bytes"))],
    );
    object(more.into_iter().chain([
        maybe("model", text("Any name: there is one model")),
        maybe("stream", flag("As server-sent events")),
        maybe("stream_options", object([maybe("include_usage", flag("The tokens that it took come last"))])),
        maybe("max_tokens", whole("The longest response in tokens")),
        maybe("temperature", number_of("As configured unless it is there", &(0.0..=2.0))),
        maybe("top_p", number_of("As configured unless it is there", &(0.0..=1.0))),
        maybe("seed", whole("The same seed gives the same text")),
        field("stop", stop),
        maybe("n", whole_of("One response", &(1..=1))),
    ]))
}

fn chatted() -> About {
    let asked = wishes([
        needed("messages", some("1 to 2,048", message())),
        maybe("max_completion_tokens", whole("The longest response in tokens")),
        maybe("response_format", free("text, json_object, or json_schema with a schema")),
        maybe("tools", list("Up to 64 functions", free("A function"))),
        maybe("tool_choice", any("auto, none, required, or the function that has to be called")),
    ]);
    let said = object([
        needed("role", choice("Whose it is", &["assistant"])),
        needed("content", text_or_null("The text")),
        field("reasoning_content", text("Thoughts")),
        field("tool_calls", list("A call of a function", free("A call"))),
    ]);
    let example = json!({
        "model": "any", "messages": [{ "role": "user", "content": "What is the capital of France?" }],
        "max_tokens": 40,
    });
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_767_268_800, "model": "qwen2.5.gguf",
        "choices": [{
            "index": 0, "message": { "role": "assistant", "content": "Paris.", "refusal": null },
            "logprobs": null, "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 36, "completion_tokens": 3, "total_tokens": 39 },
    });
    About::new(Topic::Chats, "A response to a chat")
        .more("By the language model of the calls; `json_schema` is kept to by a grammar, and functions can be called.")
        .takes(JSON, asked, Some(example))
        .answers("The response", written("chat.completion", needed("message", said)), answer)
        .holds("200", EVENTS, text("Events, with stream"), None)
        .fails_as(Errors::OpenAi)
}

fn completed() -> About {
    let prompt = either("The text", [text("One"), list("Only one", text("The text"))]);
    let asked = wishes([needed("prompt", prompt)]);
    let answer = json!({
        "id": "cmpl-1", "object": "text_completion", "created": 1_767_268_800, "model": "qwen2.5.gguf",
        "choices": [{ "index": 0, "text": "Paris.", "logprobs": null, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 36, "completion_tokens": 3, "total_tokens": 39 },
    });
    About::new(Topic::Chats, "A response to a prompt")
        .more("The prompt is given to the model as one message. 16 tokens, unless `max_tokens` says more.")
        .takes(
            JSON,
            asked,
            Some(json!({ "model": "any", "prompt": "The capital of France is", "max_tokens": 16 })),
        )
        .answers("The response", written("text_completion", needed("text", text("The text"))), answer)
        .holds("200", EVENTS, text("Events, with stream"), None)
        .fails_as(Errors::OpenAi)
}

/// A response in OpenAI's form; `said` is what was written.
fn written(kind: &'static str, said: Field) -> Shape {
    let ends = choice("Why it ends", &["stop", "length", "tool_calls"]);
    let first = object([needed("index", whole("0")), said, needed("finish_reason", ends)]);
    object([
        needed("id", text("Its name")),
        needed("object", choice("What this is", &[kind])),
        needed("created", whole("Seconds since 1970")),
        needed("model", text("Which wrote it")),
        needed("choices", list("One", first)),
        needed("usage", or_null(Type::Object, "Tokens; null: the engine counts none")),
    ])
}

fn model() -> Shape {
    object([
        needed("id", text("Its name")),
        needed("object", choice("What this is", &["model"])),
        needed("created", whole("Since when it is served, in seconds since 1970")),
        needed("owned_by", text("visavis")),
        needed("does", choice("What it does", &["chat", "speech", "transcription"])),
    ])
}

fn model_example() -> Value {
    json!({
        "id": "qwen2.5.gguf", "object": "model", "created": 1_767_268_800, "owned_by": "visavis", "does": "chat",
    })
}

fn listed() -> About {
    let shape = object([
        needed("object", choice("What this is", &["list"])),
        needed("data", list("The models", model())),
    ]);
    let example = json!({ "object": "list", "data": [model_example()] });
    About::new(Topic::Chats, "The models that run")
        .answers("They are", shape, example)
        .fails_as(Errors::OpenAi)
}
