//! Acoustic models turn symbols of espeak-ng's IPA into audio, with the duration of each symbol.
//!
//! - [`piper`]: Piper's voices
//! - [`durations`]: converts a network's frames for each input id into samples for each symbol
//! - [`graph`]: patches a network to output an inner tensor, such as its durations
//! - `conformance`: tests that every model must pass
//!
//! To add a kind of model, add a file beside [`piper`] and an entry in [`FORMATS`] and in `conformance`.

use std::collections::HashSet;
use std::fmt::{Debug, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ort::session::RunOptions;

use crate::runtime::Runtime;

#[cfg(test)]
mod conformance;
mod durations;
mod graph;
mod piper;

pub(crate) use durations::Durations;

/// A loaded acoustic model. The worker thread calls it; another thread can terminate a run.
pub(crate) trait AcousticModel: Debug + Send {
    /// What is known of the model without its network.
    fn facts(&self) -> &Arc<Facts>;

    /// The device that it computes on, as in the health reply.
    fn device(&self) -> &'static str;

    /// Speaks an input; the symbols may be empty or unknown to the model. `run` can terminate it at the network's next node;
    /// that is an error.
    fn speak(&mut self, input: &Input<'_>, run: &RunOptions) -> anyhow::Result<Sound>;
}

/// What is known of a model before its network is loaded.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The model's file name without its ending.
    pub(crate) name: String,
    /// Samples in a second.
    pub(crate) sample_rate: u32,
    /// Most IPA symbols, including stress marks and spaces, that one run should speak: a longer text is halved. Punctuation and
    /// the spaces between clauses are not counted.
    pub(crate) longest_input: usize,
    /// The symbols that the model speaks; others take no time.
    pub(crate) symbols: HashSet<char>,
    /// The model's speakers, at least one.
    pub(crate) speakers: Vec<Speaker>,
}

/// A speaker of a model: a voice that requests can name.
#[derive(Debug)]
pub(crate) struct Speaker {
    /// The voice's name in requests.
    pub(crate) name: String,
    /// ISO 639-1.
    pub(crate) language: String,
    /// The locale, such as en_US.
    pub(crate) locale: String,
    /// The espeak-ng voice to use.
    pub(crate) espeak: String,
}

/// The input of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// espeak-ng's IPA in decomposed form (NFD), with Piper's punctuation `, . ? ! ; :` and spaces.
    pub(crate) symbols: &'a [char],
    /// Index among [`Facts::speakers`].
    pub(crate) speaker: usize,
    /// 1: as recorded; 2: twice as fast.
    pub(crate) speed: f32,
}

/// A model's output for an input.
#[derive(Debug, Default)]
pub(crate) struct Sound {
    /// Mono, about -1 to 1.
    pub(crate) samples: Vec<f32>,
    /// Durations, which add up to the samples.
    pub(crate) durations: Durations,
}

/// Loads a model's network.
type Load = Box<dyn Fn(&Runtime) -> anyhow::Result<Box<dyn AcousticModel>> + Send + Sync>;

/// A model whose description was read and checked; its network is loaded later.
pub(crate) struct Card {
    /// What is known without the network.
    pub(crate) facts: Arc<Facts>,
    load: Load,
}

impl Card {
    /// Reads a model's description; errors say what to do.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        (Format::of(path).read)(path)
    }

    /// Loads the network; errors say what to do.
    pub(crate) fn load(&self, runtime: &Runtime) -> anyhow::Result<Box<dyn AcousticModel>> {
        (self.load)(runtime)
    }
}

#[cfg(test)]
impl Card {
    /// A model with speakers but without a network.
    pub(crate) fn unloadable(speakers: Vec<Speaker>) -> Self {
        let name = "model".to_owned();
        let facts = Facts { name, sample_rate: 24_000, longest_input: 1, symbols: HashSet::new(), speakers };
        Self { facts: Arc::new(facts), load: Box::new(|_| anyhow::bail!("no network")) }
    }
}

impl Debug for Card {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Card").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// The files of a model.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    (Format::of(path).files)(path)
}

/// A kind of model.
struct Format {
    /// Whether a model file is of this kind, by the files beside it.
    claims: fn(&Path) -> bool,
    files: fn(&Path) -> Vec<PathBuf>,
    read: fn(&Path) -> anyhow::Result<Card>,
}

/// The first format that claims a file reads it; the last one, Piper, reports what is wrong with an unclaimed file.
static FORMATS: [Format; 1] = [piper::FORMAT];

impl Format {
    fn of(path: &Path) -> &'static Self {
        FORMATS.iter().find(|format| (format.claims)(path)).unwrap_or(&FORMATS[FORMATS.len() - 1])
    }
}
