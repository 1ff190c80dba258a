//! Which voices there are.

use serde_json::json;

use super::Method::{Delete, Get, Post};
use super::Route;
use crate::api::openapi::shape::{field, flag, list, needed, number, object, some_text, text, whole};
use crate::api::openapi::{About, JSON, Topic};
use crate::api::{animate, clones, voice};

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Get, "/api/voices", animate::voices, listed()),
        Route::new(Post, "/api/voices", clones::add, added()),
        Route::new(
            Delete,
            "/api/voices/{name}",
            clones::remove,
            About::new(Topic::Voices, "Removes a cloned voice")
                .with_key()
                .part("name", "The voice", "ada")
                .done("It is removed"),
        ),
        Route::new(
            Get,
            "/api/voices/{name}/sample",
            voice::sample,
            About::new(Topic::Voices, "A sample of a voice")
                .more("A sentence in the voice's language. With `If-None-Match` it is not sent again.")
                .part("name", "The voice", "en_US-joe-medium")
                .query("language", text("Two letters (ISO 639-1), for voices of any language"))
                .sends("A WAV file", &["audio/wav"])
                .gives("304", "The client has it"),
        ),
    ]
}

fn listed() -> About {
    let voice = object([
        needed("name", text("Its name in requests")),
        needed("language", text("Two letters (ISO 639-1); empty: any")),
        field("locale", text("Such as en_US")),
        field("title", text("Its name for people")),
        field("source", text("What speaks it")),
        field("speakers", whole("If it has more than one; `name#12` is a voice as well")),
        field("mixes", flag("It can be mixed, as `name+other`")),
    ]);
    let clone = object([
        needed("name", text("Its name in requests")),
        needed("language", text("Two letters (ISO 639-1)")),
        needed("cloned", flag("Always true")),
    ]);
    let shape = object([
        needed("voices", list("Those that can be asked for", voice)),
        needed("clones", list("All cloned ones, whether or not the engine can speak with them", clone)),
    ]);
    let example = json!({
        "voices": [{ "name": "en_US-joe-medium", "language": "en", "locale": "en_US", "source": "piper" }],
        "clones": [],
    });
    About::new(Topic::Voices, "All voices").answers("They are", shape, example)
}

fn added() -> About {
    let asked = object([
        needed("name", some_text("For requests")),
        needed("consent", some_text("Who has consented, and when")),
        field("language", text("Two letters (ISO 639-1); en unless it says otherwise")),
        field("words", text("What is said in the clip")),
        needed("clip", some_text("A WAV file of 6 to 20 s, in base64")),
    ]);
    let told = object([
        needed("name", text("For requests")),
        needed("language", text("Two letters")),
        needed("words", text("What is said in the clip")),
        needed("consent", text("Who has consented, and when")),
        needed("added", text("When")),
        needed("seconds", number("Length of the clip")),
        needed("rate", whole("Its samples per second")),
        needed("warnings", list("What could be better", text("A warning"))),
    ]);
    let example = json!({
        "name": "ada", "consent": "Ada, on 3 May 2026", "language": "en", "words": "", "clip": "UklGRg==",
    });
    About::new(Topic::Voices, "Clones a voice")
        .more("With `server.admin_key` alone. The clip is checked first: format, length, level, speech, one speaker.")
        .with_key()
        .takes(JSON, asked, Some(example))
        .gives("201", "It is cloned")
        .holds("201", JSON, told, None)
        .tells("201", "Location", "Where it is")
}
