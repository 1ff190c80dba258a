//! Starts engine programs as children and keeps them running: back-off restart, their log in ours, and never an orphan.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// An engine that ran this long has earned a quick restart.
const STEADY: Duration = Duration::from_secs(30);
/// What an engine gets to end by itself.
const GRACE: Duration = Duration::from_secs(3);

/// How to start an engine.
#[derive(Debug, Clone)]
pub struct Program {
    /// stt, llm or tts.
    pub name: &'static str,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Program {
    fn start(&self) -> anyhow::Result<Child> {
        Command::new(&self.path)
            .args(&self.arguments)
            // ggml's spinning threads starve each other when engines share cores; this must be set before the process starts.
            .env("OMP_WAIT_POLICY", "passive")
            // The engine ends when this pipe closes, which even a SIGKILL of the server does.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C in the terminal is for the server, which says goodbye to its calls first.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", self.path.display()))
    }
}

/// Keeps the program running until `token` is cancelled, then ends it.
pub async fn supervise(program: Program, token: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        match program.start() {
            Err(error) => {
                tracing::error!(engine = program.name, error = %format!("{error:#}"), "engine cannot start")
            }
            Ok(child) => {
                let Some(status) = attend(&program, child, &token).await else { return };
                tracing::error!(engine = program.name, %status, "engine ended; it is started again");
            }
        }
        metrics::counter!("visavis_engine_restarts_total", "engine" => program.name).increment(1);
        pause = if began.elapsed() > STEADY { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        tokio::select! {
            () = token.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Copies the child's log until it ends by itself, or ends it when `token` is cancelled (`None`).
async fn attend(program: &Program, mut child: Child, token: &CancellationToken) -> Option<ExitStatus> {
    // Taken out, since `wait` would close it, and the engine ends when it closes.
    let stdin = child.stdin.take();
    let stderr = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
    let log = async {
        let Some(mut lines) = stderr else { return };
        while let Ok(Some(line)) = lines.next_line().await {
            relay(program.name, &line);
        }
    };
    let wait = async {
        tokio::select! {
            status = child.wait() => Some(status),
            () = token.cancelled() => None,
        }
    };
    // The log's end alone does not end the wait: a child may close its standard error.
    let (status, ()) = tokio::select! {
        both = async { tokio::join!(wait, log) } => both,
        () = async { token.cancelled().await; tokio::time::sleep(Duration::from_millis(1)).await } => (None, ()),
    };
    if let Some(status) = status {
        return status.ok();
    }
    drop(stdin);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        _ = child.kill().await;
    }
    None
}

fn relay(engine: &'static str, line: &str) {
    let line = line.trim_start();
    match line.split_once(' ') {
        Some(("ERROR", rest)) => tracing::error!(engine, "{}", rest.trim_start()),
        Some(("WARN", rest)) => tracing::warn!(engine, "{}", rest.trim_start()),
        Some(("DEBUG" | "TRACE", rest)) => tracing::debug!(engine, "{}", rest.trim_start()),
        Some(("INFO", rest)) => tracing::info!(engine, "{}", rest.trim_start()),
        _ => tracing::info!(engine, "{line}"),
    }
}
