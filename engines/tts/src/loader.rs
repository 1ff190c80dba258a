//! The thread that loads the voices, one at a time, while others speak already.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::anyhow;
use ort::session::RunOptions;

use crate::order::{Next, Order};
use crate::piper::{Card, Voice};
use crate::runtime::Runtime;
use crate::sound::gain;

/// What the thread loads.
#[derive(Debug)]
pub(crate) struct Stock {
    /// All voices.
    pub(crate) cards: Arc<[Card]>,
    /// What each says before its first request, as phoneme ids.
    pub(crate) warm_ups: Vec<Vec<i64>>,
    /// libonnxruntime.so
    pub(crate) onnxruntime: PathBuf,
    /// Threads of one synthesis.
    pub(crate) threads: usize,
}

/// A voice that has been loaded and has spoken.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) voice: Voice,
    /// The factor that brings it to the common level.
    pub(crate) gain: f32,
}

/// What became of a voice, by its index.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) index: usize,
    pub(crate) outcome: anyhow::Result<Ready>,
}

/// The thread, to whom it belongs.
#[derive(Debug)]
pub(crate) struct Loader {
    shared: Arc<Shared>,
    loaded: Receiver<Loaded>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    order: Mutex<Order>,
    changed: Condvar,
}

impl Loader {
    /// Begins to load; `tell` is called when there is something to [`Self::take`].
    pub(crate) fn start(stock: Stock, tell: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let order = Mutex::new(Order::new(stock.cards.len()));
        let shared = Arc::new(Shared { order, changed: Condvar::new() });
        let (sender, loaded) = sync_channel(stock.cards.len());
        let run = {
            let shared = shared.clone();
            move || work(&stock, &shared, &sender, tell)
        };
        let thread = std::thread::Builder::new().name("loader".to_owned()).spawn(run)?;
        Ok(Self { shared, loaded, thread: Some(thread) })
    }

    /// The voices that have become ready since.
    pub(crate) fn take(&self) -> Vec<Loaded> {
        self.loaded.try_iter().collect()
    }

    /// A request waits for this voice.
    pub(crate) fn want(&self, index: usize) {
        self.change(|order| order.want(index));
    }

    /// Whether nothing is to be spoken.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.change(|order| order.set_idle(idle, Instant::now()));
    }

    fn change(&self, change: impl FnOnce(&mut Order)) {
        change(&mut self.shared.lock());
        self.shared.changed.notify_one();
    }
}

impl Drop for Loader {
    /// ONNX Runtime must not be unloaded while a voice is loaded.
    fn drop(&mut self) {
        self.change(Order::end);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a voice is to be loaded; none: no more are.
    fn next(&self) -> Option<usize> {
        let mut order = self.lock();
        loop {
            let now = Instant::now();
            order = match order.next(now) {
                Next::Load(index) => return Some(index),
                Next::End => return None,
                Next::Wait => self.changed.wait(order).unwrap_or_else(PoisonError::into_inner),
                Next::Until(then) => {
                    let waited = self.changed.wait_timeout(order, then.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

fn work(stock: &Stock, shared: &Shared, loaded: &SyncSender<Loaded>, tell: impl Fn()) {
    let mut runtime = None;
    while let Some(index) = shared.next() {
        let begun = Instant::now();
        let load = || -> anyhow::Result<Ready> {
            let runtime = match &mut runtime {
                Some(runtime) => runtime,
                none => none.insert(Runtime::load(&stock.onnxruntime, stock.threads)?),
            };
            load(runtime, &stock.cards[index], &stock.warm_ups[index])
        };
        let outcome = catch_unwind(AssertUnwindSafe(load))
            .unwrap_or_else(|_| Err(anyhow!("the voice cannot be loaded: the loader panicked, see the log")));
        tracing::debug!(voice = stock.cards[index].name, ms = begun.elapsed().as_millis(), "loaded");
        _ = loaded.send(Loaded { index, outcome });
        tell();
    }
}

fn load(runtime: &Runtime, card: &Card, warm_up: &[i64]) -> anyhow::Result<Ready> {
    let mut voice = Voice::load(runtime, card)?;
    // The first run of a network is slow, and its level sets the voice's.
    let sound = voice.speak(card, warm_up, 1.0, &RunOptions::new()?)?;
    Ok(Ready { voice, gain: gain(&sound.samples) })
}
