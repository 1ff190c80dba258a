//! The thread that loads the models one at a time, while loaded ones already speak, and frees those that are dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use ort::session::RunOptions;
use visavis_proto::monitor::{Look, Monitor};

use crate::acoustic::{AcousticModel, Card, Input, Share};
use crate::catalogue::Catalogue;
use crate::order::{Next, Order};
use crate::runtime::Runtime;
use crate::sound::Levels;

/// What the thread loads, and how.
#[derive(Debug)]
pub(crate) struct LoadOptions {
    /// All models.
    pub(crate) catalogue: Arc<Catalogue>,
    /// The symbols of each model's warm-up run, or why there are none.
    pub(crate) warm_ups: Vec<Result<Vec<char>, String>>,
    /// libonnxruntime.so
    pub(crate) onnxruntime: PathBuf,
    /// Threads used by one synthesis.
    pub(crate) threads: usize,
}

/// A model that is loaded and warmed up.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) model: Box<dyn AcousticModel>,
    pub(crate) levels: Levels,
}

/// The outcome of loading a model, given by its index.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) index: usize,
    pub(crate) outcome: anyhow::Result<Ready>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Messages to the thread.
#[derive(Debug)]
struct Desk {
    order: Order,
    /// Models to free: at most each one once, since only this thread loads it again.
    dropped: Vec<Ready>,
}

/// What the thread does next.
enum Task {
    Load(usize),
    Free(Vec<Ready>),
}

/// The owner's handle of the loader thread.
#[derive(Debug)]
pub(crate) struct Loader {
    desk: Arc<Monitor<Desk>>,
    loaded: Receiver<Loaded>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// Starts loading the models of `defaults`; `notify` is called when there is something to [`Self::take`].
    pub(crate) fn start(
        options: LoadOptions,
        defaults: Vec<usize>,
        notify: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let desk = Arc::new(Monitor::new(Desk { order: Order::new(defaults), dropped: Vec::new() }));
        // A model is loaded again only after it was taken from here.
        let (sender, loaded) = sync_channel(options.catalogue.cards().len());
        let run = {
            let desk = desk.clone();
            move || work(&options, &desk, &sender, notify)
        };
        let thread = std::thread::Builder::new().name("loader".to_owned()).spawn(run)?;
        Ok(Self { desk, loaded, thread: Some(thread) })
    }

    /// The models whose loading has finished since the last call.
    pub(crate) fn take(&self) -> Vec<Loaded> {
        self.loaded.try_iter().collect()
    }

    /// Records that a request is waiting for this model.
    pub(crate) fn want(&self, index: usize) {
        self.change(|desk| desk.order.want(index));
    }

    /// Replaces the models that are loaded without a request.
    pub(crate) fn keep(&self, defaults: &[usize]) {
        self.change(|desk| desk.order.keep(defaults));
    }

    /// Frees a model, which can then be wanted again.
    pub(crate) fn free(&self, index: usize, ready: Ready) {
        self.change(|desk| {
            desk.order.forget(index);
            desk.dropped.push(ready);
        });
    }

    /// Records whether there is nothing to speak.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.change(|desk| desk.order.set_idle(idle, Instant::now()));
    }

    fn change(&self, change: impl FnOnce(&mut Desk)) {
        change(&mut self.desk.lock());
        self.desk.notify_one();
    }
}

impl Drop for Loader {
    /// Joins the thread: ONNX Runtime must not be unloaded while a model is being loaded.
    fn drop(&mut self) {
        self.change(|desk| desk.order.end());
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// Waits for the next task; none: there are no more.
fn next(desk: &Monitor<Desk>) -> Option<Task> {
    desk.wait(|desk| {
        if !desk.dropped.is_empty() {
            return Look::Found(Some(Task::Free(std::mem::take(&mut desk.dropped))));
        }
        match desk.order.next(Instant::now()) {
            Next::Load(index) => Look::Found(Some(Task::Load(index))),
            Next::End => Look::Found(None),
            Next::Wait => Look::Wait,
            Next::Until(then) => Look::Until(then),
        }
    })
}

fn work(options: &LoadOptions, desk: &Monitor<Desk>, loaded: &SyncSender<Loaded>, notify: impl Fn()) {
    let mut runtime = None;
    while let Some(task) = next(desk) {
        let index = match task {
            Task::Load(index) => index,
            Task::Free(models) => {
                drop(models);
                continue;
            }
        };
        let card = &options.catalogue.cards()[index];
        let begun = Instant::now();
        let load = || -> anyhow::Result<Ready> {
            let warm_up = options.warm_ups[index].as_ref().map_err(|why| anyhow!("{why}"))?;
            let runtime = match &mut runtime {
                Some(runtime) => runtime,
                none => none.insert(Runtime::load(&options.onnxruntime, options.threads)?),
            };
            load(runtime, card, warm_up)
        };
        let outcome = catch_unwind(AssertUnwindSafe(load))
            .unwrap_or_else(|_| Err(anyhow!("the voice cannot be loaded: the loader panicked, see the log")));
        _ = loaded.send(Loaded { index, outcome, took: begun.elapsed() });
        notify();
    }
}

fn load(runtime: &Runtime, card: &Card, warm_up: &[char]) -> anyhow::Result<Ready> {
    let mut model = card.load(runtime)?;
    let mut levels = Levels::default();
    // A network's first run is slow; its level also sets the first speaker's.
    let shares = [Share::whole(0)];
    let sound = model.speak(&Input { symbols: warm_up, shares: &shares, speed: 1.0 }, &RunOptions::new()?)?;
    levels.of(&shares, &sound.samples);
    Ok(Ready { model, levels })
}
