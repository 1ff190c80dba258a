//! Piper voices: a VITS network that takes phoneme ids, and a description file that maps symbols to [`ids`].

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use ort::session::{RunOptions, SessionInputValue};
use ort::value::Tensor;
use serde::Deserialize;

use self::ids::{Encoded, IdMap};
use super::graph::InnerTensor;
use super::network::{Kind, Network, Spoken};
use super::{AcousticModel, Card, Durations, Facts, Format, Input, ModelFiles, Numbered, Sound, Speaker};
use crate::runtime::Runtime;
use crate::version::Version;

mod ids;

/// A model with an .onnx.json beside its .onnx.
pub(super) const FORMAT: Format = Format { beside, read };

/// Longest input, in symbols: about twenty seconds of speech. Longer runs would delay other requests, and the network's memory
/// grows quadratically.
const LONGEST_INPUT: usize = 300;

/// Advice for a voice that cannot be used.
const FETCH: &str = "fetch the voice again (`visavis models fetch`), or name another with --voice";

/// A voice's network.
const NETWORK: Kind = Kind {
    name: "a Piper voice",
    inputs: ["input", "input_lengths", "scales"],
    durations: InnerTensor { operator: "Ceil", name: "/Ceil_output_0" },
    int8: false,
    advice: FETCH,
};

/// A voice's .onnx.json.
#[derive(Debug, Deserialize)]
struct Description {
    audio: Audio,
    espeak: EspeakVoice,
    inference: Inference,
    phoneme_type: Option<String>,
    phoneme_id_map: HashMap<String, Vec<i64>>,
    num_speakers: Option<usize>,
    speaker_id_map: Option<HashMap<String, serde_json::Value>>,
    language: Option<Language>,
}
#[derive(Debug, Deserialize)]
struct Audio {
    sample_rate: u32,
}
#[derive(Debug, Deserialize)]
struct EspeakVoice {
    voice: String,
}
#[derive(Debug, Clone, Copy, Deserialize)]
struct Inference {
    noise_scale: f32,
    length_scale: f32,
    noise_w: f32,
}
#[derive(Debug, Deserialize)]
struct Language {
    code: String,
    family: String,
}

/// The phoneme types that mean espeak-ng's phonemes; some programs write the second.
const ESPEAK: [&str; 2] = ["espeak", "PhonemeType.ESPEAK"];

/// The path of a voice's description.
fn description(voice: &Path) -> PathBuf {
    voice.with_added_extension("json")
}

fn beside(voice: &Path) -> Option<Vec<PathBuf>> {
    let json = description(voice);
    json.exists().then(|| vec![json])
}

/// Reads the .onnx.json beside the .onnx file.
fn read(files: &ModelFiles) -> anyhow::Result<Card> {
    let path = files.model.as_path();
    let json = description(path);
    let text = std::fs::read(&json).with_context(|| format!("cannot read {}; {FETCH}", json.display()))?;
    let description: Description = serde_json::from_slice(&text)
        .with_context(|| format!("{} does not describe a Piper voice; {FETCH}", json.display()))?;
    let numbered = numbered(description.num_speakers, description.speaker_id_map);
    let Description { audio, espeak, inference, phoneme_type, phoneme_id_map, language, .. } = description;
    if let Some(other) = phoneme_type.filter(|kind| !ESPEAK.contains(&kind.as_str())) {
        bail!(
            "{}: phoneme_type is {other:?}, only voices with \"espeak\" phonemes are supported",
            json.display()
        );
    }
    let ids = IdMap::new(phoneme_id_map);
    ensure!(ids.is_complete(), "{}: phoneme_id_map lacks ^, _ or $; {FETCH}", json.display());
    // Otherwise a missing file would be noticed only when the voice is requested.
    File::open(path).with_context(|| format!("cannot read {}; {FETCH}", path.display()))?;
    let family = espeak.voice.split('-').next().unwrap_or_default().to_owned();
    let (language, locale) = language.map_or((family, espeak.voice.clone()), |it| (it.family, it.code));
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let facts = Arc::new(Facts {
        name: name.clone(),
        source: "piper",
        sample_rate: audio.sample_rate,
        longest_input: LONGEST_INPUT,
        symbols: ids.symbols().collect(),
        speakers: vec![Speaker { name, language, locale, espeak: espeak.voice }],
        numbered,
        mixes: false,
    });
    let files = Arc::new(Files { path: path.to_owned(), facts: facts.clone(), ids, inference });
    let load =
        move |runtime: &Runtime| Ok(Box::new(Piper::load(runtime, files.clone())?) as Box<dyn AcousticModel>);
    Ok(Card { facts, load: Box::new(load), version: Version::default() })
}

/// The speakers as described. The names of those whose number is not an integer are dropped.
fn numbered(count: Option<usize>, names: Option<HashMap<String, serde_json::Value>>) -> Numbered {
    let names = names.into_iter().flatten();
    let names = names.filter_map(|(name, number)| Some((name, number.as_i64()?))).collect();
    // Voices with one speaker may say 0.
    Numbered::new(count.unwrap_or(1).max(1), names)
}

/// A voice's path and the contents of its description.
#[derive(Debug)]
struct Files {
    path: PathBuf,
    facts: Arc<Facts>,
    ids: IdMap,
    inference: Inference,
}

/// A loaded voice.
#[derive(Debug)]
struct Piper {
    files: Arc<Files>,
    network: Network,
    /// The network takes a speaker id.
    speakers: bool,
}

impl Piper {
    /// Loads the voice's network; errors say what to do.
    fn load(runtime: &Runtime, files: Arc<Files>) -> anyhow::Result<Self> {
        let network = Network::load(runtime, &files.path, &NETWORK)?;
        let speakers = network.takes("sid");
        let count = files.facts.numbered.count();
        if !speakers && count > 1 {
            let shown = files.path.display();
            tracing::warn!(voice = %shown, count, "the description names several speakers, the network has one");
        }
        Ok(Self { speakers, network, files })
    }

    fn run(&mut self, ids: &[i64], input: &Input<'_>, run: &RunOptions) -> ort::Result<Spoken> {
        let Inference { noise_scale, length_scale, noise_w } = self.files.inference;
        let scales = vec![noise_scale, length_scale / input.speed, noise_w];
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            ("input", Tensor::from_array(([1, ids.len()], ids.to_vec()))?.into()),
            ("input_lengths", Tensor::from_array(([1], vec![ids.len() as i64]))?.into()),
            ("scales", Tensor::from_array(([3], scales))?.into()),
        ];
        if let Some(speaker) = input.shares.first().map(|share| share.speaker).filter(|_| self.speakers) {
            inputs.push(("sid", Tensor::from_array(([1], vec![speaker as i64]))?.into()));
        }
        self.network.run(inputs, run)
    }
}

impl AcousticModel for Piper {
    fn facts(&self) -> &Arc<Facts> {
        &self.files.facts
    }

    fn device(&self) -> &'static str {
        self.network.device()
    }

    fn bytes(&self) -> usize {
        self.network.bytes()
    }

    fn speak(&mut self, input: &Input<'_>, run: &RunOptions) -> anyhow::Result<Sound> {
        let Encoded { ids, spans } = self.files.ids.encode(input.symbols);
        if spans.iter().all(Range::is_empty) {
            return Ok(Sound { samples: Vec::new(), durations: Durations::silent(spans.len()) });
        }
        let Spoken { samples, frames } = self.run(&ids, input, run)?;
        let durations = Durations::new(ids.len(), &spans, frames.as_deref(), samples.len());
        Ok(Sound { samples, durations })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a voice with these further fields in its description.
    fn card(name: &str, more: &str) -> anyhow::Result<Card> {
        let folder = std::env::temp_dir().join(format!("visavis-tts-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let voice = folder.join("voice.onnx");
        std::fs::write(&voice, "").unwrap();
        let text = format!(
            r#"{{"audio": {{"sample_rate": 22050}}, "espeak": {{"voice": "de"}}, {more}
                "inference": {{"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8}},
                "phoneme_id_map": {{"^": [1], "_": [0], "$": [2]}}}}"#
        );
        std::fs::write(description(&voice), text).unwrap();
        let card = Card::read(&ModelFiles::of(&voice));
        std::fs::remove_dir_all(folder).unwrap();
        card
    }

    #[test]
    fn voices_with_phonemes_of_espeak_are_read_and_others_refused() {
        for (name, field) in [
            ("unnamed", ""),
            ("null", r#""phoneme_type": null,"#),
            ("espeak", r#""phoneme_type": "espeak","#),
            ("enum", r#""phoneme_type": "PhonemeType.ESPEAK","#),
        ] {
            assert!(card(name, field).is_ok(), "{field}");
        }
        let refused = card("text", r#""phoneme_type": "text","#).unwrap_err();
        assert!(refused.to_string().contains("phoneme_type is \"text\""), "{refused}");
    }

    #[test]
    fn speakers_may_be_null_and_numbers_that_are_none_are_dropped() {
        for (name, fields, count) in [
            ("speakers-none", "", 1),
            ("speakers-null", r#""num_speakers": null, "speaker_id_map": null,"#, 1),
            ("speakers-zero", r#""num_speakers": 0, "speaker_id_map": {},"#, 1),
            ("speakers-two", r#""num_speakers": 2, "speaker_id_map": {"a": null, "b": 1.5, "c": 1},"#, 2),
        ] {
            let facts = card(name, fields).unwrap().facts;
            assert_eq!(facts.numbered.count(), count, "{fields}");
            let named = ["a", "b", "c"].map(|name| facts.numbered.find(name));
            assert_eq!(named, [None, None, (count == 2).then_some(1)], "{fields}");
        }
    }
}
