//! Starts engine programs as children and keeps them running: back-off restart, an end for those that are wedged, their log
//! in ours, and never an orphan.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use visavis_proto::host::{PASSIVE, WAIT_POLICY};

use super::log_lines::Lines;
use super::sockets::Sockets;
use crate::health::{Wedge, Wedged};
use crate::status::{EngineStatus, Life};

/// What an engine gets to end by itself.
const GRACE: Duration = Duration::from_secs(3);
/// An engine that was ready for so long has earned a quick restart.
const STEADY: Duration = Duration::from_secs(3);

/// The pauses before an engine is started again.
#[derive(Debug)]
struct Pauses {
    next: Duration,
}

impl Pauses {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);

    fn new() -> Self {
        Self { next: Self::FIRST }
    }

    /// The pause after an engine has ended; `steady`: it had done its work.
    fn after(&mut self, steady: bool) -> Duration {
        let pause = if steady { Self::FIRST } else { self.next };
        self.next = (pause * 2).min(Self::LONGEST);
        pause
    }
}

/// How to start an engine.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// stt, llm or tts.
    pub(super) name: &'static str,
    /// The executable.
    pub(super) path: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
}

impl Program {
    fn start(&self) -> anyhow::Result<Child> {
        Command::new(&self.path)
            .args(&self.arguments)
            // ggml reads it before `main`, so it is set before the process starts.
            .env(WAIT_POLICY, PASSIVE)
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

/// How a child's life ended.
enum End {
    /// By itself, or by somebody's signal.
    Died(Option<ExitStatus>),
    /// By us, for it was wedged.
    Wedged(Wedge),
    /// By us, for the server stops.
    Stopped,
}

/// Keeps one engine running.
pub(super) struct Supervisor {
    pub(super) program: Program,
    pub(super) sockets: Arc<Sockets>,
    /// Tells the monitor of the child's life.
    pub(super) life: watch::Sender<Life>,
    pub(super) status: watch::Receiver<EngineStatus>,
    pub(super) wedged: watch::Receiver<Option<Wedged>>,
}

impl Supervisor {
    /// Keeps the program running until `token` is cancelled, then ends it.
    pub(super) async fn run(mut self, token: CancellationToken) {
        let engine = self.program.name;
        let mut pauses = Pauses::new();
        for number in 1.. {
            let mut steady = false;
            let reason = match self.start() {
                Err(error) => {
                    tracing::error!(engine, error = %format!("{error:#}"), "engine cannot start");
                    "absent"
                }
                Ok(child) => {
                    self.life.send_replace(Life::Up(number));
                    let end = self.attend(child, number, &mut steady, &token).await;
                    self.life.send_replace(Life::Down);
                    match end {
                        End::Stopped => return,
                        End::Died(status) => {
                            let status = status.map_or_else(String::new, |status| status.to_string());
                            tracing::error!(engine, %status, "engine ended; it is started again");
                            "died"
                        }
                        End::Wedged(wedge) => {
                            tracing::error!(
                                engine,
                                why = wedge.as_str(),
                                "engine was wedged and is started again"
                            );
                            "hung"
                        }
                    }
                }
            };
            metrics::counter!("visavis_engine_restarts_total", "engine" => engine, "reason" => reason)
                .increment(1);
            if token.run_until_cancelled(tokio::time::sleep(pauses.after(steady))).await.is_none() {
                return;
            }
        }
    }

    fn start(&self) -> anyhow::Result<Child> {
        self.sockets.ensure().context("no folder for its socket")?;
        self.program.start()
    }

    /// Waits for the child's end, or ends it when it is wedged or `token` is cancelled.
    async fn attend(
        &mut self,
        mut child: Child,
        number: u32,
        steady: &mut bool,
        token: &CancellationToken,
    ) -> End {
        // Taken out, since `wait` would close it, and the engine ends when it closes.
        let stdin = child.stdin.take();
        let log = child.stderr.take().map(|stderr| tokio::spawn(relay(self.program.name, stderr)));
        let mut status = self.status.clone();
        let earn = async {
            // The one before it may have been ready.
            _ = status.wait_for(|status| !status.ready).await;
            _ = status.wait_for(|status| status.ready).await;
            tokio::time::sleep(STEADY).await;
            *steady = true;
            std::future::pending::<End>().await
        };
        let of_this = |wedged: &Option<Wedged>| wedged.is_some_and(|wedged| wedged.number == number);
        let end = tokio::select! {
            ended = child.wait() => End::Died(ended.ok()),
            Ok(wedged) = self.wedged.wait_for(of_this) => match *wedged {
                Some(Wedged { wedge, .. }) => End::Wedged(wedge),
                None => End::Died(None),
            },
            () = token.cancelled() => End::Stopped,
            end = earn => end,
        };
        match end {
            End::Died(_) => {}
            // What hangs in a driver may outlive even this.
            End::Wedged(_) => _ = tokio::time::timeout(GRACE, child.kill()).await,
            End::Stopped => {
                drop(stdin);
                if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                    _ = child.kill().await;
                }
            }
        }
        if let Some(log) = log {
            // Its last words say why; a process that it has left behind may hold the pipe open.
            let abort = log.abort_handle();
            if tokio::time::timeout(Duration::from_millis(50), log).await.is_err() {
                abort.abort();
            }
        }
        end
    }
}

/// Copies what a child writes into our log, until it closes its standard error.
async fn relay(engine: &'static str, mut stderr: ChildStderr) {
    let (mut lines, mut bytes) = (Lines::default(), vec![0; 4096]);
    while let Ok(count @ 1..) = stderr.read(&mut bytes).await {
        lines.push(&bytes[..count], |line| log(engine, line));
    }
    lines.finish(|line| log(engine, line));
}

fn log(engine: &'static str, line: &str) {
    let line = line.trim_start();
    match line.split_once(' ') {
        Some(("ERROR", rest)) => tracing::error!(engine, "{}", rest.trim_start()),
        Some(("WARN", rest)) => tracing::warn!(engine, "{}", rest.trim_start()),
        Some(("DEBUG" | "TRACE", rest)) => tracing::debug!(engine, "{}", rest.trim_start()),
        Some(("INFO", rest)) => tracing::info!(engine, "{}", rest.trim_start()),
        _ => tracing::info!(engine, "{line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_comes_after_a_tenth_of_a_second_and_pauses_grow_while_it_fails() {
        let mut pauses = Pauses::new();
        let failing: Vec<_> = (0..9).map(|_| pauses.after(false).as_millis()).collect();
        assert_eq!(failing, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(pauses.after(true), Pauses::FIRST);
        assert_eq!(pauses.after(false), Pauses::FIRST * 2);
    }
}
