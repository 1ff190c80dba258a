//! Acoustic models: symbols of espeak-ng's IPA in, sound with the duration of each symbol out.
//!
//! - [`piper`]: Piper's voices
//! - [`durations`]: from a network's frames for each of its input ids to the samples of each symbol
//! - [`graph`]: makes a tensor inside a network one of its outputs, where durations hide
//! - `conformance`: what every model must keep to, as tests
//!
//! A further kind of model is a file beside [`piper`], a line in [`FORMATS`], and one in `conformance`.

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

/// A loaded acoustic model. The worker's thread calls it; another can end a run in its middle.
pub(crate) trait AcousticModel: Debug + Send {
    /// What is known of it, from before it was loaded.
    fn facts(&self) -> &Arc<Facts>;

    /// What it computes on, as in the health reply.
    fn device(&self) -> &'static str;

    /// Speaks an input, whose symbols may be none and may be unknown to it. `run` ends it at the network's next node,
    /// which is an error.
    fn speak(&mut self, input: &Input<'_>, run: &RunOptions) -> anyhow::Result<Sound>;
}

/// What is known of a model before its network is loaded.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The model's file name without its ending.
    pub(crate) name: String,
    /// Samples in a second.
    pub(crate) sample_rate: u32,
    /// Most symbols of IPA, stress marks and spaces among them, that one run should speak: a longer text is halved. The
    /// punctuation and the spaces between clauses come on top.
    pub(crate) longest_input: usize,
    /// The symbols that it speaks; others take no time.
    pub(crate) symbols: HashSet<char>,
    /// In whose voices it speaks; at least one.
    pub(crate) speakers: Vec<Speaker>,
}

/// One of a model's speakers: a voice that requests can name.
#[derive(Debug)]
pub(crate) struct Speaker {
    /// How requests name it.
    pub(crate) name: String,
    /// ISO 639-1.
    pub(crate) language: String,
    /// Such as en_US.
    pub(crate) locale: String,
    /// espeak-ng's voice for it.
    pub(crate) espeak: String,
}

/// What one run is to speak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// IPA as espeak-ng writes it, decomposed, with Piper's punctuation `, . ? ! ; :` and spaces.
    pub(crate) symbols: &'a [char],
    /// Index among [`Facts::speakers`].
    pub(crate) speaker: usize,
    /// 1 is as recorded, 2 takes half the time.
    pub(crate) speed: f32,
}

/// What a model made of an input.
#[derive(Debug, Default)]
pub(crate) struct Sound {
    /// Mono, about -1 to 1.
    pub(crate) samples: Vec<f32>,
    /// They fill the samples.
    pub(crate) durations: Durations,
}

/// Loads a model's network.
type Load = Box<dyn Fn(&Runtime) -> anyhow::Result<Box<dyn AcousticModel>> + Send + Sync>;

/// A model's files, read and checked; its network is loaded later.
pub(crate) struct Card {
    /// What is known already.
    pub(crate) facts: Arc<Facts>,
    load: Load,
}

impl Card {
    /// Reads what lies beside a model's network; each fault says what to do.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        (Format::of(path).read)(path)
    }

    /// Loads the network; each fault says what to do.
    pub(crate) fn load(&self, runtime: &Runtime) -> anyhow::Result<Box<dyn AcousticModel>> {
        (self.load)(runtime)
    }
}

#[cfg(test)]
impl Card {
    /// Of a model that has speakers, and no network.
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

/// The files that a model is read from.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    (Format::of(path).files)(path)
}

/// A kind of model.
struct Format {
    /// Whether a model's file is of this kind, by what lies beside it.
    claims: fn(&Path) -> bool,
    files: fn(&Path) -> Vec<PathBuf>,
    read: fn(&Path) -> anyhow::Result<Card>,
}

/// Whoever claims a file first has it; Piper tells what is wrong with one that nobody claims.
static FORMATS: [Format; 1] = [piper::FORMAT];

impl Format {
    fn of(path: &Path) -> &'static Self {
        FORMATS.iter().find(|format| (format.claims)(path)).unwrap_or(&FORMATS[FORMATS.len() - 1])
    }
}
