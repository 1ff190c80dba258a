//! Starts engine programs as child processes and keeps them running: restarts them with back-off, kills wedged ones, copies
//! their log into ours, and leaves no orphans.

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
use crate::config::{backend_variables, secret_variables};
use crate::health::{Wedge, Wedged};
use crate::status::{EngineStatus, Life};

/// Time for an engine to end by itself.
const GRACE: Duration = Duration::from_secs(3);
/// How long an engine must have been ready for to be restarted quickly.
const STEADY: Duration = Duration::from_secs(3);

/// The pauses before restarts of an engine.
#[derive(Debug)]
struct Backoff {
    next: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);

    fn new() -> Self {
        Self { next: Self::FIRST }
    }

    /// The pause after an engine has ended; `steady`: it had been ready for [`STEADY`].
    fn after(&mut self, steady: bool) -> Duration {
        let pause = if steady { Self::FIRST } else { self.next };
        self.next = (pause * 2).min(Self::LONGEST);
        pause
    }
}

/// How to start an engine.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// stt, llm or tts, or the name of a backend.
    pub(super) name: &'static str,
    /// The executable.
    pub(super) path: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
}

impl Program {
    fn start(&self) -> anyhow::Result<Child> {
        self.command().spawn().with_context(|| format!("cannot start {}", self.path.display()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            // Set before the process starts, since ggml reads it before `main`.
            .env(WAIT_POLICY, PASSIVE)
            // The engine ends when this pipe closes, which happens even if the server is killed by SIGKILL.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C in the terminal must reach only the server, which ends its calls first.
            .process_group(0);
        // An engine program needs none of them: its arguments contain everything.
        for name in secret_variables() {
            command.env_remove(name);
        }
        for name in backend_variables() {
            command.env_remove(name);
        }
        command
    }
}

/// How a child process ended.
enum End {
    /// By itself, or by a signal from outside.
    Died(Option<ExitStatus>),
    /// Killed by us because it was wedged.
    Wedged(Wedge),
    /// Ended by us because the server stops.
    Stopped,
}

/// Keeps one engine running.
pub(super) struct Supervisor {
    pub(super) program: Program,
    pub(super) sockets: Arc<Sockets>,
    /// Tells the monitor about the child's process.
    pub(super) life: watch::Sender<Life>,
    pub(super) status: watch::Receiver<EngineStatus>,
    pub(super) wedged: watch::Receiver<Option<Wedged>>,
}

impl Supervisor {
    /// Keeps the program running until `token` is cancelled, then ends it.
    pub(super) async fn run(mut self, token: CancellationToken) {
        let engine = self.program.name;
        let mut backoff = Backoff::new();
        for number in 1.. {
            let mut steady = false;
            let reason = match self.start() {
                Err(error) => {
                    tracing::error!(engine, error = %format!("{error:#}"), "the engine cannot be started");
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
                            tracing::error!(engine, %status, "engine ended; restarting it");
                            "died"
                        }
                        End::Wedged(wedge) => {
                            tracing::error!(engine, why = wedge.as_str(), "engine was wedged; restarting it");
                            "hung"
                        }
                    }
                }
            };
            metrics::counter!("visavis_engine_restarts_total", "engine" => engine, "reason" => reason)
                .increment(1);
            if token.run_until_cancelled(tokio::time::sleep(backoff.after(steady))).await.is_none() {
                return;
            }
        }
    }

    fn start(&self) -> anyhow::Result<Child> {
        self.sockets.ensure().context("cannot create the folder for its socket")?;
        self.program.start()
    }

    /// Waits until the child ends, and ends it if it is wedged or `token` is cancelled.
    async fn attend(
        &mut self,
        mut child: Child,
        number: u32,
        steady: &mut bool,
        token: &CancellationToken,
    ) -> End {
        // Taken out because `wait` would close it, which ends the engine.
        let stdin = child.stdin.take();
        let log = child.stderr.take().map(|stderr| tokio::spawn(relay(self.program.name, stderr)));
        let mut status = self.status.clone();
        let earn = async {
            // The status may still be that of its predecessor.
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
            // A process that hangs in a driver may survive even SIGKILL.
            End::Wedged(_) => _ = tokio::time::timeout(GRACE, child.kill()).await,
            End::Stopped => {
                drop(stdin);
                if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                    _ = child.kill().await;
                }
            }
        }
        if let Some(log) = log {
            // Wait for its last log lines, which say why; a process that it left behind may keep the pipe open.
            let abort = log.abort_handle();
            if tokio::time::timeout(Duration::from_millis(50), log).await.is_err() {
                abort.abort();
            }
        }
        end
    }
}

/// Copies a child's standard error into our log, until it is closed.
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
    fn an_engine_program_inherits_no_secret() {
        let program = Program { name: "llm", path: "/bin/true".into(), arguments: Vec::new() };
        let command = program.command();
        for name in [
            "VISAVIS_LLM_KEY",
            "VISAVIS_LLM_HEADERS",
            "VISAVIS_STT_KEY",
            "VISAVIS_STT_HEADERS",
            "VISAVIS_STT_URL",
            "VISAVIS_TOOLS_WEBHOOKS",
            "VISAVIS_SERVER_ADMIN_KEY",
            "VISAVIS_SERVER_ICE_SERVERS",
        ] {
            let removed = command.as_std().get_envs().any(|(key, value)| key == name && value.is_none());
            assert!(removed, "{name}");
        }
    }

    #[test]
    fn the_first_restart_is_after_a_tenth_of_a_second_and_pauses_grow_while_it_fails() {
        let mut backoff = Backoff::new();
        let failing: Vec<_> = (0..9).map(|_| backoff.after(false).as_millis()).collect();
        assert_eq!(failing, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(backoff.after(true), Backoff::FIRST);
        assert_eq!(backoff.after(false), Backoff::FIRST * 2);
    }
}
