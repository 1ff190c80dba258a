//! Builds requests for the two servers of XTTS, and reads their lists. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::backends::speech::api::Line;
use crate::backends::speech::listing::{Listed, Listing, language};
use crate::config::TtsEngine;

/// The languages of XTTS v2, for servers that do not list them.
pub(super) const LANGUAGES: [&str; 16] =
    ["en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "ja", "hu", "ko"];
/// Most speakers whose numbers are kept.
const MOST_SPEAKERS: usize = 200;

/// The numbers that describe a speaker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Latents {
    speaker_embedding: Vec<f32>,
    gpt_cond_latent: Vec<Vec<f32>>,
}

/// The built-in speakers of Coqui's server, each with its numbers.
pub(super) fn speakers(body: &[u8]) -> BTreeMap<String, Latents> {
    let speakers: BTreeMap<String, Latents> = serde_json::from_slice(body).unwrap_or_default();
    speakers.into_iter().take(MOST_SPEAKERS).collect()
}

/// The same as a list.
pub(super) fn studio(speakers: &BTreeMap<String, Latents>) -> Listing {
    let listing = Listing::of(speakers.keys().map(|name| Listed::new(name, "")));
    // Without built-in speakers it speaks only with clips, so the empty list is complete.
    Listing { complete: true, ..listing }
}

/// The speakers in a folder: names, or objects that have one. Clips that this server uploaded are listed as cloned voices.
pub(super) fn folder(list: &Value) -> Listing {
    let name = |entry: &Value| {
        let fields = [entry, &entry["voice_id"], &entry["name"]];
        fields.into_iter().find_map(Value::as_str).map(String::from)
    };
    let names = list.as_array().into_iter().flatten().filter_map(name);
    let voices = names.filter(|name| !name.starts_with("visavis-")).map(|name| Listed::new(&name, ""));
    Listing { complete: true, ..Listing::of(voices) }
}

/// The codes of languages, from any form of list, as the server writes them.
pub(super) fn codes(value: &Value) -> Vec<String> {
    let value = value.get("languages").unwrap_or(value);
    let list = value.as_array().into_iter().flatten();
    let table = value.as_object().into_iter().flat_map(|table| table.values());
    let codes = list.chain(table).filter_map(Value::as_str);
    codes.filter(|code| !language(code).is_empty()).map(String::from).collect()
}

/// The server's code for a language: `zh-cn` for `zh`.
fn theirs<'a>(language: &'a str, codes: &'a [String]) -> &'a str {
    let same = |code: &&String| code.as_str() == language;
    let with_region = |code: &&String| code.split(['-', '_']).next() == Some(language);
    let found = codes.iter().find(same).or_else(|| codes.iter().find(with_region));
    found.map_or(language, String::as_str)
}

/// A segment for Coqui's server. The numbers keep their original text: as parsed JSON values they would be written with twice
/// the digits.
#[derive(Debug, Serialize)]
pub(super) struct ByNumbers<'a> {
    text: &'a str,
    language: &'a str,
    #[serde(flatten)]
    latents: &'a Latents,
    #[serde(flatten)]
    more: BTreeMap<&'a str, Value>,
}

/// A segment for Coqui's server.
pub(super) fn by_numbers<'a>(
    own: &'a TtsEngine,
    line: &'a Line,
    codes: &'a [String],
    latents: &'a Latents,
) -> ByNumbers<'a> {
    let mut more: BTreeMap<&str, Value> = BTreeMap::new();
    if own.stream {
        more.insert("add_wav_header", true.into());
        // The server's own number, unchanged.
        more.insert("stream_chunk_size", "20".into());
    }
    let own_fields = ["text", "language", "speaker_embedding", "gpt_cond_latent"];
    let added = own.body.iter().filter(|(name, _)| !own_fields.contains(&name.as_str()));
    more.extend(added.map(|(name, value)| (name.as_str(), value.clone())));
    ByNumbers { text: &line.text, language: theirs(&line.language, codes), latents, more }
}

/// A segment for xtts-api-server, with the configured fields; `clip`: the name of a clip there instead of the voice.
pub(super) fn by_name(
    own: &TtsEngine,
    line: &Line,
    codes: &[String],
    clip: Option<&str>,
) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("text".into(), line.text.clone().into());
    fields.insert("speaker_wav".into(), clip.unwrap_or(&line.voice).into());
    fields.insert("language".into(), theirs(&line.language, codes).into());
    fields.extend(own.body.clone());
    fields
}

/// Encodes a value for a query.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(language: &str) -> Line {
        Line {
            text: "Hello.".into(),
            voice: "Ana".into(),
            language: language.into(),
            speed: Default::default(),
            clip: None,
        }
    }

    fn latents() -> Latents {
        Latents { speaker_embedding: vec![0.1, -0.25], gpt_cond_latent: vec![vec![0.3]] }
    }

    #[test]
    fn a_segment_by_numbers_repeats_them_as_they_came() {
        let codes = codes(&json!(["en", "zh-cn"]));
        let own = TtsEngine::default();
        let (line, latents) = (line("zh"), latents());
        let body = serde_json::to_string(&by_numbers(&own, &line, &codes, &latents)).unwrap();
        let expected = r#"{"text":"Hello.","language":"zh-cn","speaker_embedding":[0.1,-0.25],"gpt_cond_latent":[[0.3]],"add_wav_header":true,"stream_chunk_size":"20"}"#;
        assert_eq!(body, expected);
        let mut own = TtsEngine { stream: false, ..own };
        own.body.insert("temperature".into(), json!(0.7));
        own.body.insert("text".into(), json!("other"));
        let body = serde_json::to_value(by_numbers(&own, &line, &codes, &latents)).unwrap();
        assert_eq!((&body["text"], &body["temperature"]), (&json!("Hello."), &json!(0.7)));
        assert!(body.get("stream_chunk_size").is_none(), "{body}");
    }

    #[test]
    fn a_segment_by_name_has_the_voice_or_the_clip() {
        let codes = ["en".to_owned()];
        let mut own = TtsEngine::default();
        own.body.insert("top_k".into(), json!(30));
        let fields = Value::from(by_name(&own, &line("de"), &codes, None));
        let expected = json!({ "text": "Hello.", "speaker_wav": "Ana", "language": "de", "top_k": 30 });
        assert_eq!(fields, expected);
        assert_eq!(by_name(&own, &line("en"), &codes, Some("a.wav"))["speaker_wav"], "a.wav");
        assert_eq!((plain(&json!("a b")), plain(&json!(30))), ("a b".to_owned(), "30".to_owned()));
    }

    #[test]
    fn speakers_and_languages_are_read_in_the_form_of_either_server() {
        let studio_speakers = json!({ "Ana": latents(), "Bo": latents() }).to_string();
        let found = speakers(studio_speakers.as_bytes());
        let names = |listing: &Listing| listing.voices.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&studio(&found)), ["Ana", "Bo"]);
        assert!(speakers(b"<html>").is_empty() && studio(&BTreeMap::new()).complete);
        for list in [
            json!([{ "name": "calm", "voice_id": "calm", "preview_url": "x" }, { "name": "visavis-a-1" }]),
            json!(["calm", "visavis-a-1"]),
        ] {
            assert_eq!(names(&folder(&list)), ["calm"], "{list}");
        }
        assert_eq!(codes(&json!({ "languages": { "Chinese": "zh-cn", "Dutch": "nl" } })), ["zh-cn", "nl"]);
        assert_eq!(codes(&json!({ "detail": "Not Found" })), Vec::<String>::new());
    }
}
