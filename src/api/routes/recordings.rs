//! Recordings as text, and texts over recordings.

use serde_json::json;

use super::Method::Post;
use super::Route;
use crate::api::openapi::shape::{
    Shape, any, choice, either, field, file, flag, list, needed, number, number_of, object, some, some_text,
    text, whole,
};
use crate::api::openapi::{About, Errors, Topic};
use crate::api::{align, openai, transcribe};

pub(super) const FORM: &str = "multipart/form-data";
/// The types of a recording that is the whole body, with the fields in the query.
const ALONE: [&str; 4] = ["application/octet-stream", "application/ogg", "audio/*", "video/*"];

/// The routes in our own form.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Post, "/transcribe", transcribe::transcribe, transcribed()).of_uploads(),
        Route::new(Post, "/transcribe_batch", transcribe::transcribe_batch, all_transcribed()).of_uploads(),
        Route::new(Post, "/align", align::align, aligned()).of_uploads(),
        Route::new(Post, "/align_batch", align::align_batch, all_aligned()).of_uploads(),
    ]
}

/// Those in OpenAI's form.
pub(super) fn openai() -> Vec<Route> {
    use openai::transcriptions::{transcriptions, translations};
    let heard =
        as_openai("A recording as text, as OpenAI has it").more("Any container and codec, also of hours.");
    let english = as_openai("A recording as English text, as OpenAI has it")
        .more("Needs one of the multilingual Whisper models as the server's own recogniser.");
    vec![
        Route::new(Post, "/v1/audio/transcriptions", transcriptions, heard).of_uploads(),
        Route::new(Post, "/v1/audio/translations", translations, english).of_uploads(),
    ]
}

fn recording() -> Shape {
    file("The recording, in any container: WAV, MP3, M4A, Ogg, FLAC, WebM, MP4")
}

/// Takes the fields of a recording that is the whole body.
pub(super) fn in_query(about: About) -> About {
    about
        .query("language", language())
        .query("prompt", prompt())
        .query("translate", translate())
        .query("times", times())
}

/// Takes a recording as the whole body as well.
pub(super) fn or_alone(about: About) -> About {
    ALONE.into_iter().fold(about, |about, kind| about.takes(kind, recording(), None))
}

pub(super) fn recordings() -> Shape {
    some("Up to 64 recordings", recording())
}

pub(super) fn language() -> Shape {
    text("Two letters (ISO 639-1); identified unless it is there")
}

pub(super) fn prompt() -> Shape {
    text("Words likely to occur, such as names")
}

pub(super) fn translate() -> Shape {
    flag("In English, whatever is spoken")
}

pub(super) fn times() -> Shape {
    choice("How the words' times are found", &["estimated", "measured"])
}

fn words() -> Shape {
    let word = object([
        needed("word", text("The word")),
        needed("start", number("Seconds")),
        needed("end", number("Seconds")),
    ]);
    list("Words", word)
}

/// What a transcript tells.
fn transcript() -> Shape {
    let segment = object([
        needed("id", whole("Its number")),
        needed("start", number("Seconds")),
        needed("end", number("Seconds")),
        needed("text", text("What is said")),
        needed("language", text("Two letters")),
    ]);
    object([
        needed("text", text("What is said")),
        needed("language", text("Two letters")),
        needed("duration", number("Seconds")),
        needed("times", times()),
        needed("segments", list("Segments", segment)),
        needed("words", words()),
    ])
}

/// A result for each recording, in their order.
fn batch() -> Shape {
    object([needed("results", list("As of one recording with its name, or name and error", any("A result")))])
}

fn transcribed() -> About {
    let form = object([
        needed("file", recording()),
        field("language", language()),
        field("prompt", prompt()),
        field("translate", translate()),
        field("times", times()),
    ]);
    let example = json!({
        "text": "And so.", "language": "en", "duration": 1.5, "times": "estimated",
        "segments": [{ "id": 0, "start": 0.3, "end": 1.1, "text": "And so.", "language": "en" }],
        "words": [{ "word": "And", "start": 0.3, "end": 0.6 }, { "word": "so.", "start": 0.7, "end": 1.1 }],
    });
    let about = About::new(Topic::Recordings, "A recording as text, segments and words")
        .more("With `Accept: application/x-ndjson` each segment is a line as soon as it is heard.")
        .takes(FORM, form, Some(json!({ "file": "talk.mp3", "language": "en" })));
    in_query(or_alone(about)).answers("What is said", transcript(), example).holds(
        "200",
        "application/x-ndjson",
        any("A line for each segment, and the end"),
        None,
    )
}

fn all_transcribed() -> About {
    let form = object([
        needed("file", recordings()),
        field("language", language()),
        field("prompt", prompt()),
        field("translate", translate()),
        field("times", times()),
    ]);
    let about = About::new(Topic::Recordings, "Several recordings as text")
        .more("One after the other. One that fails has its error in its place.")
        .takes(FORM, form, Some(json!({ "file": ["one.mp3", "two.mp3"] })));
    in_query(or_alone(about)).answers("A result for each, in their order", batch(), json!({ "results": [] }))
}

/// What a text over a recording tells.
fn alignment() -> Shape {
    let word = object([
        needed("word", text("As it is written")),
        needed("start", number("Seconds")),
        needed("end", number("Seconds")),
        needed("score", number_of("How nearly it was heard so", &(0.0..=1.0))),
        needed("matched", flag("Whether it was heard")),
    ]);
    object([
        needed("language", text("Two letters")),
        needed("duration", number("Seconds")),
        needed("times", times()),
        needed("matched", whole("How many words were heard")),
        needed("words", list("All words of the text", word)),
    ])
}

fn aligned() -> About {
    let the_text = || some_text("What is said in it");
    let form =
        object([needed("file", recording()), needed("text", the_text()), field("language", language())]);
    let example = json!({
        "language": "en", "duration": 1.5, "times": "measured", "matched": 1,
        "words": [{ "word": "And", "start": 0.3, "end": 0.6, "score": 1.0, "matched": true }],
    });
    let about = About::new(Topic::Recordings, "When each word of a known text is said")
        .more("Every word has a time. What was not said is marked, and not bent to fit.")
        .query("text", the_text())
        .query("language", language())
        .takes(FORM, form, Some(json!({ "file": "talk.mp3", "text": "And so, my fellow Americans" })));
    or_alone(about).answers("When each word is said", alignment(), example)
}

fn all_aligned() -> About {
    let form = object([
        needed("file", recordings()),
        needed("text", some("A text for each recording, in their order", text("A text"))),
        field("language", language()),
    ]);
    let about = About::new(Topic::Recordings, "Several texts, each over its recording")
        .more("One after the other. One that fails has its error in its place.")
        .query("text", some_text("What is said in the one recording"))
        .query("language", language())
        .takes(FORM, form, Some(json!({ "file": ["one.mp3", "two.mp3"], "text": ["One.", "Two."] })));
    or_alone(about).answers("A result for each, in their order", batch(), json!({ "results": [] }))
}

fn as_openai(summary: &str) -> About {
    let format = || choice("The form", &["json", "text", "srt", "vtt", "verbose_json"]);
    let granularities = list("For verbose_json", choice("Times of what", &["segment", "word"]));
    let form = object([
        needed("file", recording()),
        field("model", text("Any name: there is one recogniser")),
        field("language", language()),
        field("prompt", prompt()),
        field("response_format", format()),
        field("timestamp_granularities[]", granularities),
        field("stream", flag("As server-sent events, for json and text")),
        field("temperature", number_of("Accepted", &(0.0..=1.0))),
    ]);
    let short = object([needed("text", text("What is said")), field("usage", any("Seconds of sound"))]);
    let verbose = object([
        needed("text", text("What is said")),
        needed("task", choice("What was asked for", &["transcribe", "translate"])),
        needed("language", text("In English words")),
        needed("duration", number("Seconds")),
        field("segments", list("Segments", any("A segment"))),
        field("words", words()),
    ]);
    let about = About::new(Topic::Recordings, summary)
        .query("language", language())
        .query("prompt", prompt())
        .query("response_format", format())
        .query("stream", flag("As of the form"))
        .takes(FORM, form, Some(json!({ "file": "talk.mp3", "model": "whisper-1" })));
    or_alone(about)
        .answers("What is said", either("By response_format", [short, verbose]), json!({ "text": "And so." }))
        .holds("200", "text/plain", text("As text or srt"), None)
        .holds("200", "text/vtt", text("As vtt"), None)
        .holds("200", "text/event-stream", text("Events, with stream"), None)
        .fails_as(Errors::OpenAi)
}
