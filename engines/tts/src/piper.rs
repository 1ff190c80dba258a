//! A Piper voice: its card, by its description, and its network in ONNX Runtime.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::Tensor;
use serde::Deserialize;

use crate::onnx::expose_durations;
use crate::runtime::Runtime;
use crate::utterance::IdMap;

/// What a voice says of itself in its .onnx.json.
#[derive(Debug, Deserialize)]
struct Description {
    audio: Audio,
    espeak: EspeakVoice,
    inference: Inference,
    #[serde(default)]
    phoneme_type: Option<String>,
    phoneme_id_map: HashMap<String, Vec<i64>>,
    #[serde(default)]
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
#[derive(Debug, Deserialize)]
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

/// What is known of a voice before its network is loaded.
#[derive(Debug)]
pub(crate) struct Card {
    /// How requests name it: the model's file name without its ending.
    pub(crate) name: String,
    /// ISO 639-1.
    pub(crate) language: String,
    /// Such as en_US.
    pub(crate) locale: String,
    /// espeak-ng's voice for it.
    pub(crate) espeak: String,
    /// Samples in a second.
    pub(crate) sample_rate: u32,
    /// Its phoneme ids.
    pub(crate) map: IdMap,
    inference: Inference,
    path: PathBuf,
}

/// A loaded voice.
#[derive(Debug)]
pub(crate) struct Voice {
    /// What it computes on, as in the health reply.
    pub(crate) device: &'static str,
    session: Session,
    durations: Option<String>,
    speakers: bool,
}

/// What the network made of an utterance.
#[derive(Debug)]
pub(crate) struct Sound {
    /// Mono, about -1 to 1.
    pub(crate) samples: Vec<f32>,
    /// Frames for each phoneme id; together they fill the audio.
    pub(crate) frames: Option<Vec<u64>>,
}

/// What to do about a voice that cannot be used.
const FETCH: &str = "fetch the voice again (`visavis models fetch`), or name another by --voice";

/// Where a voice's description lies.
pub(crate) fn description(voice: &Path) -> PathBuf {
    voice.with_added_extension("json")
}

impl Card {
    /// Reads the .onnx.json beside the .onnx file; each fault says what to do.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let json = description(path);
        let text =
            std::fs::read(&json).with_context(|| format!("cannot read {}; {FETCH}", json.display()))?;
        let description: Description = serde_json::from_slice(&text)
            .with_context(|| format!("{} does not describe a Piper voice; {FETCH}", json.display()))?;
        let Description { audio, espeak, inference, phoneme_type, phoneme_id_map, language } = description;
        if let Some(other) = phoneme_type.filter(|kind| kind != "espeak") {
            bail!(
                "{}: phoneme_type is {other:?}, only voices of \"espeak\" phonemes can be spoken",
                json.display()
            );
        }
        let map = IdMap::new(phoneme_id_map);
        ensure!(map.is_complete(), "{}: phoneme_id_map lacks ^, _ or $; {FETCH}", json.display());
        // Else it would be missed only when somebody asks for it.
        File::open(path).with_context(|| format!("cannot read {}; {FETCH}", path.display()))?;
        let family = espeak.voice.split('-').next().unwrap_or_default().to_owned();
        let (language, locale) = language.map_or((family, espeak.voice.clone()), |it| (it.family, it.code));
        Ok(Self {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            language,
            locale,
            espeak: espeak.voice,
            sample_rate: audio.sample_rate,
            map,
            inference,
            path: path.to_owned(),
        })
    }
}

impl Voice {
    /// Loads the voice's network; each fault says what to do.
    pub(crate) fn load(runtime: &Runtime, card: &Card) -> anyhow::Result<Self> {
        let shown = card.path.display();
        let model = std::fs::read(&card.path).with_context(|| format!("cannot read {shown}; {FETCH}"))?;
        let (model, durations) = expose_durations(model);
        let (session, device) = runtime
            .session(&model)
            .with_context(|| format!("{shown} is no model that ONNX Runtime can load; {FETCH}"))?;
        let inputs: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
        ensure!(
            ["input", "input_lengths", "scales"].iter().all(|name| inputs.contains(name)),
            "{shown} is not a Piper voice: its inputs are {}; {FETCH}",
            inputs.join(", ")
        );
        if durations.is_none() {
            tracing::warn!(voice = %shown, "no phoneme durations in this voice: word times are estimates");
        }
        Ok(Self { device, speakers: inputs.contains(&"sid"), session, durations })
    }

    /// Speaks phoneme ids of the `card`'s map; `speed` 2 takes half the time. `run` can end it in the middle.
    pub(crate) fn speak(
        &mut self,
        card: &Card,
        ids: &[i64],
        speed: f32,
        run: &RunOptions,
    ) -> ort::Result<Sound> {
        let Inference { noise_scale, length_scale, noise_w } = card.inference;
        let scales = vec![noise_scale, length_scale / speed, noise_w];
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            ("input", Tensor::from_array(([1, ids.len()], ids.to_vec()))?.into()),
            ("input_lengths", Tensor::from_array(([1], vec![ids.len() as i64]))?.into()),
            ("scales", Tensor::from_array(([3], scales))?.into()),
        ];
        if self.speakers {
            inputs.push(("sid", Tensor::from_array(([1], vec![0_i64]))?.into()));
        }
        let outputs = self.session.run_with_options(inputs, run)?;
        let frames = match &self.durations {
            Some(name) => {
                let (_, frames) = outputs[name.as_str()].try_extract_tensor::<f32>()?;
                Some(frames.iter().map(|&frames| frames.max(0.0) as u64).collect())
            }
            None => None,
        };
        let (_, samples) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(Sound { samples: samples.to_vec(), frames })
    }
}
