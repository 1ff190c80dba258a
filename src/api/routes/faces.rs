//! Faces: of texts, of recordings, of calls.

use serde_json::json;

use super::Method::{Get, Post};
use super::Route;
use crate::api::openapi::shape::{
    Shape, any, choice, field, file, flag, free, list, needed, number, object, some_text, text, whole,
};
use crate::api::openapi::{About, JSON, Topic};
use crate::api::{animate, face};

const LINES: &str = "application/x-ndjson";
const MOODS: [&str; 8] =
    ["neutral", "happy", "sad", "surprised", "apologetic", "explaining", "thinking", "listening"];

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Post, "/api/animate", animate::animate, animated()),
        Route::new(
            Get,
            "/api/calls/{id}/face",
            face::face,
            About::new(Topic::Faces, "The face of a call")
                .more("Line by line from now until the call ends; as server-sent events with `Accept: text/event-stream`.")
                .part("id", "The call", "3f0c1a52-7f0e-4a5e-9b1c-2d8f6a1b4c3d")
                .query("format", choice("What a line holds", &["weights", "azure"]))
                .gives("200", "The face")
                .holds("200", LINES, any("A line for each moment"), None)
                .holds("200", "text/event-stream", any("An event for each moment"), None),
        ),
    ]
}

fn fps() -> Shape {
    whole("Frames a second: 60, unless this says 30")
}

fn mood() -> Shape {
    choice("How the face looks", &MOODS)
}

fn animated() -> About {
    let asked = object([
        needed(
            "text",
            some_text("At most 5,000 characters; tags such as [happy] or [nod] are shown, not spoken"),
        ),
        field("voice", text("A voice of `/api/voices`; empty: the first")),
        field("language", text("Two letters (ISO 639-1); empty: the voice's")),
        field("fps", fps()),
        field("expressions", flag("With expressions and life")),
        field("mood", mood()),
    ]);
    let told = object([
        needed("rate", whole("Samples per second of the sound")),
        needed("fps", whole("Frames a second")),
        needed("shapes", list("The names of the weights, in order", text("A shape"))),
        needed("duration", number("Seconds")),
        needed("source", text("Where the lips' times come from")),
        field("frames", list("Faces", free("A face"))),
    ]);
    About::new(Topic::Faces, "A text or a recording as sound and face")
        .more("All at once as JSON, or with `Accept: application/x-ndjson` chunk by chunk. The query is for recordings alone.")
        .query("fps", fps())
        .query("expressions", flag("With expressions and life"))
        .query("mood", mood())
        .query("language", text("Of a recording, two letters; empty: identified"))
        .takes(JSON, asked, Some(json!({ "text": "[happy] Hello there.", "fps": 60 })))
        .takes("audio/wav", file("A recording, at most 64 MiB"), None)
        .gives("200", "Sound, words, phonemes and faces")
        .holds("200", JSON, told, None)
        .holds("200", LINES, any("A line for each chunk"), None)
}
