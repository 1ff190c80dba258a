//! Captions: what the agent says, phrase by phrase, and how far it is.

use serde_json::{Value, json};

use super::Outgoing;
use crate::event::CallEvent;
use crate::frame::ResponseId;

/// What is told of a phrase.
pub(super) fn messages(event: &CallEvent) -> Vec<Outgoing> {
    match event {
        CallEvent::PhraseSpoken { response, index, text, aloud: true } => {
            let mut data = segment(*response, *index, text);
            // The spoken text before RTVI 2, where what follows is not known.
            data["spoken"] = true.into();
            spoken(&mut data, "new", ("", text));
            vec![
                Outgoing::new("bot-tts-text", json!({ "text": text, "response": response })),
                Outgoing::new("bot-output", data),
            ]
        }
        CallEvent::PhraseSpoken { response, index, text, aloud: false } => {
            let mut data = segment(*response, *index, text);
            data["spoken"] = false.into();
            data["will_be_spoken"] = false.into();
            vec![Outgoing::new("bot-output", data)]
        }
        CallEvent::PhraseProgress { response, index, text, said } => {
            let mut data = segment(*response, *index, text);
            data["spoken"] = false.into();
            let parts = text.split_at_checked(*said).unwrap_or((text, ""));
            spoken(&mut data, if parts.1.is_empty() { "completed" } else { "in-progress" }, parts);
            vec![Outgoing::new("bot-output", data)]
        }
        _ => Vec::new(),
    }
}

/// A phrase, with a number of its own in its call.
fn segment(response: ResponseId, index: u32, text: &str) -> Value {
    let id = u64::from(response.0) << 16 | u64::from(index);
    json!({ "text": text, "aggregated_by": "sentence", "segment_id": id, "response": response })
}

fn spoken(data: &mut Value, status: &str, (accumulated, remaining): (&str, &str)) {
    data["will_be_spoken"] = true.into();
    data["spoken_status"] = status.into();
    data["spoken_progress"] = json!({ "accumulated_text": accumulated, "remaining_text": remaining });
}
