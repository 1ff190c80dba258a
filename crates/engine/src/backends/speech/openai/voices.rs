//! Reads the list of voices under `/audio/voices` of an OpenAI-compatible server, whose form differs between servers. Pure.

use serde_json::Value;

use crate::backends::speech::listing::{Listed, Listing};

/// Fields that contain the list, the likeliest first.
const LISTS: [&str; 3] = ["voices", "data", "uploaded_voices"];
/// Fields that contain a voice's name.
const NAMES: [&str; 4] = ["voice_id", "id", "name", "voice"];
/// Fields that contain its language.
const LANGUAGES: [&str; 4] = ["language", "lang", "locale", "language_code"];

/// The voices in a list; `model`: leave out those that belong to another one.
pub(super) fn listing(value: &Value, model: &str) -> Listing {
    let mut voices = Vec::new();
    match value {
        Value::Array(list) => voices.extend(list.iter().filter_map(|entry| voice(entry, model))),
        other => {
            let lists = LISTS.iter().filter_map(|name| other[*name].as_array());
            voices.extend(lists.flatten().filter_map(|entry| voice(entry, model)));
        }
    }
    // Clips that this server uploaded are listed as cloned voices.
    voices.retain(|voice| !voice.name.starts_with("visavis-"));
    Listing::of(voices)
}

/// Whether a list contains the voices of all models without naming their model, as that of speaches.
pub(super) fn is_of_all_models(value: &Value) -> bool {
    let untold = |entry: &Value| entry["language"].is_string() && entry["model_id"].is_null();
    value["object"] == "list"
        && value["voices"].as_array().is_some_and(|list| !list.is_empty() && list.iter().all(untold))
}

fn voice(entry: &Value, model: &str) -> Option<Listed> {
    let text =
        |names: &[&str]| names.iter().find_map(|name| entry[*name].as_str().filter(|it| !it.is_empty()));
    if let Some(name) = entry.as_str() {
        return Some(Listed::new(name, of_kokoro(name)));
    }
    let other = text(&["model_id", "model"]).is_some_and(|of| !model.is_empty() && of != model);
    let name = text(&NAMES).filter(|_| !other)?;
    Some(Listed::new(name, text(&LANGUAGES).unwrap_or_else(|| of_kokoro(name))))
}

/// The language in a Kokoro name such as `af_heart`; empty: not such a name.
fn of_kokoro(name: &str) -> &'static str {
    match name.as_bytes() {
        [language, b'f' | b'm', b'_', ..] => match language {
            b'a' => "en_US",
            b'b' => "en_GB",
            b'e' => "es",
            b'f' => "fr",
            b'h' => "hi",
            b'i' => "it",
            b'j' => "ja",
            b'p' => "pt_BR",
            b'z' => "zh",
            _ => "",
        },
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_list_of_each_server_is_understood() {
        for (list, expected) in [
            (
                json!({ "voices": ["af_heart", "pf_dora", "alloy"] }),
                "af_heart en en_US, pf_dora pt pt_BR, alloy  ",
            ),
            (
                json!({ "voices": [{ "name": "Anna", "language": "de", "filename": "a.wav" }], "count": 1 }),
                "Anna de ",
            ),
            (
                json!({ "voices": [
                    { "id": "af_sky", "language": "en-us", "model_id": "kokoro" },
                    { "name": "joe", "model_id": "piper" },
                ], "object": "list" }),
                "af_sky en en_us",
            ),
            (json!([{ "voice_id": "x", "name": "X" }, { "no": "name" }, 7]), "x  "),
            (
                json!({ "voices": ["vivian", "visavis-Anna-1"], "uploaded_voices": [{ "name": "mine" }] }),
                "vivian  , mine  ",
            ),
        ] {
            let found = listing(&list, "kokoro");
            let found: Vec<_> =
                found.voices.iter().map(|it| format!("{} {} {}", it.name, it.language, it.locale)).collect();
            assert_eq!(found.join(", "), expected, "{list}");
        }
    }

    #[test]
    fn what_is_no_list_says_nothing() {
        for list in [json!(null), json!({}), json!({ "voices": [] }), json!("x"), json!({ "voices": "x" })] {
            assert_eq!(listing(&list, ""), Listing::default(), "{list}");
        }
    }
}
