//! Confines an engine's process. Its native code processes untrusted text and audio, and an exploit of that code must not
//! get further: it can start no program, write no file, read only the engine's own models and libraries, and reach no
//! network or other process.
//!
//! - `files`: Landlock: files, TCP, signals to other processes
//! - `calls`: seccomp: system calls that no engine makes
//! - `drivers`: what a GPU's drivers need in addition
//!
//! Each works alone, on kernels that lack the other. Memory is not limited: address space does not measure it, since models
//! are mapped files and drivers reserve terabytes, and `RLIMIT_DATA` counts neither.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod drivers;
#[cfg(target_os = "linux")]
mod files;

use std::ffi::OsString;
use std::path::PathBuf;

/// Where the loader, espeak-ng and the drivers look besides their usual places. They read these variables themselves; an
/// engine takes them as arguments in order to allow access there.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Surroundings {
    /// Folders with libraries besides the system's
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
    /// Where both keep them by default
    #[arg(long, env = "HOME", hide = true, value_name = "FOLDER")]
    pub home: Option<OsString>,
}

/// What an engine needs access to once it runs.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Files that it reads, and folders whose contents it reads: models, and libraries loaded by name.
    pub read: Vec<PathBuf>,
    /// The GPU drivers that the program was built for.
    pub drivers: Drivers,
}

/// GPU drivers that a program may have been built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drivers {
    /// None: the model runs on the CPU.
    #[default]
    None,
    /// NVIDIA's.
    Cuda,
    /// AMD's.
    Rocm,
    /// Any vendor's, through Vulkan.
    Vulkan,
}

impl Drivers {
    /// The drivers of a backend, by its name in the health reply.
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

/// Confines the calling thread and every thread that it starts. Call it before the process has a second thread and after its
/// socket is bound. What the kernel does not support is logged in one line.
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
            tracing::warn!("this process is not fully confined ({})", missing.join("; "));
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        _ = (needs, surroundings);
        tracing::warn!("this process is not confined: confinement needs Linux");
    }
}

/// Disables core dumps: a dump would store what people said on disk.
#[cfg(target_os = "linux")]
fn no_core_dumps() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
