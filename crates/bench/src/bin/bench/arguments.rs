//! The command line of `bench`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use visavis_bench::avatar::lips;
use visavis_bench::conversation::scenarios;
use visavis_bench::conversation::script::Scenario;
use visavis_bench::failures::{Blow, Phase, Victim};
use visavis_bench::{loss, relay, survive, voices};
use visavis_client::Mode;

/// Measures a running server with real calls, and the face and the voices without one.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Subcommand)]
pub(crate) enum What {
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
    /// Exit code: 0 when it adds at most 5 ms to the 95th percentile and 99 % of the packets come, 1 otherwise, 2 when an argument is
    /// wrong or the relay fails.
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
pub(crate) struct Shared {
    /// The transport
    #[arg(long, value_enum, default_value = "webrtc")]
    pub(crate) mode: Mode,
    /// The language, ISO 639-1 [default: identified]
    #[arg(long)]
    pub(crate) language: Option<String>,
    /// Seconds until a response counts as missing
    #[arg(long, default_value_t = 15, value_name = "SECONDS")]
    pub(crate) patience: u64,
    /// The server's process [default: the one that listens on the address, if on this machine]
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct AvatarArguments {
    /// The server, as http://HOST:PORT
    #[arg(long, required_unless_present = "lips")]
    pub(crate) server: Option<String>,
    /// Score the lips by the gap between them instead, over texts in three languages; needs no server
    #[arg(long, conflicts_with = "server")]
    pub(crate) lips: bool,
    /// With --lips: use the texts that the lips were tuned on, instead of the held-out ones
    #[arg(long, requires = "lips")]
    pub(crate) tuning: bool,
    /// With --lips: what the lips are animated from
    #[arg(long, value_enum, default_value = "best", requires = "lips")]
    pub(crate) from: lips::From,
    /// How long the agent is kept speaking
    #[arg(long, default_value_t = 1.0, value_parser = minutes)]
    pub(crate) minutes: f64,
    /// Packets are delayed by up to twice this, each way
    #[arg(long, default_value_t = 0, value_name = "MS", value_parser = clap::value_parser!(u32).range(..=1_000))]
    pub(crate) jitter: u32,
    /// Percentage of packets lost, each way
    #[arg(long, default_value_t = 0, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=50))]
    pub(crate) loss: u8,
    /// The folder of the page's tests, with its packages installed (`npm ci`)
    #[arg(long, value_name = "FOLDER", default_value = "tests/browser")]
    pub(crate) tests: PathBuf,
    /// The transport
    #[arg(long, value_enum, default_value = "webrtc")]
    pub(crate) mode: Mode,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ConversationArguments {
    /// The server, as http://HOST:PORT
    #[arg(long, required_unless_present_any = ["list", "make_speech"])]
    pub(crate) server: Option<String>,
    /// How often each scenario is played; the targets assume at least 20 turns
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) repeat: u16,
    /// Only these scenarios
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = scenario)]
    pub(crate) only: Vec<Scenario>,
    /// List the scenarios and exit
    #[arg(long)]
    pub(crate) list: bool,
    /// Only synthesise the speech, into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "speech")]
    pub(crate) make_speech: Option<PathBuf>,
    /// The folder with the synthesised speech [default: speech/conversation in the models directory]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) speech: Option<PathBuf>,
    /// The models directory
    #[arg(long, value_name = "FOLDER")]
    pub(crate) models: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Args)]
pub(crate) struct FailureArguments {
    /// The server, as http://HOST:PORT
    #[arg(long)]
    pub(crate) server: String,
    /// How often each combination is tried
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) repeat: u16,
    /// How engines fail
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', default_values_t = [Blow::Stop, Blow::Kill])]
    pub(crate) blow: Vec<Blow>,
    /// Which engines fail
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', default_values_t = [Victim::Stt, Victim::Llm, Victim::Tts])]
    pub(crate) engine: Vec<Victim>,
    /// When they fail
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', default_values_t = Phase::value_variants().to_vec())]
    pub(crate) phase: Vec<Phase>,
    /// A WAV file, spoken as a question [default: jfk.wav]
    #[arg(long)]
    pub(crate) speech: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Args)]
pub(crate) struct HostileArguments {
    /// The server, as http://HOST:PORT
    #[arg(long)]
    pub(crate) server: String,
    /// Questions per call
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) turns: u16,
    /// WAV files, or folders of them, spoken in turn [default: jfk.wav]
    #[arg(long, num_args = 1..)]
    pub(crate) speech: Vec<PathBuf>,
    /// At the end, send SIGTERM to the server during attacks and while the agent talks
    #[arg(long)]
    pub(crate) term: bool,
    /// With --term: the server's `server.drain_seconds`, which is not read from it [default: that of the configuration]
    #[arg(long, value_name = "SECONDS", requires = "term")]
    pub(crate) drain: Option<u64>,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Args)]
pub(crate) struct CallArguments {
    /// The server, as http://HOST:PORT
    #[arg(long)]
    pub(crate) server: String,
    /// Calls at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    pub(crate) calls: u16,
    /// Questions per call
    #[arg(long, default_value_t = 5)]
    pub(crate) turns: usize,
    /// WAV files, or folders of them, spoken in turn; a .txt file beside one contains its words [default: jfk.wav]
    #[arg(long, num_args = 1..)]
    pub(crate) speech: Vec<PathBuf>,
    /// Ask nothing: keep the calls connected and listening for this many seconds
    #[arg(long, value_name = "SECONDS", conflicts_with = "churn")]
    pub(crate) idle: Option<u64>,
    /// With --idle: the microphones are muted, and send as Chromium does: over WebRTC two packets every 420 ms (Opus DTX)
    #[arg(long, requires = "idle", conflicts_with = "background")]
    pub(crate) muted: bool,
    /// Ask nothing: open and close this many calls, --calls at a time
    #[arg(long, value_name = "N")]
    pub(crate) churn: Option<usize>,
    /// Interrupt each response with the next question, this many milliseconds after its first sound
    #[arg(long, value_name = "MS", conflicts_with_all = ["churn", "idle"])]
    pub(crate) interrupt: Option<u64>,
    /// What microphones hear between questions
    #[arg(long, value_enum, default_value = "room")]
    pub(crate) background: Background,
    /// Milliseconds between the starts of two calls
    #[arg(long, default_value_t = 300, value_name = "MS")]
    pub(crate) stagger: u64,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Background {
    /// A quiet room at −60 dBFS
    Room,
    /// Digital silence
    Silence,
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.1..=120.0).contains(minutes));
    minutes.ok_or_else(|| "expected 0.1 to 120 minutes".into())
}

fn scenario(name: &str) -> Result<Scenario, String> {
    let all = scenarios::all();
    let known = || all.iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
    let found = all.iter().find(|one| one.name == name);
    found.copied().ok_or_else(|| format!("there is no such scenario; choose from {}", known()))
}
