//! Our own engine programs as child processes of this server, reached over [`grpc`] on Unix sockets.
//!
//! - this file: the programs and their arguments
//! - `supervisor`: keeps them running
//! - `sockets`: the folder with their sockets
//! - `log_lines`: splits their log into lines

mod log_lines;
mod sockets;
mod supervisor;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::watch;

use super::{Tasks, grpc};
use crate::config::{LlmEngine, SttEngine, TtsEngine};
use crate::model_files::ModelFiles;
use crate::status::Life;
use sockets::Sockets;
use supervisor::{Program, Supervisor};

/// Starts engine programs.
#[derive(Debug)]
pub(super) struct Children {
    sockets: Arc<Sockets>,
    confine: bool,
}

impl Children {
    /// No programs yet; `confine`: restrict them to what they need.
    ///
    /// # Errors
    /// When the folder for sockets cannot be created.
    pub(super) fn new(confine: bool) -> anyhow::Result<Self> {
        Ok(Self { sockets: Arc::new(Sockets::new(&std::env::temp_dir())?), confine })
    }

    /// Starts this engine's program and keeps it running until `tasks` end.
    ///
    /// # Errors
    /// When the program is missing.
    pub(super) fn start(
        &self,
        tasks: &Tasks,
        name: &'static str,
        arguments: Vec<String>,
    ) -> anyhow::Result<grpc::Link> {
        let path = program_beside(&format!("visavis-{name}"))?;
        let address = format!("unix:{}", self.sockets.of(name).display());
        let mut all = vec!["--listen".into(), address.clone(), "--exit-with-stdin".into()];
        if !self.confine {
            all.push("--unconfined".into());
        }
        all.extend(arguments);
        let (life, lives) = watch::channel(Life::Down);
        let name = tasks.label(name);
        let link = grpc::open(tasks, name, &address, Some(lives))?;
        let supervisor = Supervisor {
            program: Program { name, path, arguments: all },
            sockets: self.sockets.clone(),
            life,
            status: link.status.clone(),
            wedged: link.wedged.clone(),
        };
        tasks.spawn(|token| supervisor.run(token));
        Ok(link)
    }
}

/// The path of another program of ours, installed beside this one.
///
/// # Errors
/// When it is missing.
pub fn program_beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find this program's own path")?;
    let directory = own.parent().context("this program's path has no directory")?;
    // Test programs are one directory deeper.
    let candidates = [Some(directory), directory.parent()];
    let found =
        candidates.into_iter().flatten().map(|directory| directory.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is not beside {}: build it with `cargo build --release --workspace`", own.display())
    })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The arguments of `visavis-stt`.
pub(super) fn stt_arguments(own: &SttEngine, models: &ModelFiles) -> Vec<String> {
    let list = [
        "--model",
        &text(&models.stt),
        "--threads",
        &own.threads.to_string(),
        "--queue",
        &own.queue.to_string(),
    ];
    list.map(String::from).to_vec()
}

/// The arguments of `visavis-llm`.
pub(super) fn llm_arguments(own: &LlmEngine, models: &ModelFiles) -> Vec<String> {
    let mut list = vec!["--model".into(), text(&models.llm)];
    for (name, value) in [
        ("--threads", own.threads),
        ("--threads-batch", own.threads_batch),
        ("--context", own.context),
        ("--slots", own.slots),
        ("--queue", own.queue),
        ("--max-tokens", own.max_tokens),
    ] {
        list.extend([name.to_string(), value.to_string()]);
    }
    if !own.template.is_empty() {
        list.extend(["--template".into(), own.template.clone()]);
    }
    list
}

/// The arguments of `visavis-tts`.
pub(super) fn tts_arguments(own: &TtsEngine, models: &ModelFiles) -> Vec<String> {
    let mut list: Vec<String> =
        models.voices.iter().flat_map(|voice| ["--voice".into(), text(voice)]).collect();
    list.extend(models.more_voices.iter().flat_map(|voice| ["--more-voice".into(), text(voice)]));
    if !own.voice.is_empty() {
        list.extend(["--default-voice".into(), own.voice.clone()]);
    }
    list.extend(["--onnxruntime".into(), text(&models.runtime)]);
    list.extend(["--threads".into(), own.threads.to_string(), "--queue".into(), own.queue.to_string()]);
    list
}
