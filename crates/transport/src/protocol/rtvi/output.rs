//! Captions: what the agent says, segment by segment, and the progress of each.

use serde_json::{Value, json};

use super::Outgoing;
use crate::event::CallEvent;
use crate::frame::ResponseId;

/// The messages for a segment's events.
pub(super) fn messages(event: &CallEvent) -> Vec<Outgoing> {
    match event {
        CallEvent::SegmentSpoken { response, index, text, aloud: true, language, voice } => {
            let mut data = segment(*response, *index, text);
            named(&mut data, "language", language);
            named(&mut data, "voice", voice);
            // Before RTVI 2 this marks the spoken text; the fields after it are unknown there.
            data["spoken"] = true.into();
            spoken(&mut data, "new", Progress { said: "", left: text });
            vec![
                Outgoing::new("bot-tts-text", json!({ "text": text, "response": response })),
                Outgoing::new("bot-output", data),
            ]
        }
        CallEvent::SegmentSpoken { response, index, text, aloud: false, language, .. } => {
            let mut data = segment(*response, *index, text);
            named(&mut data, "language", language);
            data["spoken"] = false.into();
            data["will_be_spoken"] = false.into();
            vec![Outgoing::new("bot-output", data)]
        }
        CallEvent::SegmentProgress { response, index, text, said } => {
            let mut data = segment(*response, *index, text);
            data["spoken"] = false.into();
            let (said, left) = text.split_at_checked(*said).unwrap_or((text, ""));
            let status = if left.is_empty() { "completed" } else { "in-progress" };
            spoken(&mut data, status, Progress { said, left });
            vec![Outgoing::new("bot-output", data)]
        }
        _ => Vec::new(),
    }
}

/// A segment, with its unique number in the call.
fn segment(response: ResponseId, index: u32, text: &str) -> Value {
    let id = u64::from(response.0) << 16 | u64::from(index);
    json!({ "text": text, "aggregated_by": "sentence", "segment_id": id, "response": response })
}

/// Adds a name, if it is known.
fn named(data: &mut Value, field: &str, name: &str) {
    if !name.is_empty() {
        data[field] = name.into();
    }
}

/// The spoken and the remaining text of a segment.
struct Progress<'a> {
    said: &'a str,
    left: &'a str,
}

fn spoken(data: &mut Value, status: &str, Progress { said, left }: Progress<'_>) {
    data["will_be_spoken"] = true.into();
    data["spoken_status"] = status.into();
    data["spoken_progress"] = json!({ "accumulated_text": said, "remaining_text": left });
}
