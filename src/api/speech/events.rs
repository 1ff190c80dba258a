//! Speech as server-sent events: pieces of the file in base64, when each word sounds, and how much there was. Pure.

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use visavis_speech::Times;

use super::fault::Fault;
use crate::avatar::lips::ipa::phones;
use crate::avatar::lips::viseme::Viseme;
use crate::frame::{OUT_RATE, WordTime};

/// Bytes of a file in one event: a multiple of three, so that only the last one has padding.
pub(super) const AT_ONCE: usize = 30 << 10;
/// Characters that count as one token of the text, and samples that count as one of the sound: 50 ms.
const CHARACTERS: u64 = 4;
const SAMPLES: u64 = 1_200;

/// Which times are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::api) struct Told {
    words: bool,
    phonemes: bool,
    visemes: bool,
}

impl Told {
    /// Those of these names.
    ///
    /// # Errors
    /// For an unknown name.
    pub(in crate::api) fn named(names: &[String]) -> Result<Self, Fault> {
        let mut told = Self::default();
        for name in names {
            match name.as_str() {
                "word" => told.words = true,
                "phoneme" => told.phonemes = true,
                "viseme" => told.visemes = true,
                other => {
                    let why =
                        format!("{other:?} is not known; there are \"word\", \"phoneme\" and \"viseme\"");
                    return Err(Fault::wrong("timestamps", &why));
                }
            }
        }
        Ok(told)
    }
}

/// The events of a piece of a file, the times first.
pub(super) fn piece(bytes: &[u8], times: &Times, told: Told) -> Bytes {
    let mut text = String::new();
    if told != Told::default() && !times.is_empty() {
        text += &event(&words(times, told));
    }
    for part in bytes.chunks(AT_ONCE) {
        text += &event(&json!({ "type": "speech.audio.delta", "audio": STANDARD.encode(part) }));
    }
    text.into()
}

/// The last event.
pub(super) fn done(characters: usize, samples: u64) -> Bytes {
    let input = (characters as u64).div_ceil(CHARACTERS);
    let output = samples.div_ceil(SAMPLES);
    let usage = json!({ "input_tokens": input, "output_tokens": output, "total_tokens": input + output });
    event(&json!({ "type": "speech.audio.done", "usage": usage })).into()
}

/// The event of a failure, the last one as well.
pub(super) fn failed() -> Bytes {
    let error = json!({
        "message": "The voice failed on this text; see the server's log.",
        "type": "server_error", "param": null, "code": null,
    });
    event(&json!({ "type": "error", "error": error })).into()
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn words(times: &Times, told: Told) -> Value {
    let mut event = json!({ "type": "speech.words", "measured": times.measured });
    let list = |name: &str, times: &[WordTime]| -> Value {
        times
            .iter()
            .map(|time| json!({ name: time.text, "start": seconds(time.start), "end": seconds(time.end) }))
            .collect()
    };
    if told.words {
        event["words"] = list("word", &times.words);
    }
    if told.phonemes {
        event["phonemes"] = list("phoneme", &times.sounds);
    }
    if told.visemes {
        event["visemes"] = times.sounds.iter().flat_map(visemes).collect();
    }
    event
}

/// The visemes of a speech sound, which share its time.
fn visemes(sound: &WordTime) -> Vec<Value> {
    let (mut at, length) = (seconds(sound.start), seconds(sound.end.saturating_sub(sound.start)));
    let phones = phones(&sound.text);
    let mut visemes = Vec::with_capacity(phones.len());
    for (phone, share) in phones {
        let end = rounded(at + length * share);
        visemes.push(json!({ "viseme": name(phone.viseme), "start": at, "end": end }));
        at = end;
    }
    visemes
}

/// A viseme as Oculus names it.
fn name(viseme: Viseme) -> String {
    match viseme {
        Viseme::Sil => "sil".into(),
        Viseme::Aa => "aa".into(),
        other => format!("{other:?}"),
    }
}

fn seconds(samples: u64) -> f64 {
    rounded(samples as f64 / f64::from(OUT_RATE))
}

/// To a tenth of a millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<Value> {
        let text = std::str::from_utf8(text).unwrap();
        let events = text.split("\n\n").filter(|event| !event.is_empty());
        events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
    }

    fn time(text: &str, start: u64, end: u64) -> WordTime {
        WordTime { text: text.into(), start, end }
    }

    #[test]
    fn times_come_before_their_sound_and_only_if_asked_for() {
        let times = Times {
            words: vec![time("Papa", 2_400, 12_000)],
            sounds: vec![time("p", 2_400, 4_800), time("a", 4_800, 12_000)],
            measured: true,
        };
        let all = Told::named(&["word".into(), "phoneme".into(), "viseme".into()]).unwrap();
        let events = read(&piece(&[1, 2, 3], &times, all));
        assert_eq!(events[0]["words"], json!([{ "word": "Papa", "start": 0.1, "end": 0.5 }]));
        assert_eq!(events[0]["phonemes"][1], json!({ "phoneme": "a", "start": 0.2, "end": 0.5 }));
        assert_eq!(events[0]["visemes"][0], json!({ "viseme": "PP", "start": 0.1, "end": 0.2 }));
        assert_eq!(events[0]["visemes"][1]["viseme"], "aa");
        assert_eq!(events[1], json!({ "type": "speech.audio.delta", "audio": "AQID" }));
        assert_eq!(read(&piece(&[1], &times, Told::default())).len(), 1);
        assert!(piece(&[], &Times::default(), all).is_empty());
    }

    #[test]
    fn a_long_file_is_cut_into_events_that_join_to_it() {
        let file: Vec<u8> = (0..100_000_u32).map(|at| at as u8).collect();
        let events = read(&piece(&file, &Times::default(), Told::default()));
        let parts =
            events.iter().flat_map(|event| STANDARD.decode(event["audio"].as_str().unwrap()).unwrap());
        assert_eq!((events.len(), parts.collect::<Vec<u8>>()), (4, file));
        let done = &read(&done(10, 24_000))[0];
        assert_eq!(done["usage"], json!({ "input_tokens": 3, "output_tokens": 20, "total_tokens": 23 }));
    }
}
