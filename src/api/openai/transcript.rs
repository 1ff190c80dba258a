//! What a request for a transcript asks for, and how the transcript looks. Pure.

use axum::http::StatusCode;
use serde_json::{Value, json};
use visavis_listening::listen::Order;
use visavis_listening::segments::Segment;
use visavis_listening::subtitles::{srt, vtt};
use visavis_listening::words::Word;

use crate::api::hearing::{Fault, Fields, Heard, rounded, shown, word};
use crate::engine::backends::language_name;

/// What becomes of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Text in its language.
    Transcribe,
    /// Text in English.
    Translate,
}

/// `response_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Text,
    Srt,
    Vtt,
    Verbose,
}

const FORMATS: [(&str, Format); 5] = [
    ("json", Format::Json),
    ("text", Format::Text),
    ("srt", Format::Srt),
    ("vtt", Format::Vtt),
    ("verbose_json", Format::Verbose),
];

/// A request for a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) task: Task,
    pub(super) format: Format,
    /// `timestamp_granularities[]`.
    pub(super) words: bool,
    pub(super) segments: bool,
    /// Events as it is heard.
    pub(super) stream: bool,
    prompt: String,
}

impl Asked {
    /// Reads the fields of a request.
    pub(super) fn of(fields: &Fields, task: Task) -> Result<Self, Fault> {
        let format = format(fields)?;
        let (words, segments) = granularities(fields, format)?;
        check_temperature(fields)?;
        let stream = fields.flag("stream")?;
        if stream && !matches!(format, Format::Json | Format::Text) {
            let detail = "stream=true sends events of text; it needs the response_format json or text";
            return Err(Fault::of("stream", detail));
        }
        Ok(Self { task, format, words, segments, stream, prompt: fields.prompt()? })
    }

    /// How to listen.
    pub(super) fn order(&self, language: String) -> Order {
        Order {
            language,
            prompt: self.prompt.clone(),
            translate: self.task == Task::Translate,
            // Subtitles need no more than an estimate.
            measured: self.words,
        }
    }
}

fn format(fields: &Fields) -> Result<Format, Fault> {
    let Some(asked) = fields.one("response_format")? else { return Ok(Format::Json) };
    let found = FORMATS.iter().find(|(name, _)| *name == asked).map(|(_, format)| *format);
    found.ok_or_else(|| {
        let names = FORMATS.map(|(name, _)| name).join(", ");
        Fault::of("response_format", format!("response_format must be one of {names}, not {}", shown(asked)))
    })
}

/// Whether words and segments get times.
fn granularities(fields: &Fields, format: Format) -> Result<(bool, bool), Fault> {
    const NAME: &str = "timestamp_granularities";
    let (mut words, mut segments) = (false, false);
    for asked in fields.all(NAME).map(str::trim).filter(|asked| !asked.is_empty()) {
        match asked {
            "word" => words = true,
            "segment" => segments = true,
            other => {
                let detail = format!("{NAME}[] must be word or segment, not {}", shown(other));
                return Err(Fault::of(NAME, detail));
            }
        }
    }
    if words && format != Format::Verbose {
        return Err(Fault::of(NAME, format!("{NAME}[]=word needs response_format=verbose_json")));
    }
    // Without a wish there are segments.
    Ok((words, segments || !words))
}

/// Refuses what is no temperature; recognition itself is always greedy.
fn check_temperature(fields: &Fields) -> Result<(), Fault> {
    let Some(asked) = fields.one("temperature")? else { return Ok(()) };
    match asked.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(()),
        _ => {
            let detail = format!("temperature must be a number from 0 to 1, not {}", shown(asked));
            Err(Fault::of("temperature", detail))
        }
    }
}

/// The body of a response, and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// The transcript in the form that was asked for.
pub(super) fn page(heard: &Heard, asked: &Asked) -> Page {
    const TEXT: &str = "text/plain; charset=utf-8";
    let words = || heard.words().cloned().collect::<Vec<Word>>();
    let (kind, body) = match asked.format {
        Format::Json => {
            let body = json!({ "text": heard.text(), "usage": usage(heard.end.seconds) });
            ("application/json", body.to_string())
        }
        Format::Verbose => ("application/json", verbose(heard, asked).to_string()),
        Format::Text => (TEXT, heard.text() + "\n"),
        Format::Srt => (TEXT, srt(&words())),
        Format::Vtt => ("text/vtt; charset=utf-8", vtt(&words())),
    };
    Page { kind, body }
}

fn verbose(heard: &Heard, asked: &Asked) -> Value {
    let (task, language) = match asked.task {
        Task::Transcribe => ("transcribe", heard.end.language.as_str()),
        Task::Translate => ("translate", "en"),
    };
    let mut body = json!({
        "task": task,
        "language": language_name(language).unwrap_or(language),
        "duration": rounded(heard.end.seconds),
        "text": heard.text(),
        "usage": usage(heard.end.seconds),
    });
    if asked.segments {
        body["segments"] = heard.segments.iter().enumerate().map(|(id, found)| segment(id, found)).collect();
    }
    if asked.words {
        body["words"] = heard.words().map(word).collect();
    }
    body
}

/// A segment. What only OpenAI's decoder has (`seek`, `tokens`, `compression_ratio`) stands there because clients expect it.
fn segment(id: usize, segment: &Segment) -> Value {
    json!({
        "id": id,
        "seek": 0,
        "start": rounded(segment.start()),
        "end": rounded(segment.end()),
        "text": segment.text(),
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": segment.sureness.average_log_probability,
        "compression_ratio": 1.0,
        "no_speech_prob": segment.sureness.no_speech_probability,
    })
}

fn usage(seconds: f64) -> Value {
    json!({ "type": "duration", "seconds": seconds.ceil() })
}

/// The event of further text.
pub(super) fn delta(more: &str) -> String {
    event(&json!({ "type": "transcript.text.delta", "delta": more }))
}

/// The last event.
pub(super) fn done(text: &str, seconds: f64) -> String {
    event(&json!({ "type": "transcript.text.done", "text": text, "usage": usage(seconds) }))
}

/// The event of a failure.
pub(super) fn failed(error: &Value) -> String {
    let mut body = error.clone();
    body["type"] = json!("error");
    event(&body)
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// The fault of a model that cannot be named so; any other name stands for the one recogniser.
pub(super) fn check_model(fields: &Fields) -> Result<(), Fault> {
    const LONGEST: usize = 200;
    match fields.one("model")? {
        Some(model) if model.len() > LONGEST => Err(Fault {
            field: Some("model"),
            ..Fault::new(StatusCode::BAD_REQUEST, format!("model has more than {LONGEST} bytes"))
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use visavis_listening::listen::End;
    use visavis_listening::words::split;

    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        pairs.iter().for_each(|(name, value)| fields.push(*name, *value));
        fields
    }

    fn heard() -> Heard {
        let words = split("Guten Tag.").into_iter().enumerate();
        let words =
            words.map(|(at, word)| Word { start: at as f64, end: at as f64 + 0.50049, ..word }).collect();
        let segments = vec![Segment { words, language: "de".into(), ..Segment::default() }];
        Heard { segments, end: End { seconds: 2.25, language: "de".into(), measured: true } }
    }

    fn told(pairs: &[(&str, &str)]) -> Page {
        page(&heard(), &Asked::of(&fields(pairs), Task::Transcribe).unwrap())
    }

    #[test]
    fn each_format_has_its_form() {
        let usage = json!({ "type": "duration", "seconds": 3.0 });
        let body = |pairs: &[(&str, &str)]| serde_json::from_str::<Value>(&told(pairs).body).unwrap();
        assert_eq!(body(&[]), json!({ "text": "Guten Tag.", "usage": usage }));
        assert_eq!(told(&[("response_format", "text")]).body, "Guten Tag.\n");
        assert_eq!(
            told(&[("response_format", "srt")]).body,
            "1\n00:00:00,000 --> 00:00:01,500\nGuten Tag.\n\n"
        );
        assert!(told(&[("response_format", "vtt")]).body.starts_with("WEBVTT\n\n00:00:00.000 --> "));
        let verbose = body(&[("response_format", "verbose_json")]);
        assert_eq!((&verbose["language"], &verbose["duration"]), (&json!("german"), &json!(2.25)));
        assert_eq!((&verbose["segments"][0]["end"], &verbose["segments"][0]["id"]), (&json!(1.5), &json!(0)));
        assert!(verbose.get("words").is_none());
        let words = [("response_format", "verbose_json"), ("timestamp_granularities[]", "word")];
        let verbose = body(&words);
        assert_eq!(verbose["words"][1], json!({ "word": "Tag.", "start": 1.0, "end": 1.5 }));
        assert!(verbose.get("segments").is_none());
    }

    #[test]
    fn a_translation_is_english_and_measures_no_words() {
        let asked = Asked::of(&fields(&[("response_format", "verbose_json")]), Task::Translate).unwrap();
        let body: Value = serde_json::from_str(&page(&heard(), &asked).body).unwrap();
        assert_eq!((&body["task"], &body["language"]), (&json!("translate"), &json!("english")));
        let order = asked.order("de".into());
        assert!(order.translate && !order.measured);
    }

    #[test]
    fn bad_fields_are_named_with_what_is_possible() {
        for (pairs, field, part) in [
            (vec![("response_format", "xml")], "response_format", "verbose_json"),
            (vec![("timestamp_granularities[]", "letter")], "timestamp_granularities", "word or segment"),
            (vec![("timestamp_granularities[]", "word")], "timestamp_granularities", "verbose_json"),
            (vec![("temperature", "hot")], "temperature", "0 to 1"),
            (vec![("temperature", "NaN")], "temperature", "0 to 1"),
            (vec![("stream", "true"), ("response_format", "srt")], "stream", "json or text"),
            (vec![("stream", "yes please")], "stream", "true or false"),
            (vec![("prompt", "a"), ("prompt", "b")], "prompt", "more than once"),
        ] {
            let fault = Asked::of(&fields(&pairs), Task::Transcribe).unwrap_err();
            assert_eq!(fault.field, Some(field), "{pairs:?}");
            assert!(fault.detail.contains(part), "{fault:?}");
        }
    }

    #[test]
    fn events_are_lines_of_json() {
        let told = |event: &str| -> Value {
            let line = event.strip_prefix("data: ").and_then(|event| event.strip_suffix("\n\n")).unwrap();
            assert!(!line.contains('\n'), "{line}");
            serde_json::from_str(line).unwrap()
        };
        assert_eq!(told(&delta("Hi\n")), json!({ "type": "transcript.text.delta", "delta": "Hi\n" }));
        assert_eq!(told(&done("Hi", 1.2))["usage"]["seconds"], 2.0);
        assert_eq!(told(&failed(&json!({ "error": { "message": "no" } })))["type"], "error");
    }
}
