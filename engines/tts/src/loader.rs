//! The thread that loads the models, one at a time, while others speak already.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::anyhow;
use ort::session::RunOptions;
use visavis_proto::monitor::{Look, Monitor};

use crate::acoustic::{AcousticModel, Card, Input};
use crate::catalogue::Catalogue;
use crate::order::{Next, Order};
use crate::runtime::Runtime;
use crate::sound::Levels;

/// What the thread loads.
#[derive(Debug)]
pub(crate) struct Stock {
    /// All models.
    pub(crate) catalogue: Arc<Catalogue>,
    /// What each says before its first request, in symbols.
    pub(crate) warm_ups: Vec<Vec<char>>,
    /// libonnxruntime.so
    pub(crate) onnxruntime: PathBuf,
    /// Threads of one synthesis.
    pub(crate) threads: usize,
}

/// A model that has been loaded and has spoken.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) model: Box<dyn AcousticModel>,
    pub(crate) levels: Levels,
}

/// What became of a model, by its index.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) index: usize,
    pub(crate) outcome: anyhow::Result<Ready>,
}

/// The thread, to whom it belongs.
#[derive(Debug)]
pub(crate) struct Loader {
    order: Arc<Monitor<Order>>,
    loaded: Receiver<Loaded>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// Begins to load; `tell` is called when there is something to [`Self::take`].
    pub(crate) fn start(stock: Stock, tell: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let models = stock.catalogue.cards().len();
        let order = Arc::new(Monitor::new(Order::new(models)));
        let (sender, loaded) = sync_channel(models);
        let run = {
            let order = order.clone();
            move || work(&stock, &order, &sender, tell)
        };
        let thread = std::thread::Builder::new().name("loader".to_owned()).spawn(run)?;
        Ok(Self { order, loaded, thread: Some(thread) })
    }

    /// The models that have become ready since.
    pub(crate) fn take(&self) -> Vec<Loaded> {
        self.loaded.try_iter().collect()
    }

    /// A request waits for this model.
    pub(crate) fn want(&self, index: usize) {
        self.change(|order| order.want(index));
    }

    /// Whether nothing is to be spoken.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.change(|order| order.set_idle(idle, Instant::now()));
    }

    fn change(&self, change: impl FnOnce(&mut Order)) {
        change(&mut self.order.lock());
        self.order.notify_one();
    }
}

impl Drop for Loader {
    /// ONNX Runtime must not be unloaded while a model is loaded.
    fn drop(&mut self) {
        self.change(Order::end);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// Waits until a model is to be loaded; none: no more are.
fn next(order: &Monitor<Order>) -> Option<usize> {
    order.wait(|order| match order.next(Instant::now()) {
        Next::Load(index) => Look::Found(Some(index)),
        Next::End => Look::Found(None),
        Next::Wait => Look::Wait,
        Next::Until(then) => Look::Until(then),
    })
}

fn work(stock: &Stock, order: &Monitor<Order>, loaded: &SyncSender<Loaded>, tell: impl Fn()) {
    let mut runtime = None;
    while let Some(index) = next(order) {
        let card = &stock.catalogue.cards()[index];
        let begun = Instant::now();
        let load = || -> anyhow::Result<Ready> {
            let runtime = match &mut runtime {
                Some(runtime) => runtime,
                none => none.insert(Runtime::load(&stock.onnxruntime, stock.threads)?),
            };
            load(runtime, card, &stock.warm_ups[index])
        };
        let outcome = catch_unwind(AssertUnwindSafe(load))
            .unwrap_or_else(|_| Err(anyhow!("the voice cannot be loaded: the loader panicked, see the log")));
        tracing::debug!(voice = card.facts.name, ms = begun.elapsed().as_millis(), "loaded");
        _ = loaded.send(Loaded { index, outcome });
        tell();
    }
}

fn load(runtime: &Runtime, card: &Card, warm_up: &[char]) -> anyhow::Result<Ready> {
    let mut model = card.load(runtime)?;
    let mut levels = Levels::new(card.facts.speakers.len());
    // The first run of a network is slow, and its level sets the first speaker's.
    let sound = model.speak(&Input { symbols: warm_up, speaker: 0, speed: 1.0 }, &RunOptions::new()?)?;
    levels.of(0, &sound.samples);
    Ok(Ready { model, levels })
}
