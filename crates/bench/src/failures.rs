//! Engines stopped or killed in the middle of a turn: does the call go on, and how soon is the agent heard again?

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::{Settings, process};
use visavis_client::turn::{Question, TurnLog, TurnReport, ended, settle, wait_until};
use visavis_client::{Call, ClientError, ClientMessage, Event, Server, ServerMessage};

/// Longest silence allowed while a response is due.
const NEXT_SOUND_MS: f64 = 4_000.0;
/// How long an engine may take to come back.
const READY_WITHIN: Duration = Duration::from_secs(30);
const SILENT_FOR: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// How an engine is made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Blow {
    /// SIGSTOP: it hangs.
    Stop,
    /// SIGKILL: it dies.
    Kill,
}

/// Which engine is made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say which engine it is")]
pub enum Victim {
    Stt,
    Llm,
    Tts,
}

/// The phase of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The person has begun to speak.
    Listening,
    /// The first words are recognised.
    Transcript,
    /// The model has been asked, and no word of the response has arrived.
    FirstToken,
    /// The response sounds.
    Speaking,
    /// The model has called a tool, which small models rarely do.
    Tool,
}

/// Which failures to cause.
#[derive(Debug, Clone)]
pub struct Options {
    /// The kinds of failure.
    pub blows: Vec<Blow>,
    /// The engines.
    pub victims: Vec<Victim>,
    /// The phases.
    pub phases: Vec<Phase>,
    /// Repetitions of each combination.
    pub repeat: usize,
    /// The question in phases that need a spoken one.
    pub spoken: Question,
    /// How long a response may take.
    pub patience: Duration,
}

/// The outcome of one turn.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// The kind of failure.
    pub blow: Blow,
    /// The engine.
    pub victim: Victim,
    /// The phase.
    pub phase: Phase,
    /// Whether the phase was reached and the engine was made to fail.
    pub struck: bool,
    /// Longest silence after the failure or, if later, after the question's end, in ms; none: there was no further sound.
    pub next_sound_ms: Option<f64>,
    /// The response's words.
    pub response_text: String,
    /// From the failure until the engine had been restarted and was ready, in ms.
    pub ready_ms: Option<f64>,
    /// The server's notices.
    pub notices: Vec<String>,
}

impl Trial {
    /// What went wrong; empty: nothing.
    #[must_use]
    pub fn faults(&self) -> Vec<&'static str> {
        if !self.struck {
            return Vec::new();
        }
        let faults = [
            (self.response_text.is_empty(), "the question was not answered"),
            (self.next_sound_ms.is_none_or(|ms| ms > NEXT_SOUND_MS), "the next sound came late"),
            (self.ready_ms.is_none(), "the engine did not come back"),
        ];
        faults.into_iter().filter_map(|(wrong, what)| wrong.then_some(what)).collect()
    }
}

/// The outcome of all turns.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The turns.
    pub trials: Vec<Trial>,
    /// Calls that ended.
    pub ended: Vec<String>,
    /// Whether nothing went wrong.
    pub passed: bool,
}

/// Runs all trials in one call; starts another only if it ends, and for each trial with a tool.
///
/// # Errors
/// When the server does not run on this machine, or no call can be made.
pub async fn run(
    settings: &Settings,
    options: &Options,
    mut tell: impl FnMut(&Trial),
) -> anyhow::Result<Report> {
    let server =
        settings.pid.context("the server's process was not found on this machine; give it with --pid")?;
    let mut report = Report::default();
    let mut call = begin(settings).await?;
    for _ in 0..options.repeat {
        for &phase in &options.phases {
            for &victim in &options.victims {
                for &blow in &options.blows {
                    if phase == Phase::Tool {
                        // In a running conversation a small model calls no tools.
                        call.hang_up().await;
                        call = begin(settings).await?;
                    }
                    let turn = Turn { server, blow, victim, phase };
                    match Box::pin(turn.play(&mut call, settings, options)).await {
                        Ok(trial) => {
                            tell(&trial);
                            report.trials.push(trial);
                        }
                        Err(error) => {
                            report.ended.push(format!("{blow:?} {victim:?} {phase:?}: {error}"));
                            call = begin(settings).await?;
                        }
                    }
                }
            }
        }
    }
    call.hang_up().await;
    report.passed = report.ended.is_empty() && report.trials.iter().all(|trial| trial.faults().is_empty());
    Ok(report)
}

async fn begin(settings: &Settings) -> Result<Call, ClientError> {
    let mut call = settings.start().await?;
    settle(&mut call, SILENT_FOR, LONGEST_REST).await?;
    Ok(call)
}

struct Turn {
    server: u32,
    blow: Blow,
    victim: Victim,
    phase: Phase,
}

impl Turn {
    async fn play(&self, call: &mut Call, settings: &Settings, options: &Options) -> anyhow::Result<Trial> {
        let before = restarts(&settings.server).await.context("the server has no metrics")?;
        let mut log = TurnLog::default();
        if self.phase == Phase::Tool {
            call.send(ClientMessage::SetTools(json!([{
                "name": "get_weather",
                "description": "Tells the weather of a city. Call it whenever the weather is asked for.",
                "parameters": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] }
            }])))
            .await?;
        }
        let server = settings.server.clone();
        let (strikes, struck) = oneshot::channel();
        let watching = tokio::spawn(async move {
            let struck: Instant = struck.await.ok()?;
            back(&server, before, struck).await.then(|| struck.elapsed().as_secs_f64() * 1_000.0)
        });
        let struck = self.ask(call, options, &mut log, strikes).await?;
        if self.phase == Phase::Tool {
            call.send(ClientMessage::SetTools(json!([]))).await?;
        }
        let next_sound_ms = struck.and_then(|struck| longest_silence(&log, struck));
        let TurnReport { response_text, notices, .. } = log.report();
        let ready_ms = watching.await?;
        settle(call, SILENT_FOR, LONGEST_REST).await?;
        let Self { blow, victim, phase, .. } = *self;
        Ok(Trial {
            blow,
            victim,
            phase,
            struck: struck.is_some(),
            next_sound_ms,
            response_text,
            ready_ms,
            notices,
        })
    }

    /// Asks, makes the engine fail when the phase begins, and listens to the response's end.
    async fn ask(
        &self,
        call: &mut Call,
        options: &Options,
        log: &mut TurnLog,
        strikes: oneshot::Sender<Instant>,
    ) -> anyhow::Result<Option<Instant>> {
        let mut strikes = Some(strikes);
        let question = match self.phase {
            Phase::Listening | Phase::Transcript => options.spoken.clone(),
            Phase::FirstToken | Phase::Speaking => Question::Typed("Tell me something about the sea.".into()),
            Phase::Tool => Question::Typed("How is the weather in Paris?".into()),
        };
        let mut spoken = call.put(&question, log).await?;
        let mut struck = None;
        loop {
            let deadline = log.deadline(options.patience);
            tokio::select! {
                at = async { spoken.as_mut().expect("checked by the branch").await }, if spoken.is_some() => {
                    spoken = None;
                    log.asked(at.map_err(|_| ended(log))?);
                }
                arrived = call.next() => {
                    let arrived = arrived.ok_or_else(|| ended(log))?;
                    if struck.is_none() && self.begins(&arrived.event) {
                        self.strike()?;
                        let now = Instant::now();
                        struck = Some(now);
                        if let Some(strikes) = strikes.take() {
                            _ = strikes.send(now);
                        }
                    }
                    if let Event::Message(ServerMessage::ToolCalled { id, .. }) = &arrived.event {
                        let result = json!({ "weather": "sunny, 20 degrees" });
                        call.send(ClientMessage::ToolResult { id: id.clone(), result }).await?;
                    }
                    log.event(arrived);
                }
                () = wait_until(deadline) => return Ok(struck),
            }
            if log.closed.is_some() {
                return Err(ended(log).into());
            }
        }
    }

    fn begins(&self, event: &Event) -> bool {
        let Event::Message(message) = event else { return false };
        match self.phase {
            Phase::Listening => matches!(message, ServerMessage::UserStartedSpeaking),
            Phase::Transcript => matches!(message, ServerMessage::UserTranscription { .. }),
            Phase::FirstToken => matches!(message, ServerMessage::BotLlmStarted { .. }),
            Phase::Speaking => matches!(message, ServerMessage::BotStartedSpeaking { .. }),
            Phase::Tool => matches!(message, ServerMessage::ToolCalled { .. }),
        }
    }

    fn strike(&self) -> anyhow::Result<()> {
        let signal = match self.blow {
            Blow::Stop => "-STOP",
            Blow::Kill => "-KILL",
        };
        let name = match self.victim {
            Victim::Stt => "visavis-stt",
            Victim::Llm => "visavis-llm",
            Victim::Tts => "visavis-tts",
        };
        let pid = process::tree(self.server).find(name).with_context(|| format!("{name} is not running"))?;
        let done = Command::new("kill").args([signal, &pid.to_string()]).status()?;
        ensure!(done.success(), "{name} cannot be signalled");
        Ok(())
    }
}

/// Longest silence while a response was due.
fn longest_silence(log: &TurnLog, struck: Instant) -> Option<f64> {
    let mut silent_since = log.asked_at().map_or(struck, |asked| asked.max(struck));
    let mut longest = None;
    for span in log.hearing().spans() {
        if span.end > silent_since {
            longest = longest.max(Some(span.start.saturating_duration_since(silent_since)));
            silent_since = span.end;
        }
    }
    longest.map(|silence| silence.as_secs_f64() * 1_000.0)
}

async fn restarts(server: &Server) -> Option<f64> {
    let metrics = server.http().get(server.url("metrics")).send().await.ok()?.text().await.ok()?;
    let counts = metrics.lines().filter(|line| line.starts_with("visavis_engine_restarts_total{"));
    Some(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// Waits until an engine has been restarted and the server is ready; false: it did not come back.
async fn back(server: &Server, before: f64, struck: Instant) -> bool {
    while struck.elapsed() < READY_WITHIN {
        let ready = server.http().get(server.url("ready")).send().await;
        let is_ready = ready.is_ok_and(|response| response.status().is_success());
        if is_ready && restarts(server).await.is_some_and(|count| count > before) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}
