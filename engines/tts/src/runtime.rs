//! Loads ONNX Runtime from the library given on the command line, and creates sessions on the best device that works.

use std::panic::catch_unwind;
use std::path::Path;

use anyhow::{Context, anyhow};
use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, Session};

/// The loaded library; one for the process.
#[derive(Debug)]
pub(crate) struct Runtime {
    environment: Environment,
    threads: usize,
}

impl Runtime {
    /// Loads libonnxruntime from `library`; its sessions compute on `threads` threads.
    pub(crate) fn load(library: &Path, threads: usize) -> anyhow::Result<Self> {
        const FETCH: &str = "fetch it with `visavis models fetch`, or name another with --onnxruntime";
        let shown = library.display();
        let library = library
            .canonicalize()
            .with_context(|| format!("cannot find ONNX Runtime at {shown}; {FETCH}"))?;
        // The binding panics on a library with a different API, instead of returning an error.
        let environment = catch_unwind(|| {
            anyhow::Ok(ort::init_from(&library)?.with_name("tts").with_telemetry(false).build()?)
        });
        let environment = environment
            .unwrap_or_else(|_| Err(anyhow!("it has no API version that this program supports")))
            .with_context(|| format!("cannot load ONNX Runtime from {shown}; {FETCH}"))?;
        Ok(Self { environment, threads })
    }

    /// Creates a session of `model`; also returns the device that it computes on. `int8`: the network multiplies 8-bit
    /// integers.
    pub(crate) fn session(&self, model: &[u8], int8: bool) -> ort::Result<(Session, &'static str)> {
        let exact = int8 && overflows_in_int8();
        for (device, provider) in accelerators() {
            match self.commit(model, &[provider.error_on_failure()], exact) {
                Ok(session) => return Ok((session, device)),
                Err(error) => tracing::warn!(device, %error, "this device cannot be used"),
            }
        }
        Ok((self.commit(model, &[], exact)?, "cpu"))
    }

    fn commit(
        &self,
        model: &[u8],
        providers: &[ExecutionProviderDispatch],
        exact: bool,
    ) -> ort::Result<Session> {
        let builder = Session::builder(&self.environment)?
            .with_execution_providers(providers)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?
            // Spinning threads would take cores from the other engines on the machine.
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_optimization_level(level(!providers.is_empty(), exact))?;
        let mut builder = if exact { builder.with_config_entry(EXACT_INT8, "1")? } else { builder };
        builder.commit_from_memory(model)
    }
}

/// The options of a run. `frees`: afterwards the runtime gives back all blocks of memory in which nothing is left, not even the
/// run's own output.
pub(crate) fn run_options(frees: bool) -> ort::Result<RunOptions> {
    let mut run = RunOptions::new()?;
    if frees {
        run.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
    }
    Ok(run)
}

/// The session option that replaces int8 products by exact ones; a graph transformer of [`level`] 2 does it.
const EXACT_INT8: &str = "session.x64quantprecision";

/// The level of graph optimisation. On a CPU a voice is as fast without optimisation, and loading takes 0.13 s of CPU time
/// instead of 0.56 s (joe-medium), but `exact` needs it.
fn level(accelerated: bool, exact: bool) -> GraphOptimizationLevel {
    match (accelerated, exact) {
        (false, false) => GraphOptimizationLevel::Disable,
        (false, true) => GraphOptimizationLevel::Level2,
        (true, _) => GraphOptimizationLevel::Level3,
    }
}

/// Whether ONNX Runtime's fast int8 products overflow on this processor, so that its slower, exact ones are needed: on x86
/// without VNNI. Kokoro's network has such products.
fn overflows_in_int8() -> bool {
    #[cfg(target_arch = "x86_64")]
    let exact = std::is_x86_feature_detected!("avx512vnni") || std::is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    let exact = true;
    !exact
}

/// The accelerators that this program was built for, best first.
fn accelerators() -> Vec<(&'static str, ExecutionProviderDispatch)> {
    vec![
        #[cfg(feature = "cuda")]
        ("cuda", ort::ep::CUDA::default().build()),
        #[cfg(feature = "rocm")]
        ("rocm", ort::ep::MIGraphX::default().build()),
        #[cfg(feature = "vulkan")]
        ("vulkan", ort::ep::WebGPU::default().build()),
        #[cfg(feature = "metal")]
        ("metal", ort::ep::CoreML::default().build()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_products_get_the_level_whose_transformer_makes_them() {
        assert!(matches!(level(false, false), GraphOptimizationLevel::Disable));
        assert!(matches!(level(false, true), GraphOptimizationLevel::Level2));
        for exact in [false, true] {
            assert!(matches!(level(true, exact), GraphOptimizationLevel::Level3));
        }
    }
}
