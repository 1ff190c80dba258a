//! Confinement of an engine's process. Native code reads strangers' text and sound in it, and what breaks that code shall
//! find nothing to go on with: no program to start, no file to write, nothing to read but the engine's own models and
//! libraries, no network, no other process.
//!
//! - `files`: by Landlock: files, TCP, signals to others
//! - `calls`: by seccomp: system calls that no engine makes
//! - `drivers`: what a GPU's drivers need beside it
//!
//! Each works without the other, on kernels that have one of them. There is no limit of memory: address space is no
//! measure of it where models are mapped files and drivers reserve terabytes, and `RLIMIT_DATA` counts neither.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod drivers;
#[cfg(target_os = "linux")]
mod files;

use std::path::PathBuf;

/// What an engine needs of the machine once it runs.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Files that it reads, and folders with all that is in them: models, and libraries that are loaded by name.
    pub read: Vec<PathBuf>,
    /// The GPU's drivers that the program was built for.
    pub drivers: Drivers,
}

/// Drivers that a program may have been built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drivers {
    /// It computes on the processor.
    #[default]
    None,
    /// NVIDIA's.
    Cuda,
    /// AMD's.
    Rocm,
    /// Anybody's, through Vulkan.
    Vulkan,
}

impl Drivers {
    /// Those of a backend by its name in the health reply.
    #[must_use]
    pub fn of(backend: &str) -> Self {
        match backend {
            "cuda" => Self::Cuda,
            "rocm" => Self::Rocm,
            "vulkan" => Self::Vulkan,
            _ => Self::None,
        }
    }
}

/// Confines the calling thread and all that it starts from now on: to be called before the process has a second thread, and
/// once its socket is bound. What the kernel cannot do is told in one line of the log.
pub fn confine(needs: &Needs) {
    #[cfg(target_os = "linux")]
    {
        let outcomes = [
            ("core dumps", no_core_dumps()),
            ("files", files::confine(needs)),
            ("system calls", calls::confine(needs.drivers)),
        ];
        let missing: Vec<String> = outcomes
            .into_iter()
            .filter_map(|(what, outcome)| outcome.err().map(|error| format!("{what}: {error:#}")))
            .collect();
        if missing.is_empty() {
            tracing::debug!("confined");
        } else {
            tracing::warn!("this process is not wholly confined ({})", missing.join("; "));
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        _ = needs;
        tracing::warn!("this process is not confined: only Linux can do it");
    }
}

/// A dump would hold what people said, on a disk.
#[cfg(target_os = "linux")]
fn no_core_dumps() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
