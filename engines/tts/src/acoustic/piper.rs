//! Piper voices: a VITS network that takes phoneme ids, and a description file that maps symbols to [`ids`].

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::Tensor;
use serde::Deserialize;

use self::ids::{Encoded, IdMap};
use super::graph::{InnerTensor, expose};
use super::{AcousticModel, Card, Durations, Facts, Format, Input, ModelFiles, Numbered, Sound, Speaker};
use crate::runtime::Runtime;

mod ids;

/// A model with an .onnx.json beside its .onnx.
pub(super) const FORMAT: Format = Format { beside, read };

/// Longest input, in symbols: about twenty seconds of speech. Longer runs would delay other requests, and the network's memory
/// grows quadratically.
const LONGEST_INPUT: usize = 300;

/// The tensor that holds each id's duration in frames.
const DURATIONS: InnerTensor = InnerTensor { operator: "Ceil", name: "/Ceil_output_0" };

/// Advice for a voice that cannot be used.
const FETCH: &str = "fetch the voice again (`visavis models fetch`), or name another with --voice";

/// A voice's .onnx.json.
#[derive(Debug, Deserialize)]
struct Description {
    audio: Audio,
    espeak: EspeakVoice,
    inference: Inference,
    #[serde(default)]
    phoneme_type: Option<String>,
    phoneme_id_map: HashMap<String, Vec<i64>>,
    #[serde(default)]
    num_speakers: usize,
    #[serde(default)]
    speaker_id_map: HashMap<String, i64>,
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
    let Description { audio, espeak, inference, phoneme_type, phoneme_id_map, language, .. } = description;
    // Voices with one speaker may say 0.
    let numbered = Numbered::new(description.num_speakers.max(1), description.speaker_id_map);
    if let Some(other) = phoneme_type.filter(|kind| kind != "espeak") {
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
    Ok(Card { facts, load: Box::new(load) })
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
    device: &'static str,
    session: Session,
    /// The name of the durations output.
    durations: Option<String>,
    /// The network takes a speaker id.
    speakers: bool,
}

impl Piper {
    /// Loads the voice's network; errors say what to do.
    fn load(runtime: &Runtime, files: Arc<Files>) -> anyhow::Result<Self> {
        let shown = files.path.display();
        let model = std::fs::read(&files.path).with_context(|| format!("cannot read {shown}; {FETCH}"))?;
        let (model, durations) = expose(model, DURATIONS);
        let (session, device) = runtime
            .session(&model)
            .with_context(|| format!("{shown} is not a model that ONNX Runtime can load; {FETCH}"))?;
        let inputs: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
        ensure!(
            ["input", "input_lengths", "scales"].iter().all(|name| inputs.contains(name)),
            "{shown} is not a Piper voice: its inputs are {}; {FETCH}",
            inputs.join(", ")
        );
        if durations.is_none() {
            tracing::warn!(voice = %shown, "no phoneme durations in this voice: word times are estimates");
        }
        let speakers = inputs.contains(&"sid");
        let count = files.facts.numbered.count();
        ensure!(speakers || count == 1, "{shown} has one speaker, but its description says {count}; {FETCH}");
        Ok(Self { device, speakers, session, durations, files })
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
        let outputs = self.session.run_with_options(inputs, run)?;
        let frames = match &self.durations {
            Some(name) => {
                let (_, frames) = outputs[name.as_str()].try_extract_tensor::<f32>()?;
                Some(frames.iter().map(|&frames| frames.max(0.0) as u64).collect())
            }
            None => None,
        };
        let (_, samples) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(Spoken { samples: samples.to_vec(), frames })
    }
}

/// The network's output.
struct Spoken {
    samples: Vec<f32>,
    /// The duration of each id.
    frames: Option<Vec<u64>>,
}

impl AcousticModel for Piper {
    fn facts(&self) -> &Arc<Facts> {
        &self.files.facts
    }

    fn device(&self) -> &'static str {
        self.device
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
