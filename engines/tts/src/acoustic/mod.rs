//! Acoustic models turn symbols of espeak-ng's IPA into audio, with the duration of each symbol.
//!
//! - [`piper`]: Piper's voices
//! - [`kokoro`]: Kokoro, one network with many voices
//! - [`numbered`]: the speakers of a model that has too many to be listed
//! - [`durations`]: converts a network's frames for each input id into samples for each symbol
//! - [`network`]: a loaded network, and how its output is read
//! - [`graph`]: patches a network to output an inner tensor, such as its durations
//! - `conformance`: tests that every model must pass
//!
//! To add a kind of model, add a file beside [`piper`] and an entry in [`FORMATS`] and in `conformance/subjects`.

use std::collections::HashSet;
use std::fmt::{Debug, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ort::session::RunOptions;

use crate::runtime::Runtime;
use crate::version::Version;

#[cfg(test)]
mod conformance;
mod durations;
mod graph;
mod kokoro;
mod network;
mod numbered;
mod piper;

pub(crate) use durations::Durations;
pub(crate) use numbered::Numbered;

/// A loaded acoustic model. The worker thread calls it; another thread can terminate a run.
pub(crate) trait AcousticModel: Debug + Send {
    /// The facts about the model that are known without its network.
    fn facts(&self) -> &Arc<Facts>;

    /// The device that it computes on, as in the health reply.
    fn device(&self) -> &'static str;

    /// Bytes of its network's file, some of what it takes in memory.
    fn bytes(&self) -> usize;

    /// Speaks an input; the symbols may be empty or unknown to the model. `run` can terminate it at the network's next node;
    /// that is an error.
    fn speak(&mut self, input: &Input<'_>, run: &RunOptions) -> anyhow::Result<Sound>;
}

/// Facts about a model that are known before its network is loaded.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The model's file name without its ending.
    pub(crate) name: String,
    /// The kind of model, as lists of voices name it.
    pub(crate) source: &'static str,
    /// Samples in a second.
    pub(crate) sample_rate: u32,
    /// Most IPA symbols, including stress marks and spaces, that one run should speak: a longer text is halved. Punctuation and
    /// the spaces between clauses are not counted.
    pub(crate) longest_input: usize,
    /// The symbols that the model speaks; others take no time.
    pub(crate) symbols: HashSet<char>,
    /// The model's speakers that are listed as voices, at least one.
    pub(crate) speakers: Vec<Speaker>,
    /// The speakers of a model that has many: the first is the only listed one, whose language they all speak.
    pub(crate) numbered: Numbered,
    /// Several speakers can be mixed to one voice.
    pub(crate) mixes: bool,
}

impl Facts {
    /// The speaker of this number, as listed. Unlisted numbered speakers equal the first one except for their sound.
    pub(crate) fn speaker(&self, number: usize) -> &Speaker {
        self.speakers.get(number).unwrap_or(&self.speakers[0])
    }
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

/// A speaker's share of a voice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share {
    /// Index among [`Facts::speakers`], or the number of one of [`Facts::numbered`].
    pub(crate) speaker: usize,
    /// The shares of a voice add up to 1.
    pub(crate) weight: f32,
}

impl Share {
    /// The share of a speaker who is not mixed with others.
    pub(crate) fn whole(speaker: usize) -> Self {
        Self { speaker, weight: 1.0 }
    }
}

/// The input of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// espeak-ng's IPA in decomposed form (NFD), with Piper's punctuation `, . ? ! ; :` and spaces.
    pub(crate) symbols: &'a [char],
    /// The voice: one share, or several if the model mixes. The symbols are of the first one's language.
    pub(crate) shares: &'a [Share],
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
    /// The facts that are known without the network.
    pub(crate) facts: Arc<Facts>,
    load: Load,
    /// The version of its files.
    pub(crate) version: Version,
}

impl Card {
    /// Reads a model's description; errors say what to do.
    pub(crate) fn read(files: &ModelFiles) -> anyhow::Result<Self> {
        // Before its files are read: what is changed meanwhile has another version.
        let version = Version::of(&files.model, files.beside.iter());
        Ok(Self { version, ..(files.format.read)(files)? })
    }

    /// Loads the network; errors say what to do.
    pub(crate) fn load(&self, runtime: &Runtime) -> anyhow::Result<Box<dyn AcousticModel>> {
        self.version.load();
        (self.load)(runtime)
    }
}

#[cfg(test)]
impl Card {
    /// A model with speakers but without a network.
    pub(crate) fn unloadable(speakers: Vec<Speaker>, mixes: bool) -> Self {
        let (name, symbols) = ("model".to_owned(), HashSet::new());
        let numbered = Numbered::default();
        let facts = Facts {
            name,
            source: "test",
            sample_rate: 24_000,
            longest_input: 1,
            symbols,
            speakers,
            numbered,
            mixes,
        };
        Self {
            facts: Arc::new(facts),
            load: Box::new(|_| anyhow::bail!("no network")),
            version: Version::default(),
        }
    }
}

impl Debug for Card {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Card").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// The files of a model, listed before the process is confined: after that it may open them, but list no folder.
#[derive(Debug, Clone)]
pub(crate) struct ModelFiles {
    /// The .onnx file.
    pub(crate) model: PathBuf,
    /// The files beside it that belong to it.
    pub(crate) beside: Vec<PathBuf>,
    format: &'static Format,
}

impl ModelFiles {
    /// Finds the files of the model in `model`.
    pub(crate) fn of(model: &Path) -> Self {
        let claimed = |format: &'static Format| Some((format, (format.beside)(model)?));
        // The last format reports what is wrong with an unclaimed file.
        let (format, beside) =
            FORMATS.iter().find_map(claimed).unwrap_or((&FORMATS[FORMATS.len() - 1], Vec::new()));
        Self { model: model.to_owned(), beside, format }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.model).chain(&self.beside)
    }
}

/// A kind of model.
#[derive(Debug)]
struct Format {
    /// The files beside a model of this kind; none if it is of another kind.
    beside: fn(&Path) -> Option<Vec<PathBuf>>,
    read: fn(&ModelFiles) -> anyhow::Result<Card>,
}

/// The kinds of models; the first that claims a file reads it. Piper is the last.
static FORMATS: [Format; 2] = [kokoro::FORMAT, piper::FORMAT];
