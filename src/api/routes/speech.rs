//! Texts as sound.

use axum::extract::DefaultBodyLimit;
use serde_json::json;

use super::Method::Post;
use super::Route;
use crate::api::openapi::shape::{
    Shape, choice, either, list, maybe, needed, number_of, object, some_text, text, texts_by_name,
};
use crate::api::openapi::{About, Errors, JSON, Topic};
use crate::api::speech::LARGEST_BODY;
use crate::api::{openai, speak};

pub(super) const FORMATS: [&str; 6] = ["mp3", "opus", "aac", "flac", "wav", "pcm"];
/// Their media types.
const SOUNDS: [&str; 6] = ["audio/mpeg", "audio/ogg", "audio/aac", "audio/flac", "audio/wav", "audio/pcm"];

/// The routes in our own form.
pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Post, "/speak", speak::speak, spoken()).behind(|serve| serve.layer(limit()))]
}

/// Those in OpenAI's form.
pub(super) fn openai() -> Vec<Route> {
    let speech = openai::speech::speech;
    vec![Route::new(Post, "/v1/audio/speech", speech, as_openai()).behind(|serve| serve.layer(limit()))]
}

fn limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(LARGEST_BODY)
}

pub(super) fn language() -> Shape {
    text("Two letters (ISO 639-1), with or without a region; the voice's unless it says otherwise")
}

pub(super) fn speed() -> Shape {
    number_of("Relative to the configured speed", &(0.25..=4.0))
}

pub(super) fn lexicon() -> Shape {
    texts_by_name("Respellings of words, for this request")
}

fn spoken() -> About {
    let asked = object([
        needed("text", some_text("The text, or SSML")),
        maybe("voice", text("A voice of `/api/voices`, or a name of OpenAI's")),
        maybe("language", language()),
        maybe("speed", speed()),
        maybe("pitch", number_of("Accepted; voices keep their own", &(0.0..=2.0))),
        maybe("format", choice("The file", &FORMATS)),
        maybe("lexicon", lexicon()),
        maybe("model", text("Accepted")),
        maybe("voiceEngine", text("Accepted")),
    ]);
    let about = About::new(Topic::Speech, "Speaks a text, or says to fall back")
        .more(
            "A page whose request is refused with 503 speaks with the browser's own voice; `/static/tts.js` is such a client.",
        )
        .takes(JSON, asked, Some(json!({ "text": "Hello there.", "voice": "alloy", "format": "mp3" })))
        .fails_as(Errors::Speak);
    [
        ("X-TTS-Engine", "What speaks the voice"),
        ("X-TTS-Model-Version", "Its model"),
        ("X-TTS-Latency", "Milliseconds until there was something to send"),
        ("X-TTS-Cache", "hit or miss"),
        ("X-TTS-Source", "memory, disk, shared or engine"),
    ]
    .into_iter()
    .fold(sound(about), |about, (name, what)| about.tells("200", name, what))
}

fn as_openai() -> About {
    let voice = either(
        "A voice of `/api/voices`, or a name of OpenAI's",
        [text("Its name"), object([needed("id", text("Its name"))])],
    );
    let asked = object([
        needed("input", some_text("The text, or SSML")),
        maybe("voice", voice),
        maybe("model", text("Accepted: a voice has one model")),
        maybe("response_format", choice("The file", &FORMATS)),
        maybe("speed", speed()),
        maybe("stream_format", choice("A file, or server-sent events", &["audio", "sse"])),
        maybe("instructions", text("Accepted: a voice has one manner")),
        maybe("language", language()),
        maybe(
            "timestamps",
            list("Times to tell, with stream_format sse", choice("Of what", &["word", "phoneme", "viseme"])),
        ),
        maybe("lexicon", lexicon()),
    ]);
    let example =
        json!({ "model": "tts-1", "voice": "alloy", "input": "Hello there.", "response_format": "mp3" });
    let about = About::new(Topic::Speech, "Speaks a text, as OpenAI has it")
        .more("Sent as it is spoken. What was spoken before costs nothing; it has an `ETag`, and `Range` works.")
        .takes(JSON, asked, Some(example))
        .fails_as(Errors::OpenAi);
    sound(about).holds("200", "text/event-stream", text("Events, with stream_format sse"), None)
}

/// With a sound file as response.
fn sound(about: About) -> About {
    about
        .header("Range", text("One part of the file, as bytes=…"))
        .header("If-None-Match", text("The ETag of what the client has"))
        .sends("The file", &SOUNDS)
        .tells("200", "ETag", "Of a file that is kept")
        .gives("206", "A part of the file")
        .gives("304", "The client has it")
}
