//! Drives real calls against a running server and measures latency, cost and failures; measures lips and voices without one.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use visavis_bench::avatar::{browser, lips};
use visavis_bench::calls::{self, Questions};
use visavis_bench::conversation::scenarios::{SCENARIOS, Scenario};
use visavis_bench::failures::{self, Blow, Phase, Victim};
use visavis_bench::harness::{default_speech, load_speech, models_folder, speech_folder};
use visavis_bench::{
    Settings, churn, conversation, hostile, idle, interrupt, loss, process, relay, survive, table, voices,
};
use visavis_client::turn::Question;
use visavis_client::{Clip, Mode, Server};
use visavis_config::Sources;

/// Measures a running server with real calls, and the face and the voices without one.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Calls that ask spoken questions, only listen (--idle), or are opened and closed (--churn)
    ///
    /// Exit code: 0 when every question was answered and no call failed, 1 otherwise, 2 when an argument is wrong.
    Call(CallArguments),
    /// Scripted spoken scenarios, judged against targets: thinking pauses, backchannels, interruptions and the like
    ///
    /// Get the speakers with `visavis models fetch kokoro-82m-int8 speech-jfk`; what they say is synthesised once and kept.
    /// Exit code: 0 when no target was missed, 1 otherwise, 2 when an argument is wrong or a model is missing.
    Conversation(ConversationArguments),
    /// Stop (hang) and kill each engine in each phase of a turn, and measure how soon the agent is heard again, whether it
    /// responds, and whether the engine comes back. The server must run on this machine
    ///
    /// Exit code: 0 when every trial passed and no call ended, 1 otherwise, 2 when an argument is wrong.
    Failures(FailureArguments),
    /// A call, then the same call beside a client that attacks the server in every way at once, within bounds: how much later
    /// its responses come, what the server holds meanwhile and afterwards, and with --term how soon SIGTERM ends it. The server
    /// must run on this machine; attack only one that you run for tests
    ///
    /// A server on a loopback address is attacked from 127.0.0.2, so that its limit of connections per address does not affect
    /// the call. Callers on the server's machine have no limit per address: start it with `--set
    /// 'server.trusted_proxies=["127.0.0.2"]'` to have the attacks counted as calls of one address. Exit code: 0 when responses
    /// came at most 1.5 times as late, memory came back, /health was always answered and SIGTERM ended the server in time, 1
    /// otherwise, 2 when an argument is wrong.
    Hostile(HostileArguments),
    /// Calls that outlive their server: `kill` and `reload` cut answers off in the middle, and measure how soon the agent is
    /// heard again, at which word it goes on, and whether it knows what it was told before; `rollout` restarts two servers behind
    /// nginx under four callers and `redis` takes the servers' Redis away, and both count the turns and words that are lost
    ///
    /// It starts servers of its own, with a store in a scratch folder: `bench survive kill --binaries target/release`.
    /// `rollout` needs Debian's nginx-light and redis-tools, `redis` the latter. The questions are spoken by Kokoro: `visavis
    /// models fetch kokoro-82m-int8`. Exit code: 0 when no target was missed, 1
    /// otherwise, 2 when an argument is wrong, or a program or a model is missing.
    Survive(survive::Options),
    /// Answers over a network that loses 20 % of the packets and delays others by up to 200 ms, each way: a recogniser says what
    /// it has understood, which is compared with the captions, and with what it understands without that
    ///
    /// The packets are led through a proxy in this program. Exit code: 0 when at most 10 more words in a hundred were misheard,
    /// 1 otherwise, 2 when an argument is wrong, a model is missing or the call ended.
    Loss(loss::Options),
    /// What the embedded relay adds to the way of a packet: 50 calls' worth of packets on loopback, straight and through it; needs
    /// no server
    ///
    /// Exit code: 0 when it adds at most 5 ms to the 95th percentile, 1 otherwise, 2 when an argument is wrong or the relay
    /// fails.
    Relay(relay::Options),
    /// The face against the voice in a real Chromium, driven by node: skew, drift, and the mouth after an interruption; with
    /// --lips, a score of the lips
    ///
    /// Exit code: 0 when no target was missed, 1 otherwise, 2 when an argument is wrong or node or the browser fails.
    Avatar(AvatarArguments),
    /// Voices, without a server: what a recogniser hears, how soon they begin, the lips, and many syntheses at once
    ///
    /// Get the models with `visavis models fetch --profile voices`. Exit code: 0 when no target was missed, 1 otherwise, 2
    /// when an argument is wrong, a model is missing or an engine fails.
    Voices(voices::Options),
}

/// Arguments shared by all measurements with calls.
#[derive(Args)]
struct Shared {
    /// The transport
    #[arg(long, value_enum, default_value = "webrtc")]
    mode: Mode,
    /// The language, ISO 639-1 [default: identified]
    #[arg(long)]
    language: Option<String>,
    /// Seconds until a response counts as missing
    #[arg(long, default_value_t = 15, value_name = "SECONDS")]
    patience: u64,
    /// The server's process [default: the one that listens on the address, if on this machine]
    #[arg(long)]
    pid: Option<u32>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct AvatarArguments {
    /// The server, as http://HOST:PORT
    #[arg(long, required_unless_present = "lips")]
    server: Option<String>,
    /// Score the lips by the gap between them instead, over texts in three languages; needs no server
    #[arg(long, conflicts_with = "server")]
    lips: bool,
    /// With --lips: use the texts that the lips were tuned on, instead of the held-out ones
    #[arg(long, requires = "lips")]
    tuning: bool,
    /// With --lips: what the lips are animated from
    #[arg(long, value_enum, default_value = "best", requires = "lips")]
    from: lips::From,
    /// How long the agent is kept speaking
    #[arg(long, default_value_t = 1.0, value_parser = minutes)]
    minutes: f64,
    /// Packets are delayed by up to twice this, each way
    #[arg(long, default_value_t = 0, value_name = "MS", value_parser = clap::value_parser!(u32).range(..=1_000))]
    jitter: u32,
    /// Percentage of packets lost, each way
    #[arg(long, default_value_t = 0, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=50))]
    loss: u8,
    /// The folder of the page's tests, with its packages installed (`npm ci`)
    #[arg(long, value_name = "FOLDER", default_value = "tests/browser")]
    tests: PathBuf,
    /// The transport
    #[arg(long, value_enum, default_value = "webrtc")]
    mode: Mode,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ConversationArguments {
    /// The server, as http://HOST:PORT
    #[arg(long, required_unless_present_any = ["list", "make_speech"])]
    server: Option<String>,
    /// How often each scenario is played; the targets assume at least 20 turns
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    repeat: u16,
    /// Only these scenarios
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = scenario)]
    only: Vec<Scenario>,
    /// List the scenarios and exit
    #[arg(long)]
    list: bool,
    /// Only synthesise the speech, into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "speech")]
    make_speech: Option<PathBuf>,
    /// The folder with the synthesised speech [default: speech/conversation in the models directory]
    #[arg(long, value_name = "FOLDER")]
    speech: Option<PathBuf>,
    /// The models directory
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args)]
struct FailureArguments {
    /// The server, as http://HOST:PORT
    #[arg(long)]
    server: String,
    /// How often each combination is tried
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    repeat: u16,
    /// How engines fail
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', default_values_t = [Blow::Stop, Blow::Kill])]
    blow: Vec<Blow>,
    /// Which engines fail
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', default_values_t = [Victim::Stt, Victim::Llm, Victim::Tts])]
    engine: Vec<Victim>,
    /// When they fail
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', default_values_t = Phase::value_variants().to_vec())]
    phase: Vec<Phase>,
    /// A WAV file, spoken as a question [default: jfk.wav]
    #[arg(long)]
    speech: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args)]
struct HostileArguments {
    /// The server, as http://HOST:PORT
    #[arg(long)]
    server: String,
    /// Questions per call
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    turns: u16,
    /// WAV files, or folders of them, spoken in turn [default: jfk.wav]
    #[arg(long, num_args = 1..)]
    speech: Vec<PathBuf>,
    /// At the end, send SIGTERM to the server during attacks and while the agent talks
    #[arg(long)]
    term: bool,
    /// With --term: the server's `server.drain_seconds`, which is not read from it [default: that of the configuration]
    #[arg(long, value_name = "SECONDS", requires = "term")]
    drain: Option<u64>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args)]
struct CallArguments {
    /// The server, as http://HOST:PORT
    #[arg(long)]
    server: String,
    /// Calls at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    calls: u16,
    /// Questions per call
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// WAV files, or folders of them, spoken in turn; a .txt file beside one contains its words [default: jfk.wav]
    #[arg(long, num_args = 1..)]
    speech: Vec<PathBuf>,
    /// Ask nothing: keep the calls connected and listening for this many seconds
    #[arg(long, value_name = "SECONDS", conflicts_with = "churn")]
    idle: Option<u64>,
    /// Ask nothing: open and close this many calls, --calls at a time
    #[arg(long, value_name = "N")]
    churn: Option<usize>,
    /// Interrupt each response with the next question, this many milliseconds after its first sound
    #[arg(long, value_name = "MS", conflicts_with_all = ["churn", "idle"])]
    interrupt: Option<u64>,
    /// What microphones hear between questions
    #[arg(long, value_enum, default_value = "room")]
    background: Background,
    /// Milliseconds between the starts of two calls
    #[arg(long, default_value_t = 300, value_name = "MS")]
    stagger: u64,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Clone, Copy, ValueEnum)]
enum Background {
    /// A quiet room at −60 dBFS
    Room,
    /// Digital silence
    Silence,
}

fn main() -> ExitCode {
    visavis_proto::host::silence_onnxruntime();
    measure()
}

#[tokio::main]
async fn measure() -> ExitCode {
    let done = match Arguments::parse().what {
        What::Call(arguments) => Box::pin(call(arguments)).await,
        What::Conversation(arguments) => Box::pin(converse(arguments)).await,
        What::Failures(arguments) => Box::pin(fail(arguments)).await,
        What::Hostile(arguments) => Box::pin(attack(arguments)).await,
        What::Survive(options) => Box::pin(outlive(&options)).await,
        What::Loss(options) => Box::pin(lose(&options)).await,
        What::Relay(options) => Box::pin(detour(&options)).await,
        What::Avatar(arguments) => Box::pin(face(arguments)).await,
        What::Voices(options) => Box::pin(speak(&options)).await,
    };
    match done {
        Ok(passed) => ExitCode::from(u8::from(!passed)),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn call(arguments: CallArguments) -> anyhow::Result<bool> {
    let settings = settings(&arguments)?;
    must_answer(&settings.server).await?;
    let json = arguments.shared.json;
    if let Some(seconds) = arguments.idle {
        let report = Box::pin(idle::run(&settings, Duration::from_secs(seconds))).await;
        print(json, &report, table::idle)?;
        return Ok(report.faults.is_empty());
    }
    if let Some(count) = arguments.churn {
        let report = Box::pin(churn::run(&settings, count)).await;
        print(json, &report, table::churn)?;
        return Ok(report.faults.is_empty() && report.forgotten_after_s.is_some());
    }
    let speech = if arguments.speech.is_empty() { vec![default_speech()] } else { arguments.speech };
    let clips = load_speech(&speech)?.into_iter().map(Arc::new).collect();
    let patience = Duration::from_secs(arguments.shared.patience);
    let questions = Questions { clips, turns: arguments.turns, patience };
    if let Some(after) = arguments.interrupt {
        let after = Duration::from_millis(after);
        let report = Box::pin(interrupt::run(&settings, &questions, after)).await;
        print(json, &report, table::interrupt)?;
        return Ok(report.faults.is_empty() && report.not_cut_off + report.missing == 0);
    }
    let report = Box::pin(calls::run(&settings, &questions)).await;
    print(json, &report, table::calls)?;
    Ok(report.faults.is_empty() && report.missing == 0)
}

async fn converse(arguments: ConversationArguments) -> anyhow::Result<bool> {
    if arguments.list {
        let lines: String = SCENARIOS.iter().map(|one| format!("{:<12}{}\n", one.name, one.about)).collect();
        let _ = std::io::stdout().write_all(lines.as_bytes());
        return Ok(true);
    }
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let folder = arguments.make_speech.as_ref().or(arguments.speech.as_ref());
    let options = conversation::Options {
        scenarios: if arguments.only.is_empty() { SCENARIOS.to_vec() } else { arguments.only },
        repeat: usize::from(arguments.repeat),
        patience: Duration::from_secs(arguments.shared.patience),
        models: arguments.models.unwrap_or_else(models_folder),
        clips: folder.cloned().unwrap_or_else(|| speech_folder().join("conversation")),
    };
    if arguments.make_speech.is_some() {
        let lines = conversation::make_speech(&options, &mut tell)?;
        tell(&format!("{lines} lines are ready; their phrases are in {}", options.clips.display()));
        return Ok(true);
    }
    let server = Server::new(&arguments.server.unwrap_or_default())?;
    must_answer(&server).await?;
    let settings = one_call(server, &arguments.shared);
    let report = Box::pin(conversation::run(&settings, &options, &mut tell)).await?;
    print(arguments.shared.json, &report, table::conversation)?;
    Ok(report.passed)
}

async fn fail(arguments: FailureArguments) -> anyhow::Result<bool> {
    let server = Server::new(&arguments.server)?;
    must_answer(&server).await?;
    let mut clips = load_speech(&[arguments.speech.unwrap_or_else(default_speech)])?;
    let clip = clips.pop().ok_or_else(|| anyhow::anyhow!("--speech: no WAV file"))?;
    let options = failures::Options {
        blows: arguments.blow,
        victims: arguments.engine,
        phases: arguments.phase,
        repeat: usize::from(arguments.repeat),
        spoken: Question::Spoken(Arc::new(clip)),
        patience: Duration::from_secs(arguments.shared.patience),
    };
    let settings = one_call(server, &arguments.shared);
    let tell = |trial: &failures::Trial| {
        let told = serde_json::to_string(trial).unwrap_or_default();
        drop(writeln!(std::io::stderr(), "{told}"));
    };
    let report = Box::pin(failures::run(&settings, &options, tell)).await?;
    print(arguments.shared.json, &report, table::failures)?;
    Ok(report.passed)
}

async fn attack(arguments: HostileArguments) -> anyhow::Result<bool> {
    let server = Server::new(&arguments.server)?;
    must_answer(&server).await?;
    let speech = if arguments.speech.is_empty() { vec![default_speech()] } else { arguments.speech };
    let clips = load_speech(&speech)?.into_iter().map(Arc::new).collect();
    let patience = Duration::from_secs(arguments.shared.patience);
    let options = hostile::Options {
        questions: Questions { clips, turns: usize::from(arguments.turns), patience },
        term: arguments.term,
        drain: arguments.drain.map(Duration::from_secs),
    };
    let settings = one_call(server, &arguments.shared);
    let tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(hostile::run(&settings, &options, tell)).await?;
    print(arguments.shared.json, &report, hostile::table::report)?;
    Ok(report.passed)
}

async fn outlive(options: &survive::Options) -> anyhow::Result<bool> {
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(survive::run(options, &mut tell)).await?;
    print(options.json, &report, survive::table::report)?;
    Ok(report.passed)
}

async fn lose(options: &loss::Options) -> anyhow::Result<bool> {
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(loss::run(options, &mut tell)).await?;
    print(options.json, &report, loss::table)?;
    Ok(report.passed)
}

async fn detour(options: &relay::Options) -> anyhow::Result<bool> {
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(relay::run(options, &mut tell)).await?;
    print(options.json, &report, relay::table)?;
    Ok(report.passed)
}

async fn face(arguments: AvatarArguments) -> anyhow::Result<bool> {
    let Some(address) = arguments.server else {
        let config = visavis_config::load(&Sources::from_process(None, Vec::new()))?;
        let report = lips::report(&config, !arguments.tuning, arguments.from).await?;
        print(arguments.json, &report, table::lips)?;
        return Ok(report.passed);
    };
    let server = Server::new(&address)?;
    must_answer(&server).await?;
    let options = browser::Options {
        server,
        mode: arguments.mode,
        minutes: arguments.minutes,
        jitter_ms: arguments.jitter,
        loss_percent: f64::from(arguments.loss),
        tests: arguments.tests,
    };
    let report = Box::pin(browser::run(&options)).await?;
    print(arguments.json, &report, table::face)?;
    Ok(report.passed)
}

async fn speak(options: &voices::Options) -> anyhow::Result<bool> {
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(voices::run(options, &mut tell)).await?;
    print(options.json, &report, voices::table::report)?;
    Ok(report.passed)
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.1..=120.0).contains(minutes));
    minutes.ok_or_else(|| "expected 0.1 to 120 minutes".into())
}

fn scenario(name: &str) -> Result<Scenario, String> {
    let known = || SCENARIOS.iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
    let found = SCENARIOS.iter().find(|one| one.name == name);
    found.copied().ok_or_else(|| format!("there is no such scenario; choose from {}", known()))
}

fn settings(arguments: &CallArguments) -> anyhow::Result<Settings> {
    let server = Server::new(&arguments.server)?;
    let background = match arguments.background {
        Background::Room => Clip::room_noise(),
        Background::Silence => Clip::silence(),
    };
    Ok(Settings {
        calls: usize::from(arguments.calls),
        stagger: Duration::from_millis(arguments.stagger),
        background,
        ..one_call(server, &arguments.shared)
    })
}

/// One call at a time, from a room.
fn one_call(server: Server, shared: &Shared) -> Settings {
    Settings {
        pid: shared.pid.or_else(|| process::listener(server.local_port()?)),
        server,
        mode: shared.mode,
        calls: 1,
        stagger: Duration::ZERO,
        background: Clip::room_noise(),
        language: shared.language.clone(),
    }
}

/// Fails with what to do where nothing answers at the server's address.
async fn must_answer(server: &Server) -> anyhow::Result<()> {
    let health = server.http().get(server.url("health")).send().await;
    health.map_err(|error| server.unreachable(&error))?;
    Ok(())
}

fn print<T: serde::Serialize>(json: bool, report: &T, table: impl Fn(&T) -> String) -> anyhow::Result<()> {
    let text = if json { serde_json::to_string_pretty(report)? + "\n" } else { table(report) };
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
