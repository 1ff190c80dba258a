//! The times of a turn in RTVI's terms: in seconds, by processor.

use serde_json::{Value, json};

use super::Outgoing;
use crate::event::TurnMarks;

/// `ttfb`: until each engine's first output. `processing`: until the response was heard or, if unknown, sent.
pub(super) fn message(marks: &TurnMarks) -> Option<Outgoing> {
    let asked = marks.turn_decided.or(marks.transcript);
    let model_asked = marks.speculated.or(marks.turn_decided.max(marks.transcript));
    let ttfb = [
        value("stt", marks.pause, marks.transcript),
        value("llm", model_asked, marks.first_token),
        value("tts", marks.first_segment, marks.first_audio),
    ];
    // A response without a question, such as a greeting, is not a turn.
    let turn = value("turn", asked.map(|_| 0), marks.heard.or(marks.first_sent));
    let mut data = json!({});
    for (name, values) in
        [("ttfb", ttfb.into_iter().flatten().collect()), ("processing", Vec::from_iter(turn))]
    {
        if !values.is_empty() {
            data[name] = Value::Array(values);
        }
    }
    data.as_object().is_some_and(|data| !data.is_empty()).then(|| Outgoing::new("metrics", data))
}

/// The time from one mark to another, unless that came earlier.
fn value(processor: &str, from: Option<u32>, to: Option<u32>) -> Option<Value> {
    let ms = to?.checked_sub(from?)?;
    Some(json!({ "processor": processor, "value": f64::from(ms) / 1000.0 }))
}
