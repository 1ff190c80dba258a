//! Kokoro: one network with many voices, which takes tokens of its own [`phonemes`] and a vector of [`styles`].

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use ort::session::{RunOptions, SessionInputValue};
use ort::value::Tensor;

use self::phonemes::{Encoded, encode};
use self::styles::Style;
use self::voices::Voice;
use super::graph::InnerTensor;
use super::network::{Kind, Network, Spoken};
use super::{AcousticModel, Card, Durations, Facts, Format, Input, ModelFiles, Numbered, Share, Sound};
use crate::runtime::Runtime;
use crate::version::Version;

mod phonemes;
mod styles;
mod vocabulary;
mod voices;

/// A model without an .onnx.json that has style files beside it.
pub(super) const FORMAT: Format = Format { beside, read };

/// Samples in a second.
const SAMPLE_RATE: u32 = 24_000;

/// Samples by which a sound comes before its frames: three frames, as in Kokoro's own program.
const AHEAD: u64 = 3 * 600;

/// Longest input, in symbols: about fifteen seconds of speech. With its punctuation it stays below the network's 510 tokens.
const LONGEST_INPUT: usize = 250;

/// Advice for a model that cannot be used.
const FETCH: &str = "fetch it again (`visavis models fetch kokoro-82m-int8`), or name another with --voice";

/// Kokoro's network; a frame has 600 samples.
const NETWORK: Kind = Kind {
    name: "Kokoro",
    inputs: ["tokens", "style", "speed"],
    durations: InnerTensor { operator: "Clip", name: "/encoder/Clip_output_0" },
    int8: true,
    advice: FETCH,
};

/// The style files of a model, if it is Kokoro's.
fn beside(model: &Path) -> Option<Vec<PathBuf>> {
    if model.with_added_extension("json").exists() {
        return None;
    }
    let files = voices::files(model.parent()?);
    (!files.is_empty()).then_some(files)
}

/// Reads the names of the style files.
fn read(files: &ModelFiles) -> anyhow::Result<Card> {
    let shown = files.model.display();
    let voices = voices::of(&files.beside);
    ensure!(
        !voices.is_empty(),
        "{shown}: espeak-ng has no phonemes for the language of any voice beside it; {FETCH}"
    );
    // Otherwise a missing file would be noticed only when a voice is requested.
    File::open(&files.model).with_context(|| format!("cannot read {shown}; {FETCH}"))?;
    let facts = Arc::new(Facts {
        name: files.model.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        source: "kokoro",
        sample_rate: SAMPLE_RATE,
        longest_input: LONGEST_INPUT,
        symbols: phonemes::symbols().collect(),
        speakers: voices.iter().map(Voice::speaker).collect(),
        numbered: Numbered::default(),
        mixes: true,
    });
    let styles = voices.iter().map(|voice| Style::open(&voice.path)).collect::<anyhow::Result<Vec<_>>>()?;
    let files = Arc::new(Files { path: files.model.clone(), facts: facts.clone(), voices, styles });
    let load = move |runtime: &Runtime| -> anyhow::Result<Box<dyn AcousticModel>> {
        let network = Network::load(runtime, &files.path, &NETWORK)?;
        Ok(Box::new(Kokoro { network, files: files.clone() }))
    };
    Ok(Card { facts, load: Box::new(load), version: Version::default() })
}

/// The network's path, and its voices.
#[derive(Debug)]
struct Files {
    path: PathBuf,
    facts: Arc<Facts>,
    /// In the order of [`Facts::speakers`].
    voices: Vec<Voice>,
    /// Styles of the voices, in the same order.
    styles: Vec<Style>,
}

/// The loaded network.
#[derive(Debug)]
struct Kokoro {
    files: Arc<Files>,
    network: Network,
}

impl Kokoro {
    /// The style of a voice, or of a mix, for an input of this many tokens.
    fn style(&self, shares: &[Share], tokens: usize) -> anyhow::Result<Vec<f32>> {
        let read = |share: &Share| {
            let style = self.files.styles[share.speaker].read(tokens)?;
            anyhow::Ok((style, share.weight))
        };
        let styles: Vec<(Vec<f32>, f32)> = shares.iter().map(read).collect::<anyhow::Result<_>>()?;
        Ok(styles::mix(&styles))
    }

    fn run(&mut self, ids: &[i64], style: Vec<f32>, speed: f32, run: &RunOptions) -> ort::Result<Spoken> {
        let inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            ("tokens", Tensor::from_array(([1, ids.len()], ids.to_vec()))?.into()),
            ("style", Tensor::from_array(([1, style.len()], style))?.into()),
            ("speed", Tensor::from_array(([1], vec![speed]))?.into()),
        ];
        self.network.run(inputs, run)
    }
}

impl AcousticModel for Kokoro {
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
        let [first, ..] = input.shares else { anyhow::bail!("an input without a speaker") };
        let Encoded { ids, spans, sizes } = encode(input.symbols, self.files.voices[first.speaker].rules);
        if spans.iter().all(Range::is_empty) {
            return Ok(Sound { samples: Vec::new(), durations: Durations::silent(input.symbols.len()) });
        }
        // Without the padding.
        let style = self.style(input.shares, ids.len() - 2)?;
        let Spoken { samples, frames } = self.run(&ids, style, input.speed, run)?;
        let durations = Durations::new(ids.len(), &spans, frames.as_deref(), samples.len());
        Ok(Sound { samples, durations: durations.earlier(AHEAD).shared(&sizes) })
    }
}
