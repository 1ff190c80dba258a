//! The thread that loads the models one at a time, while loaded ones already speak.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

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
}

/// The owner's handle of the loader thread.
#[derive(Debug)]
pub(crate) struct Loader {
    order: Arc<Monitor<Order>>,
    loaded: Receiver<Loaded>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// Starts loading; `notify` is called when there is something to [`Self::take`].
    pub(crate) fn start(options: LoadOptions, notify: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let models = options.catalogue.cards().len();
        let order = Arc::new(Monitor::new(Order::new(models)));
        let (sender, loaded) = sync_channel(models);
        let run = {
            let order = order.clone();
            move || work(&options, &order, &sender, notify)
        };
        let thread = std::thread::Builder::new().name("loader".to_owned()).spawn(run)?;
        Ok(Self { order, loaded, thread: Some(thread) })
    }

    /// The models whose loading has finished since the last call.
    pub(crate) fn take(&self) -> Vec<Loaded> {
        self.loaded.try_iter().collect()
    }

    /// Records that a request is waiting for this model.
    pub(crate) fn want(&self, index: usize) {
        self.change(|order| order.want(index));
    }

    /// Records whether there is nothing to speak.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.change(|order| order.set_idle(idle, Instant::now()));
    }

    fn change(&self, change: impl FnOnce(&mut Order)) {
        change(&mut self.order.lock());
        self.order.notify_one();
    }
}

impl Drop for Loader {
    /// Joins the thread: ONNX Runtime must not be unloaded while a model is being loaded.
    fn drop(&mut self) {
        self.change(Order::end);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// Waits for the next model to load; none: there are no more.
fn next(order: &Monitor<Order>) -> Option<usize> {
    order.wait(|order| match order.next(Instant::now()) {
        Next::Load(index) => Look::Found(Some(index)),
        Next::End => Look::Found(None),
        Next::Wait => Look::Wait,
        Next::Until(then) => Look::Until(then),
    })
}

fn work(options: &LoadOptions, order: &Monitor<Order>, loaded: &SyncSender<Loaded>, notify: impl Fn()) {
    let mut runtime = None;
    while let Some(index) = next(order) {
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
        tracing::debug!(voice = card.facts.name, ms = begun.elapsed().as_millis(), "loaded");
        _ = loaded.send(Loaded { index, outcome });
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
