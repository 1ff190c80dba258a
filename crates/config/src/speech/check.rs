//! Checks the configuration of the voice.

use visavis_core::frame::is_language;

use super::{TtsApi, TtsCloning, TtsEngine, TtsFormat};
use crate::endpoint::refuse_unread;

/// Most entries of `tts.body`.
const MOST_FIELDS: usize = 32;
/// Most entries of `tts.speakers`.
const MOST_SPEAKERS: usize = 1000;
/// Most entries of `tts.languages`.
const MOST_LANGUAGES: usize = 100;
/// Longest name in characters.
const LONGEST_NAME: usize = 100;
/// The fields that `tts.fields` can rename.
const FIELDS: [&str; 7] = ["clip", "clip_words", "format", "language", "speed", "text", "voice"];

/// Adds a line for each fault.
pub(crate) fn check(tts: &TtsEngine, faults: &mut Vec<String>) {
    if tts.api == TtsApi::Engine {
        check_unused(tts, faults);
        return;
    }
    tts.endpoint("tts").check(tts.api.settings().url, faults);
    let own =
        [("tts.voices", !tts.voices.is_empty()), ("tts.voices_dir", !tts.voices_dir.as_os_str().is_empty())];
    refuse_unread(&own, "is for our own engine; remove it, a server has its own voices", faults);
    check_api(tts, faults);
    check_fields(tts, faults);
    check_speakers(tts, faults);
}

/// Settings of a server that would be ignored: without `tts.api` their requests would go nowhere.
fn check_unused(tts: &TtsEngine, faults: &mut Vec<String>) {
    let settings = [
        ("tts.model", !tts.model.is_empty()),
        ("tts.key", !tts.key.is_empty()),
        ("tts.key_file", !tts.key_file.as_os_str().is_empty()),
        ("tts.headers", !tts.headers.is_empty()),
        ("tts.body", !tts.body.is_empty()),
        ("tts.fields", !tts.fields.is_empty()),
        ("tts.speakers", !tts.speakers.is_empty()),
        ("tts.languages", !tts.languages.is_empty()),
        ("tts.cloning", tts.cloning != TtsCloning::None),
    ];
    let servers = TtsApi::SERVERS;
    let why = format!("is for servers with another API; set tts.api to {servers}, or remove it");
    refuse_unread(&settings, &why, faults);
}

/// Restrictions and requirements of single APIs.
fn check_api(tts: &TtsEngine, faults: &mut Vec<String>) {
    let (own, name) = (tts.api.settings(), tts.api.name());
    let path = tts.url.split('?').next().unwrap_or_default().trim_end_matches('/');
    let ends =
        ["/audio/speech", "/tts_stream", "/tts_to_audio", "/synthesize", "/ai/run", "/runsync", "/run"];
    if let Some(end) = ends.into_iter().find(|end| path.ends_with(end)) {
        faults.push(format!("tts.url: leave out {end}: the server adds it"));
    }
    if !own.model.is_empty() && tts.model.is_empty() {
        let example = own.model;
        faults
            .push(format!("tts.model: is empty; with tts.api = {name:?} set it, for example to {example:?}"));
    }
    if !own.speed && (tts.speed - 1.0).abs() > 0.001 {
        faults.push(format!("tts.speed: {name} has one speed; remove it"));
    }
    if tts.cloning != TtsCloning::None && !own.cloning.contains(&tts.cloning) {
        faults.push(format!(
            "tts.cloning: is not for tts.api = {name:?}; remove it (upload, library and inline are for openai, inline also for \
             runpod; xtts needs no setting)"
        ));
    }
    if !own.pcm && tts.format == TtsFormat::Pcm {
        faults.push(format!("tts.format: {name} sends WAV; remove it"));
    }
    if !(8_000..=48_000).contains(&tts.rate) {
        faults.push(format!("tts.rate: {} is outside 8000 to 48000", tts.rate));
    }
}

fn check_fields(tts: &TtsEngine, faults: &mut Vec<String>) {
    if tts.body.len() > MOST_FIELDS {
        faults.push(format!("tts.body: {} fields; at most {MOST_FIELDS}", tts.body.len()));
    }
    if !tts.fields.is_empty() && !tts.api.settings().fields {
        let name = tts.api.name();
        faults
            .push(format!("tts.fields: is for openai and runpod; {name} has names of its own, so remove it"));
    }
    for name in tts.fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        let all = FIELDS.join(", ");
        faults.push(format!("tts.fields: {name:?} cannot be renamed; only {all} can"));
    }
    if tts.fields.get("text").is_some_and(String::is_empty) {
        faults.push(
            "tts.fields: text is empty, so that nothing would be spoken; name the server's field".into(),
        );
    }
}

fn check_speakers(tts: &TtsEngine, faults: &mut Vec<String>) {
    let mut fault = |text: String| faults.push(format!("tts.speakers: {text}"));
    if tts.speakers.len() > MOST_SPEAKERS {
        fault(format!("{}; at most {MOST_SPEAKERS}", tts.speakers.len()));
    }
    for (at, speaker) in tts.speakers.iter().enumerate() {
        let name = &speaker.name;
        if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
            fault(format!("the name {name:?} has not 1 to {LONGEST_NAME} characters"));
        }
        if !is_language(&speaker.language) {
            fault(format!(
                "the language {:?} of {name:?} is not two letters such as \"en\"",
                speaker.language
            ));
        }
        if tts.speakers[..at].iter().any(|other| other.name == *name && other.language == speaker.language) {
            fault(format!("{name:?} is listed twice; remove one, or give it another name"));
        }
    }
    if tts.languages.len() > MOST_LANGUAGES {
        faults.push(format!("tts.languages: {}; at most {MOST_LANGUAGES}", tts.languages.len()));
    }
    for language in tts.languages.iter().filter(|language| !is_language(language)) {
        faults.push(format!("tts.languages: {language:?} is not two letters such as \"en\""));
    }
}
