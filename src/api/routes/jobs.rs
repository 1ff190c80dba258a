//! Texts and recordings that nobody waits for.

use serde_json::{Value, json};
use utoipa::openapi::Type;

use super::Method::{Delete, Get, Post};
use super::Route;
use super::recordings::{
    FORM, in_query, language as spoken_language, or_alone, prompt, recordings, times, translate,
};
use super::speech::{FORMATS, language, lexicon, speed};
use crate::api::jobs::texts::LONGEST_NAME;
use crate::api::jobs::{cancel, delete, follow, generate, progress, result, retry, submit};
use crate::api::openapi::shape::{
    Field, Shape, any, choice, either, field, list, maybe, needed, nothing, number_of, object, or_null, some,
    some_text, text, text_or_null, text_up_to, whole, whole_of,
};
use crate::api::openapi::{About, JSON, Topic};

/// An id of a job.
const ID: &str = "0b5e9c1a4f7d4e2f8a6b3c5d7e9f1a2b";

/// The latest time, in seconds since 1970, that JSON's numbers hold exactly.
const LATEST: i64 = (1 << 53) - 1;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Post, "/generate_batch", generate, generated()).of_uploads(),
        Route::new(Post, "/api/jobs", submit, submitted()).of_uploads(),
        Route::new(Get, "/api/jobs/{id}", progress, seen()),
        Route::new(Get, "/api/jobs/{id}/events", follow, followed()),
        Route::new(Delete, "/api/jobs/{id}", delete, deleted()),
        Route::new(Post, "/api/jobs/{id}/cancel", cancel, cancelled()),
        Route::new(Post, "/api/jobs/{id}/retry", retry, retried()),
        Route::new(Get, "/api/jobs/{id}/result", result, fetched()),
    ]
}

/// Fields of how texts are spoken.
fn manner() -> [Field; 6] {
    [
        maybe("voice", text("A voice of `/api/voices`, or a name of OpenAI's")),
        maybe("language", language()),
        maybe("speed", speed()),
        maybe("pitch", number_of("Accepted; voices keep their own", &(0.0..=2.0))),
        maybe("format", choice("The files", &FORMATS)),
        maybe("lexicon", lexicon()),
    ]
}

fn item() -> Shape {
    let own = object([needed("text", some_text("The text, or SSML"))].into_iter().chain(manner()));
    either("A text, or one with fields of its own", [some_text("The text, or SSML"), own])
}

fn name() -> Shape {
    text_up_to("A label", LONGEST_NAME)
}

fn texts() -> Shape {
    let own = [
        maybe("kind", choice("Always speech", &["speech"])),
        maybe("name", name()),
        needed("items", some("The texts", item())),
    ];
    object(own.into_iter().chain(manner()))
}

fn job() -> Shape {
    let counted = ["total", "done", "failed", "working", "waiting"];
    let failure = object([needed("index", whole("Which")), needed("error", text("Why"))]);
    let links = object([
        needed("zip", text_or_null("The link to the archive")),
        needed("json", text_or_null("The link to JSON")),
        needed("expires_at", whole("When the links expire")),
    ]);
    object([
        needed("id", text("Who knows it may see, cancel, retry and delete the job")),
        needed("name", text("Its label")),
        needed("kind", choice("What is done", &["speech", "transcription"])),
        needed("status", choice("How far it is", &["queued", "working", "ended", "cancelled"])),
        needed("items", object(counted.map(|name| needed(name, whole("Items"))))),
        needed("failures", list("The first 20", failure)),
        needed("waits_for", text_or_null("An engine that loads, or a disk that is full")),
        needed("created_at", whole("Seconds since 1970")),
        needed("ended_at", or_null(Type::Integer, "Seconds since 1970")),
        needed("deleted_at", or_null(Type::Integer, "Seconds since 1970, once it is over")),
        needed("events", text("Where it is followed")),
        needed("result", either("Signed links, once it is over", [links, nothing("It is not over")])),
    ])
}

/// A job that goes on.
fn example() -> Value {
    json!({
        "id": ID, "name": "chapter 1", "kind": "speech", "status": "working",
        "items": { "total": 2, "done": 1, "failed": 0, "working": 1, "waiting": 0 },
        "failures": [], "waits_for": null, "created_at": 1_767_225_600, "ended_at": null, "deleted_at": null,
        "events": format!("/api/jobs/{ID}/events"), "result": null,
    })
}

/// A job that was cancelled.
fn cancelled_example() -> Value {
    let link =
        |form| format!("/api/jobs/{ID}/result?format={form}&expires=1767312000&signature=c2lnbmF0dXJl");
    let mut job = example();
    job["status"] = json!("cancelled");
    job["items"] = json!({ "total": 2, "done": 1, "failed": 0, "working": 0, "waiting": 1 });
    job["ended_at"] = json!(1_767_225_660);
    job["deleted_at"] = json!(1_767_830_460);
    job["result"] = json!({ "zip": link("zip"), "json": link("json"), "expires_at": 1_767_312_000 });
    job
}

fn results() -> Shape {
    let result = object([
        needed("index", whole("Which item")),
        field("format", choice("Of the audio", &FORMATS)),
        field("audio", text("In base64")),
        field("transcript", any("As of /transcribe, with the recording's name")),
        field("error", text("Why it failed")),
    ]);
    object([
        needed("id", text("The job")),
        needed("name", text("Its label")),
        needed("kind", choice("What was done", &["speech", "transcription"])),
        needed("status", choice("How it is over", &["ended", "cancelled"])),
        needed("results", list("One for each item, in their order", result)),
    ])
}

fn results_example() -> Value {
    json!({
        "id": ID, "name": "chapter 1", "kind": "speech", "status": "ended",
        "results": [
            { "index": 0, "format": "mp3", "audio": "//uQxA==" },
            { "index": 1, "error": "voice: there is no such voice" },
        ],
    })
}

fn about(summary: &str) -> About {
    About::new(Topic::Jobs, summary)
        .refuses("503", "The server takes no jobs (no-jobs), or stops; with Retry-After, later")
}

/// Of one job.
fn of_one(summary: &str) -> About {
    about(summary).part("id", "The job", ID).refuses("404", "There is no such job, or none any more")
}

/// Takes work.
fn taking(summary: &str) -> About {
    about(summary)
        .refuses("413", "The body, or the job, is too large; the texts fit several jobs")
        .refuses("429", "The address has as many requests in work, or jobs that are not over, as it may")
        .refuses("507", "Jobs have all their room, or the disk is full (no-room)")
}

fn accepted(about: About, what: &str) -> About {
    about.gives("202", what).holds("202", JSON, job(), Some(example())).tells("202", "Location", "The job")
}

fn submitted() -> About {
    let form = object([
        field("kind", choice("Always transcription", &["transcription"])),
        field("name", name()),
        needed("file", recordings()),
        field("language", spoken_language()),
        field("prompt", prompt()),
        field("translate", translate()),
        field("times", times()),
    ]);
    let asked = json!({
        "name": "chapter 1", "voice": "en_US-joe-medium", "format": "mp3",
        "items": ["It was the best of times.", { "text": "Es war die beste Zeit.", "language": "de" }],
    });
    let about = taking("Takes texts to be spoken, or recordings to be transcribed")
        .more(
            "Up to 100,000 texts, and any number of jobs; what holds for all stands beside `items`. The query is for one recording that is the whole body. \
             A response means that the job is on the disk: it survives a restart at the item.",
        )
        .query("kind", choice("Of one recording as the whole body", &["transcription"]))
        .query("name", name())
        .takes(JSON, texts(), Some(asked))
        .takes(FORM, form, Some(json!({ "kind": "transcription", "file": ["one.mp3", "two.wav"] })));
    accepted(in_query(or_alone(about)), "The job")
}

fn generated() -> About {
    let manners = list("Accepted, one for each text: voices have one manner", any("A manner"));
    let own = [
        maybe("name", name()),
        needed("texts", some("The texts", item())),
        field("instruct", any("Accepted: voices have one manner")),
        maybe("instructs", manners),
        field("batch", any("Accepted: how many are spoken at once is `jobs.at_once`")),
    ];
    let asked = object(own.into_iter().chain(manner()));
    let about = taking("Speaks several texts, or takes them as a job")
        .more("With the results if they are there within `jobs.wait_seconds`, else with the job, which goes on.")
        .takes(JSON, asked, Some(json!({ "texts": ["One.", "Two."], "format": "mp3" })))
        .answers("The results", results(), results_example())
        .tells("200", "Location", "The job");
    accepted(about, "The job, which goes on")
}

fn seen() -> About {
    of_one("How far a job is").more("With fresh links once it is over.").answers("The job", job(), example())
}

fn followed() -> About {
    let events =
        text("`progress` at once and after each change, and `end` as the last one; each with the job");
    of_one("A job as it goes on")
        .refuses("429", "The address has streams of as many jobs as it may")
        .gives("200", "Events")
        .holds("200", "text/event-stream", events, None)
}

fn deleted() -> About {
    of_one("Deletes a job")
        .more("With its items, recordings and results. One that goes on is cancelled first.")
        .done("It is deleted")
}

fn cancelled() -> About {
    of_one("Cancels a job").more("What is done stays.").answers("The job", job(), cancelled_example())
}

fn retried() -> About {
    let about = of_one("Has a job's failed items tried again")
        .refuses("409", "Nothing has failed (nothing-failed), the job was cancelled (cancelled), or retried too often (retries)")
        .refuses("429", "The address has as many jobs that are not over as it may");
    accepted(about, "The job")
}

fn fetched() -> About {
    of_one("A job's results, by a signed link")
        .more("The links are those of the job. A ZIP file has `index.json`, which says what each file is and what failed.")
        .query("format", choice("The form", &["zip", "json"]))
        .needed_query("expires", whole_of("As the link has it", &(0..=LATEST)), json!(1_767_312_000))
        .needed_query("signature", text("As the link has it"), json!("c2lnbmF0dXJl"))
        .sends("The results", &["application/zip"])
        .holds("200", JSON, results(), Some(results_example()))
        .refuses("403", "The link is not signed")
        .refuses("409", "The job is not over (not-over)")
        .refuses("410", "The link has expired (expired)")
}
