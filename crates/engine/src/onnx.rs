//! ONNX Runtime for the small models that run in the server itself.

use std::path::Path;

use anyhow::Context;
use ort::environment::Environment;
use ort::session::Session;
use parking_lot::Mutex;

use super::pool::Pool;

/// A process can make only one environment.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// A pool of stateless sessions of `model`: at most as many as there are cores, and `most`.
///
/// # Errors
/// As [`session`].
pub(super) fn sessions(runtime: &Path, model: &Path, most: usize) -> anyhow::Result<Pool<Session>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (runtime, model) = (runtime.to_owned(), model.to_owned());
    Pool::new(cores.min(most), move || session(&runtime, &model))
}

/// A session of `model` that computes only on its caller's thread, without a thread pool or spinning.
///
/// # Errors
/// When `runtime` is not ONNX Runtime, or `model` is missing or of the wrong kind.
fn session(runtime: &Path, model: &Path) -> anyhow::Result<Session> {
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
        .with_config_entry("session.x64quantprecision", if overflows_in_int8() { "1" } else { "0" })
        .map_err(|error| anyhow::anyhow!("{error}"))?
        .commit_from_file(model)
        .with_context(|| format!("cannot load {}", model.display()))
}

/// Whether ONNX Runtime's fast int8 products overflow on this processor, so that its slower, exact ones are needed: on x86
/// without VNNI. There, Smart Turn gave 0.59 where 0.85 is right.
fn overflows_in_int8() -> bool {
    #[cfg(target_arch = "x86_64")]
    let exact = std::is_x86_feature_detected!("avx512vnni") || std::is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    let exact = true;
    !exact
}
