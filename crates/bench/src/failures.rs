//! Engines that are stopped or killed in the middle of a turn: does the call go on, and how soon is it heard to?

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

/// The most that may pass without a sound while an answer is owed.
const NEXT_SOUND_MS: f64 = 4_000.0;
/// How long an engine may take to be back.
const READY_WITHIN: Duration = Duration::from_secs(30);
const SILENT_FOR: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// What is done to an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Blow {
    /// SIGSTOP: it hangs.
    Stop,
    /// SIGKILL: it is gone.
    Kill,
}

/// Which engine it is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the engines are described where they are")]
pub enum Victim {
    Stt,
    Llm,
    Tts,
}

/// Where in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The person has begun to speak.
    Listening,
    /// The first words are recognised.
    Transcript,
    /// The question is put, and no word of the answer is there.
    FirstToken,
    /// The answer sounds.
    Speaking,
    /// The model has called a tool, which small models seldom do.
    Tool,
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// How.
    pub blows: Vec<Blow>,
    /// To whom.
    pub victims: Vec<Victim>,
    /// When.
    pub phases: Vec<Phase>,
    /// How often each.
    pub repeat: usize,
    /// What is asked where words are spoken.
    pub spoken: Question,
    /// How long an answer may take.
    pub patience: Duration,
}

/// What became of one turn.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// How.
    pub blow: Blow,
    /// To whom.
    pub victim: Victim,
    /// When.
    pub phase: Phase,
    /// The phase came, and so did the blow.
    pub struck: bool,
    /// The longest time without a sound, from the blow or, if that is later, from the question's end, in ms; none: no sound
    /// came any more.
    pub next_sound_ms: Option<f64>,
    /// The answer's words.
    pub answer: String,
    /// From the blow until the engine had been started again and was ready, in ms.
    pub ready_ms: Option<f64>,
    /// What the server said of it.
    pub notices: Vec<String>,
}

impl Trial {
    /// What is wrong with it; empty: nothing.
    #[must_use]
    pub fn faults(&self) -> Vec<&'static str> {
        if !self.struck {
            return Vec::new();
        }
        let faults = [
            (self.answer.is_empty(), "the question was not answered"),
            (self.next_sound_ms.is_none_or(|ms| ms > NEXT_SOUND_MS), "the next sound came late"),
            (self.ready_ms.is_none(), "the engine did not come back"),
        ];
        faults.into_iter().filter_map(|(wrong, what)| wrong.then_some(what)).collect()
    }
}

/// What became of all.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Turn by turn.
    pub trials: Vec<Trial>,
    /// Calls that ended.
    pub ended: Vec<String>,
    /// Nothing is wrong.
    pub passed: bool,
}

/// Does all that `options` say in one call, and begins another only where that one ends, and for each tool.
///
/// # Errors
/// When the server does not run on this machine, or no call can be made.
pub async fn run(
    settings: &Settings,
    options: &Options,
    mut tell: impl FnMut(&Trial),
) -> anyhow::Result<Report> {
    let server = settings.pid.context("the server's process is not found here; name it with --pid")?;
    let mut report = Report::default();
    let mut call = begin(settings).await?;
    for _ in 0..options.repeat {
        for &phase in &options.phases {
            for &victim in &options.victims {
                for &blow in &options.blows {
                    if phase == Phase::Tool {
                        // A small model calls none once it has talked.
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
        let before = restarts(&settings.server).await.context("the server tells no metrics")?;
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
        let TurnReport { answer, notices, .. } = log.report();
        let ready_ms = watching.await?;
        settle(call, SILENT_FOR, LONGEST_REST).await?;
        let Self { blow, victim, phase, .. } = *self;
        Ok(Trial { blow, victim, phase, struck: struck.is_some(), next_sound_ms, answer, ready_ms, notices })
    }

    /// Asks, strikes when the time has come, and listens to the answer's end.
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
        let pid = process::tree(self.server).find(name).with_context(|| format!("{name} does not run"))?;
        let done = Command::new("kill").args([signal, &pid.to_string()]).status()?;
        ensure!(done.success(), "{name} cannot be signalled");
        Ok(())
    }
}

/// The longest time without a sound while an answer was owed.
fn longest_silence(log: &TurnLog, struck: Instant) -> Option<f64> {
    let mut silent_since = log.asked_at().map_or(struck, |asked| asked.max(struck));
    let mut longest = None;
    for stretch in log.hearing().stretches() {
        if stretch.end > silent_since {
            longest = longest.max(Some(stretch.start.saturating_duration_since(silent_since)));
            silent_since = stretch.end;
        }
    }
    longest.map(|silence| silence.as_secs_f64() * 1_000.0)
}

async fn restarts(server: &Server) -> Option<f64> {
    let metrics = server.http().get(server.url("metrics")).send().await.ok()?.text().await.ok()?;
    let counts = metrics.lines().filter(|line| line.starts_with("visavis_engine_restarts_total{"));
    Some(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// Waits until an engine has been started again and the server is ready; false: it does not come back.
async fn back(server: &Server, before: f64, struck: Instant) -> bool {
    while struck.elapsed() < READY_WITHIN {
        let ready = server.http().get(server.url("ready")).send().await;
        let is_ready = ready.is_ok_and(|answer| answer.status().is_success());
        if is_ready && restarts(server).await.is_some_and(|count| count > before) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}
