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

use std::ffi::OsString;
use std::path::PathBuf;

/// Where the loader, espeak-ng and the drivers look besides their usual places. They read these variables themselves; an
/// engine takes them as arguments so that it may read there too.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Surroundings {
    /// Folders of libraries besides the system's
    #[arg(long, env = "LD_LIBRARY_PATH", hide = true, value_name = "FOLDERS")]
    pub library_path: Option<OsString>,
    /// The folder of espeak-ng's data
    #[arg(long, env = "ESPEAK_DATA_PATH", hide = true, value_name = "FOLDERS")]
    pub espeak_data_path: Option<OsString>,
    /// Where NVIDIA's drivers keep compiled kernels
    #[arg(long, env = "CUDA_CACHE_PATH", hide = true, value_name = "FOLDER")]
    pub cuda_cache_path: Option<OsString>,
    /// Where other drivers keep theirs
    #[arg(long, env = "XDG_CACHE_HOME", hide = true, value_name = "FOLDER")]
    pub cache_home: Option<OsString>,
    /// Where both do so by default
    #[arg(long, env = "HOME", hide = true, value_name = "FOLDER")]
    pub home: Option<OsString>,
}

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
pub fn confine(needs: &Needs, surroundings: &Surroundings) {
    #[cfg(target_os = "linux")]
    {
        let outcomes = [
            ("core dumps", no_core_dumps()),
            ("files", files::confine(needs, surroundings)),
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
        _ = (needs, surroundings);
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
