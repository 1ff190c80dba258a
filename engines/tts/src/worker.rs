//! The only thread that runs espeak-ng and the voices, one part at a time, always for the most urgent job. It gets its models
//! from the [`loader`](crate::loader).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::Status;
use visavis_proto::state::{EngineState, Outcome};
use visavis_proto::v1::{HealthReply, SpeechPart};

use crate::acoustic::ModelFiles;
use crate::catalogue::Catalogue;
use crate::job::Job;
use crate::loader::{LoadOptions, Loaded, Loader};
use crate::queue::{Entry, Queue, Work};
use crate::residents::{Residents, UNUSED};
use crate::synthesizer::Synthesizer;
use crate::trims::Trims;

/// Spoken before a voice's first request, since a network's first run is slow; it also sets the voice's level. It is short, as
/// a person may be waiting after a restart. Its peak is within 1 dB of a long sentence's (measured on joe-medium).
const WARM_UP: &str = "The quick brown fox.";

/// The voices' options from the command line.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The models, the first of a language before the others.
    pub(crate) models: Vec<ModelFiles>,
    /// Optional models, after the required ones; left out if they cannot be used.
    pub(crate) more: Vec<ModelFiles>,
    /// The voice, or the mix, that the configuration names.
    pub(crate) default_voice: Option<String>,
    /// libonnxruntime.so
    pub(crate) onnxruntime: PathBuf,
    /// The folder that contains espeak-ng-data.
    pub(crate) espeak_data: Option<PathBuf>,
    /// Threads used by one synthesis.
    pub(crate) threads: usize,
}

impl Options {
    /// Every file and folder that the engine reads.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let models = self.models.iter().chain(&self.more);
        let mut files: Vec<PathBuf> = models.flat_map(|files| files.all()).cloned().collect();
        files.push(self.onnxruntime.clone());
        files.extend(self.espeak_data.clone());
        files
    }

    /// The models that are loaded without a request, and stay.
    fn defaults(&self, catalogue: &Catalogue) -> Vec<usize> {
        // A missing voice is refused when it is requested.
        let configured = self.default_voice.as_deref().and_then(|name| catalogue.named(name).ok());
        catalogue.defaults(configured.as_ref())
    }
}

/// Speaks until the queue is closed; sets the state to ready once the first model is loaded.
pub(crate) fn run(
    options: &Options,
    catalogue: &Arc<Catalogue>,
    state: &EngineState,
    queue: &Arc<Queue<Job>>,
) {
    if catalogue.cards().is_empty() {
        // The state already says why.
        return;
    }
    let begun = Instant::now();
    let started = catch_unwind(AssertUnwindSafe(|| start(options, catalogue, queue))).unwrap_or_else(|_| {
        Err(anyhow::anyhow!("the voices cannot be loaded: the loader panicked, see the log"))
    });
    let failed = match started {
        Ok(Started { synthesizer, loader, residents }) => {
            let trims = Trims::default();
            Worker { synthesizer, loader, residents, trims, state, queue, options, catalogue, begun }.run()
        }
        Err(error) => Some(error),
    };
    if let Some(error) = failed {
        tracing::error!("{error:#}");
        let message = format!("{error:#}");
        state.set_failed(&message);
        while let Some(work) = queue.pop(None) {
            if let Work::Job(Entry { item: job, .. }) = work {
                refuse(job, Status::failed_precondition(&message));
            }
        }
    }
}

/// The worker's initial state.
struct Started {
    synthesizer: Synthesizer,
    loader: Loader,
    residents: Residents,
}

fn start(options: &Options, catalogue: &Arc<Catalogue>, queue: &Arc<Queue<Job>>) -> anyhow::Result<Started> {
    let mut synthesizer = Synthesizer::new(options.espeak_data.as_deref(), catalogue.clone())?;
    let warm_ups = synthesizer.symbols(WARM_UP)?;
    // Their loading will fail as well, but only in its turn.
    for (model, symbols) in warm_ups.iter().enumerate() {
        if let Err(why) = symbols {
            catalogue.leave_out(model, why);
        }
    }
    let load_options = LoadOptions {
        catalogue: catalogue.clone(),
        warm_ups,
        onnxruntime: options.onnxruntime.clone(),
        threads: options.threads,
    };
    let (queue, defaults) = (queue.clone(), options.defaults(catalogue));
    let residents = Residents::new(defaults.clone());
    let loader = Loader::start(load_options, defaults, move || queue.wake())?;
    Ok(Started { synthesizer, loader, residents })
}

struct Worker<'a> {
    synthesizer: Synthesizer,
    loader: Loader,
    residents: Residents,
    trims: Trims,
    state: &'a EngineState,
    queue: &'a Queue<Job>,
    options: &'a Options,
    catalogue: &'a Catalogue,
    begun: Instant,
}

impl Worker<'_> {
    /// Works until the queue is closed; returns the error if not even the first model can be loaded.
    fn run(mut self) -> Option<anyhow::Error> {
        let mut ready = 0;
        loop {
            self.loader.set_idle(self.queue.is_idle());
            let due = self.residents.next().into_iter().chain(self.trims.next()).min();
            match self.queue.pop(due)? {
                Work::News => {
                    for loaded in self.loader.take() {
                        let index = loaded.index;
                        match self.install(loaded, ready) {
                            Ok(()) => ready += 1,
                            // Left out, and logged.
                            Err(_) if !self.catalogue.is_required(index) => {}
                            Err(error) if ready == 0 => return Some(error),
                            Err(error) => tracing::error!("{error:#}"),
                        }
                    }
                }
                Work::Due => {
                    self.drop_unused();
                    self.trim();
                }
                Work::Job(entry) => self.speak(entry),
            }
        }
    }

    /// Speaks a part of a job, or holds the job until its model is loaded.
    fn speak(&mut self, entry: Entry<Job>) {
        let model = entry.item.voice.model;
        if self.synthesizer.is_settled(model) {
            self.loader.set_idle(false);
            let rest = step(&mut self.synthesizer, self.state, self.queue, entry);
            let now = Instant::now();
            self.residents.used(model, now);
            if self.synthesizer.was_large() {
                self.trims.spoken(model, now);
            }
            if let Some(entry) = rest {
                self.queue.put_back(entry);
            }
        } else {
            self.queue.hold(model, entry);
            self.loader.want(model);
        }
    }

    /// Installs a loaded model; leaves out a failed one that is optional. `ready`: number of other models loaded already. Then
    /// the requests that wait for the model continue.
    fn install(&mut self, Loaded { index, outcome, took }: Loaded, ready: usize) -> anyhow::Result<()> {
        let (kept, told) = match outcome {
            Ok(loaded) => {
                if ready == 0 {
                    self.state.set_ready(about(self.options, self.catalogue, loaded.model.device()));
                }
                self.residents.used(index, Instant::now());
                self.log_loaded(index, loaded.model.bytes(), took);
                (Ok(loaded), Ok(()))
            }
            Err(error) => {
                let why = format!("{error:#}");
                if !self.catalogue.is_required(index) {
                    self.catalogue.leave_out(index, &why);
                    // Its language may have another first voice now.
                    let defaults = self.options.defaults(self.catalogue);
                    self.loader.keep(&defaults);
                    self.residents.keep(defaults);
                }
                (Err(why), Err(error))
            }
        };
        self.synthesizer.install(index, kept);
        self.queue.release(index);
        told
    }

    fn log_loaded(&self, index: usize, bytes: usize, took: Duration) {
        let voice = &self.catalogue.facts(index).name;
        if self.residents.is_default(index) {
            tracing::info!(voice, ms = self.begun.elapsed().as_millis(), "ready");
        } else {
            let (ms, mb, minutes) = (took.as_millis(), bytes >> 20, UNUSED.as_secs() / 60);
            tracing::info!(
                voice,
                ms,
                mb,
                "loaded for a request; dropped after {minutes} minutes without use"
            );
        }
    }

    /// Gives back the memory that large runs needed, unless something is to be spoken.
    fn trim(&mut self) {
        if !self.queue.is_idle() {
            return self.trims.postpone(Instant::now());
        }
        for model in self.trims.due(Instant::now()) {
            let work = self.state.step();
            let trimmed = catch_unwind(AssertUnwindSafe(|| self.synthesizer.trim(model)))
                .unwrap_or_else(|_| Err(anyhow::anyhow!("the run panicked, see the log")));
            if let Err(error) = trimmed {
                tracing::warn!("a voice keeps the memory of large runs: {error:#}");
            }
            drop(work);
        }
    }

    /// Drops the models that have not been used for a while; another thread frees them.
    fn drop_unused(&mut self) {
        for model in self.residents.unused(Instant::now()) {
            if let Some(ready) = self.synthesizer.unload(model) {
                tracing::info!(voice = self.catalogue.facts(model).name, "dropped because it was not used");
                self.catalogue.cards()[model].version.unload();
                self.loader.free(model, ready);
            }
        }
    }
}

/// Speaks the next part of a job; returns the job if there is more to speak, or if it was interrupted.
fn step(
    synthesizer: &mut Synthesizer,
    state: &EngineState,
    queue: &Queue<Job>,
    mut entry: Entry<Job>,
) -> Option<Entry<Job>> {
    if entry.item.stop.is_stopped() {
        return None;
    }
    let Attempt { spoken, took, interrupted } = attempt(synthesizer, state, queue, &mut entry);
    let job = &mut entry.item;
    if interrupted && spoken.is_err() && !job.stop.is_stopped() {
        job.again();
        return Some(entry);
    }
    job.advance();
    let last = job.next == job.parts.len();
    match spoken {
        _ if job.stop.is_stopped() => None,
        Ok(mut part) => {
            state.add_units(part.audio.len() as u64 / 2);
            part.last = last;
            part.synthesis_ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
            if !last {
                return entry.item.sender.try_send(Ok(part)).is_ok().then_some(entry);
            }
            // Update the counters before the caller learns that the job is done.
            let Job { sender, ticket, .. } = entry.item;
            ticket.end(Outcome::Done);
            _ = sender.try_send(Ok(part));
            None
        }
        Err(error) => {
            tracing::error!("a part could not be spoken: {error:#}");
            refuse(entry.item, Status::internal(format!("the text could not be spoken: {error:#}")));
            None
        }
    }
}

/// An attempt to speak a part.
struct Attempt {
    spoken: anyhow::Result<SpeechPart>,
    took: Duration,
    interrupted: bool,
}

/// Tries to speak the next part of a job. Meanwhile a more urgent job may interrupt it, if no call waits for it.
fn attempt(
    synthesizer: &mut Synthesizer,
    state: &EngineState,
    queue: &Queue<Job>,
    entry: &mut Entry<Job>,
) -> Attempt {
    let (rank, job, begun) = (entry.rank, &mut entry.item, Instant::now());
    let mut speaking = queue.begin(rank, job.stop.clone(), begun);
    job.ticket.start();
    let work = state.step();
    let spoken = catch_unwind(AssertUnwindSafe(|| synthesizer.speak_next(job)))
        .unwrap_or_else(|_| Err(anyhow::anyhow!("the synthesis panicked, see the log")));
    drop(work);
    // What was interrupted has left the cores to a call already.
    if job.gentle && !job.stop.was_interrupted() {
        speaking.rest_afterwards();
    }
    drop(speaking);
    Attempt { spoken, took: begun.elapsed(), interrupted: job.stop.resume() }
}

/// Ends a job that failed.
fn refuse(job: Job, status: Status) {
    let Job { sender, ticket, .. } = job;
    ticket.end(Outcome::Failed);
    _ = sender.try_send(Err(status));
}

fn about(options: &Options, catalogue: &Catalogue, device: &str) -> HealthReply {
    let first = options.models.first().and_then(|files| Path::file_name(&files.model));
    HealthReply {
        model: first.unwrap_or_default().to_string_lossy().into(),
        device: device.to_owned(),
        threads: u32::try_from(options.threads).unwrap_or(u32::MAX),
        languages: catalogue.languages(),
        ..HealthReply::default()
    }
}
