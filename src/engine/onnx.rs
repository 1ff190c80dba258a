//! ONNX Runtime for the small models that run in the server itself.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use ort::environment::Environment;
use ort::session::Session;
use parking_lot::{Mutex, MutexGuard};

/// A process may make one environment in its life.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Sessions of one model, so that calls on several cores do not wait for each other. A session remembers nothing.
pub(super) struct Sessions {
    all: Vec<Mutex<Session>>,
    next: AtomicUsize,
}

impl Sessions {
    /// As many as cores can work at once, at most `most`.
    ///
    /// # Errors
    /// As [`session`].
    pub(super) fn load(runtime: &Path, model: &Path, most: usize) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let all = (0..cores.min(most)).map(|_| Ok(Mutex::new(session(runtime, model)?)));
        Ok(Self { all: all.collect::<anyhow::Result<_>>()?, next: AtomicUsize::new(0) })
    }

    /// Works with a session that nobody uses, the warmest first; waits only when all are in use.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Session) -> R) -> R {
        match free(&self.all) {
            Some(mut session) => work(&mut session),
            None => {
                let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
                work(&mut self.all[turn].lock())
            }
        }
    }
}

fn free<T>(all: &[Mutex<T>]) -> Option<MutexGuard<'_, T>> {
    all.iter().find_map(Mutex::try_lock)
}

/// A session of `model` that computes on its caller's thread alone: no pool, nothing that spins.
///
/// # Errors
/// When `runtime` is not ONNX Runtime, or `model` is missing or of the wrong kind.
pub(super) fn session(runtime: &Path, model: &Path) -> anyhow::Result<Session> {
    let mut environment = ENVIRONMENT.lock();
    let environment = match &mut *environment {
        Some(environment) => environment,
        none => none.insert(
            ort::init_from(runtime)
                .with_context(|| format!("cannot load ONNX Runtime from {}", runtime.display()))?
                .with_name("visavis")
                .with_telemetry(false)
                .build()?,
        ),
    };
    Session::builder(environment)?
        .with_intra_threads(1)
        .map_err(|error| anyhow::anyhow!("{error}"))?
        .with_inter_threads(1)
        .map_err(|error| anyhow::anyhow!("{error}"))?
        .commit_from_file(model)
        .with_context(|| format!("cannot load {}", model.display()))
}
