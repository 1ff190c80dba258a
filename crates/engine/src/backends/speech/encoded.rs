//! Finds base64 sound in JSON, in any field that servers use for it, or the server's error message. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

/// Fields that contain sound or lead to it, the likeliest first.
const PLACES: [&str; 13] = [
    "audio",
    "audio_base64",
    "audio_b64",
    "audio_data",
    "audio_content",
    "wav",
    "wav_base64",
    "speech",
    "sound",
    "data",
    "result",
    "results",
    "output",
];
/// Fields that contain its sample rate.
const RATES: [&str; 4] = ["sample_rate", "sampling_rate", "samplerate", "sr"];
/// Fields that contain error messages.
const FAULTS: [&str; 6] = ["message", "error", "errors", "detail", "error_message", "error_type"];
/// How deep the search goes.
const DEPTH: usize = 5;
/// Shorter texts are not sound.
const SHORTEST: usize = 8;
/// Longest message that is quoted, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Sound from JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// Samples per second, if the server reports it beside the sound.
    pub(super) rate: Option<u32>,
}

/// The sound in `value`, in order: one piece, or the pieces of a list.
///
/// # Errors
/// Why there is none, as a clause that follows the server's name.
pub(super) fn sound(value: &Value) -> Result<Vec<Encoded>, String> {
    let mut found = Vec::new();
    search(value, None, DEPTH, &mut found)?;
    if found.is_empty() {
        return Err(match said(value) {
            Some(message) => format!("sends no sound: {message}"),
            None => "sends JSON without sound in it".into(),
        });
    }
    Ok(found)
}

fn search(value: &Value, rate: Option<u32>, depth: usize, found: &mut Vec<Encoded>) -> Result<(), String> {
    match value {
        Value::String(text) => found.extend(decoded(text)?.map(|bytes| Encoded { bytes, rate })),
        Value::Array(list) if depth > 0 => {
            list.iter().try_for_each(|value| search(value, rate, depth - 1, found))?;
        }
        Value::Object(object) if depth > 0 => {
            let told = RATES.iter().find_map(|name| object.get(*name)?.as_u64());
            let rate = told.and_then(|rate| u32::try_from(rate).ok()).or(rate);
            let before = found.len();
            for value in PLACES.iter().filter_map(|name| object.get(*name)) {
                search(value, rate, depth - 1, found)?;
                if found.len() > before {
                    break;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Decodes a base64 text, which may be a data URL; none if it is something else.
fn decoded(text: &str) -> Result<Option<Vec<u8>>, String> {
    let text = text.trim();
    if ["http://", "https://", "s3://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err("sends an address instead of sound; have it send base64".into());
    }
    let body = match text.strip_prefix("data:") {
        Some(address) => address.split_once("base64,").map_or("", |(_, body)| body),
        None => text,
    };
    if body.len() < SHORTEST {
        return Ok(None);
    }
    let plain: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    // Text with spaces is not base64.
    if plain.len() < body.len() && body.contains(' ') {
        return Ok(None);
    }
    Ok(STANDARD.decode(&plain).or_else(|_| STANDARD_NO_PAD.decode(&plain)).ok())
}

/// The server's error message, shortened.
pub(super) fn said(value: &Value) -> Option<String> {
    let text = message(value, DEPTH)?;
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = plain.trim_end_matches('.');
    Some(match plain.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain.into(),
    })
    .filter(|text| !text.is_empty())
}

fn message(value: &Value, depth: usize) -> Option<String> {
    let inside = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        value if depth > 0 => message(value, depth - 1),
        _ => None,
    };
    match value {
        Value::Array(list) => list.iter().find_map(inside),
        Value::Object(object) => FAULTS.iter().filter_map(|name| object.get(*name)).find_map(inside),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sound_is_found_wherever_servers_put_it() {
        let bytes = b"RIFF and so on".to_vec();
        let text = STANDARD.encode(&bytes);
        for value in [
            json!(text),
            json!({ "result": { "audio": text }, "success": true, "errors": [] }),
            json!({ "output": { "audio_base64": format!("data:audio/wav;base64,{text}"), "message": "done" } }),
            json!({ "status": "COMPLETED", "output": [{ "wav": text.trim_end_matches('=') }] }),
            json!({ "audio": text.as_bytes().chunks(8).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n") }),
        ] {
            let found = sound(&value).unwrap();
            assert_eq!(found, [Encoded { bytes: bytes.clone(), rate: None }], "{value}");
        }
        let pieces =
            json!({ "sample_rate": 16000, "output": [{ "audio": text }, { "audio": null, "wav": text }] });
        let found = sound(&pieces).unwrap();
        assert_eq!((found.len(), found[1].rate), (2, Some(16_000)));
    }

    #[test]
    fn json_without_sound_says_why() {
        for (value, part) in [
            (json!({ "error": { "message": "No such voice." } }), "no sound: No such voice"),
            (
                json!({ "result": {}, "success": false, "errors": [{ "code": 3, "message": "out of capacity" }] }),
                "capacity",
            ),
            (json!({ "detail": { "error": "validation_error", "message": "x" } }), "no sound: x"),
            (json!({ "detail": [{ "loc": ["body"], "message": "field required" }] }), "field required"),
            (json!({ "audio": "https://bucket.example/a.wav" }), "address"),
            (json!({ "audio": "not here at all, sorry" }), "JSON without sound"),
            (json!({ "audio": null }), "JSON without sound"),
            (json!(7), "JSON without sound"),
        ] {
            let error = sound(&value).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
        }
        let long = json!({ "error": "x".repeat(1000) });
        assert_eq!(said(&long).unwrap().chars().count(), LONGEST_MESSAGE + 1);
        assert_eq!(said(&json!({ "error": null, "message": "" })), None);
    }
}
