//! Reads the description of a Piper voice, its `.onnx.json`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::fault::Fault;

/// Longest description, in bytes; one with 904 speakers has 40 KB.
const LONGEST: u64 = 4 << 20;
/// Most speakers that a voice may have.
const MOST_SPEAKERS: u32 = 10_000;

/// The phoneme types that mean espeak-ng's phonemes; some programs write the second.
const ESPEAK: [&str; 2] = ["espeak", "PhonemeType.ESPEAK"];

/// What a description says about a voice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct About {
    pub(super) language: String,
    pub(super) locale: String,
    pub(super) sample_rate: u32,
    pub(super) speakers: u32,
    pub(super) licence: Option<String>,
}

/// The part of the file that is read. It also contains fields that only the engine needs, so that their absence is noticed
/// here.
#[derive(Debug, Deserialize)]
struct Description {
    audio: Audio,
    espeak: EspeakVoice,
    #[serde(rename = "inference")]
    _inference: Inference,
    phoneme_type: Option<String>,
    phoneme_id_map: BTreeMap<String, Vec<i64>>,
    num_speakers: Option<u32>,
    language: Option<Language>,
    /// Either spelling may occur, or both.
    licence: Option<serde_json::Value>,
    license: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Audio {
    sample_rate: u32,
}

#[derive(Debug, Deserialize)]
struct EspeakVoice {
    voice: String,
}

#[derive(Debug, Deserialize)]
struct Inference {
    #[serde(rename = "noise_scale")]
    _noise_scale: f32,
    #[serde(rename = "length_scale")]
    _length_scale: f32,
    #[serde(rename = "noise_w")]
    _noise_w: f32,
}

#[derive(Debug, Deserialize)]
struct Language {
    code: String,
    family: String,
}

/// Reads and checks a description.
pub(super) fn read(json: &Path) -> Result<About, Fault> {
    let mut text = Vec::new();
    let file = File::open(json).map_err(Fault::Unreadable)?;
    file.take(LONGEST).read_to_end(&mut text).map_err(Fault::Unreadable)?;
    parse(&text)
}

pub(super) fn parse(text: &[u8]) -> Result<About, Fault> {
    if is_web_page(text) {
        return Err(Fault::WebPage);
    }
    let not_piper = |why: &str| Fault::NotPiper(why.to_owned());
    let description: Description =
        serde_json::from_slice(text).map_err(|error| Fault::NotPiper(error.to_string()))?;
    let licence = [description.licence, description.license]
        .into_iter()
        .flatten()
        .find_map(|licence| licence.as_str().map(str::to_owned));
    let Description { audio, espeak, phoneme_type, phoneme_id_map, num_speakers, language, .. } = description;
    if let Some(other) = phoneme_type.filter(|kind| !ESPEAK.contains(&kind.as_str())) {
        return Err(Fault::Phonemes(other));
    }
    let marked = |mark: &str| phoneme_id_map.get(mark).is_some_and(|ids| !ids.is_empty());
    if !["^", "_", "$"].into_iter().all(marked) {
        return Err(not_piper("its phoneme_id_map lacks ^, _ or $"));
    }
    if !(8_000..=48_000).contains(&audio.sample_rate) {
        return Err(not_piper("its sample_rate is not between 8000 and 48000"));
    }
    // Voices with one speaker may say 0.
    let speakers = num_speakers.unwrap_or(1).max(1);
    if speakers > MOST_SPEAKERS {
        return Err(not_piper("its num_speakers exceeds 10000"));
    }
    let family = espeak.voice.split('-').next().unwrap_or_default().to_owned();
    let (language, locale) = language.map_or((family, espeak.voice), |it| (it.family, it.code));
    if language.is_empty() {
        return Err(not_piper("it names no language"));
    }
    Ok(About { language, locale, sample_rate: audio.sample_rate, speakers, licence })
}

/// Whether a file begins as HTML does.
pub(super) fn is_web_page(start: &[u8]) -> bool {
    start.trim_ascii_start().starts_with(b"<")
}
