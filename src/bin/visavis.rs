//! The server's command line.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)] // a command's output goes to standard output

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;
use visavis::api::App;
use visavis::config::{Config, Flag, Route, Settings};
use visavis::engine::backends::child::program_beside;
use visavis::engine::model_files::ModelFiles;
use visavis::recording::cli::ReplayArgs;
use visavis::reload;
use visavis::runtime;
use visavis::server::Server;

/// Self-hosted real-time voice calls: open /call in a browser, speak, and hear a response.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take calls
    Serve {
        /// HTTP and WebSocket
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
        /// The one UDP port of all WebRTC calls
        #[arg(long, value_name = "ADDRESS:PORT")]
        udp: Option<SocketAddr>,
        /// The set of models: cpu, tiny, cpu-better, voices, gpu
        #[arg(long, value_name = "PROFILE")]
        profile: Option<String>,
        /// Relay for clients that cannot reach the UDP port (TURN)
        #[arg(long)]
        turn: bool,
    },
    /// Relay alone, for clients of servers elsewhere (TURN)
    Turn {
        /// UDP and TCP
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
    },
    /// List, fetch and check models
    #[command(
        disable_help_flag = true,
        override_usage = "visavis models <list|fetch|verify|path> …",
        after_help = "visavis models --help shows each command's options."
    )]
    Models {
        /// See `visavis models --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// List, add, clone and remove voices
    #[command(
        disable_help_flag = true,
        override_usage = "visavis voices <list|add|clone|remove> …",
        after_help = "visavis voices --help shows each command's options."
    )]
    Voices {
        /// See `visavis voices --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Check this host before or while it serves, and a server from outside
    #[command(
        disable_help_flag = true,
        override_usage = "visavis doctor [--from URL] [--json] …",
        after_help = "visavis doctor --help shows its options."
    )]
    Doctor {
        /// See `visavis doctor --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Speak a text into a WAV file
    Speak {
        /// The text
        text: String,
        /// The file
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
        /// The voice [default: the first]
        #[arg(long, default_value = "")]
        voice: String,
    },
    /// Print the words of a WAV file
    Transcribe {
        /// The file
        file: PathBuf,
        /// Two letters such as en [default: identify]
        #[arg(long, default_value = "")]
        language: String,
    },
    /// Replay recorded calls against the conversation's rules, and compare what it decides
    Replay(ReplayArgs),
    /// Print the effective configuration
    Config,
}

fn main() -> std::process::ExitCode {
    visavis_proto::host::silence_onnxruntime();
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("visavis: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(Cli { settings, command }: Cli) -> anyhow::Result<()> {
    let load = || settings.load([]);
    match command {
        Command::Serve { listen, udp, profile, turn } => {
            let mut flags = Vec::new();
            let mut flag = |key: &str, value: Option<String>| {
                flags.extend(value.map(|value| Flag { key: key.to_string(), value }));
            };
            flag("server.listen", listen.map(|address| address.to_string()));
            flag("server.udp", udp.map(|address| address.to_string()));
            flag("models.profile", profile);
            flag("turn.enabled", turn.then(|| true.to_string()));
            let (config, settings) = (settings.load(flags.clone())?, settings.clone());
            serve(config, move || settings.load(flags.clone()))
        }
        Command::Turn { listen } => {
            let flag = |listen: SocketAddr| Flag { key: "turn.listen".into(), value: listen.to_string() };
            relay(&settings.load(listen.map(flag))?)
        }
        // These programs read the configuration themselves.
        Command::Models { .. } | Command::Voices { .. } => become_program("visavis-models"),
        Command::Doctor { .. } => become_program("visavis-doctor"),
        Command::Speak { text, out, voice } => {
            let config = load()?;
            let models = ModelFiles::of(&config)?;
            runtime::run(visavis::oneshot::speak(&config, &models, &text, &voice, &out))
        }
        Command::Transcribe { file, language } => {
            let config = load()?;
            let models = ModelFiles::of(&config)?;
            let words = runtime::run(visavis::oneshot::transcribe(&config, &models, &file, &language))?;
            println!("{}", words.text);
            Ok(())
        }
        Command::Replay(arguments) => {
            load()?;
            visavis::recording::cli::run(&arguments)
        }
        Command::Config => {
            print!("{}", toml::to_string_pretty(&load()?)?);
            Ok(())
        }
    }
}

/// Replaces the process by another program of ours, with the same arguments, so that the server need not link what fetches and
/// converts models, or what checks a host.
fn become_program(name: &str) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt;
    let program = program_beside(name)?;
    let failed = std::process::Command::new(&program).args(std::env::args_os().skip(1)).exec();
    Err(failed).with_context(|| format!("cannot run {}", program.display()))
}

/// Takes calls until a signal; `reread` reads the configuration anew.
fn serve(
    config: Config,
    reread: impl Fn() -> anyhow::Result<Config> + Send + Sync + 'static,
) -> anyhow::Result<()> {
    visavis::logging::init(&config.log).context("log.filter")?;
    // Dependencies may link two TLS providers; choose ours.
    _ = rustls::crypto::ring::default_provider().install_default();
    runtime::run(async {
        // From the beginning: a reload while the server starts must not end it.
        let hangups = reload::hangups()?;
        let server = Box::pin(Server::start(config)).await?;
        let address = server.address()?;
        let certificate = server.certificate();
        let url = url(address, server.app().config.server.names.first(), certificate.is_some());
        tracing::info!(%url, "listening");
        tokio::spawn(announce(server.app().fleet.clone(), url));
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signal(stop.clone()));
        let App { fleet, config, .. } = server.app().clone();
        let taken = move |routes: &[Route]| {
            fleet.reroute(routes);
            if let Some(certificate) = &certificate {
                certificate.look();
            }
        };
        tokio::spawn(reload::on_hangup(hangups, config, reread, taken, stop.clone()));
        Box::pin(server.serve(stop)).await
    })
}

/// Where the page is. A certificate is for a name, so that with one the server's first name is told.
fn url(address: SocketAddr, name: Option<&String>, tls: bool) -> String {
    let port = address.port();
    match name {
        Some(name) if tls => format!("https://{name}:{port}/call"),
        _ => {
            let scheme = if tls { "https" } else { "http" };
            let host = if address.ip().is_unspecified() {
                "localhost".to_string()
            } else {
                address.ip().to_string()
            };
            format!("{scheme}://{host}:{port}/call")
        }
    }
}

/// Relays until a signal.
fn relay(config: &Config) -> anyhow::Result<()> {
    visavis::logging::init(&config.log).context("log.filter")?;
    runtime::run(async {
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signal(stop.clone()));
        visavis::relay::alone(config, stop).await
    })
}

/// Prints to the terminal when calls can be made.
async fn announce(fleet: std::sync::Arc<visavis::engine::fleet::Fleet>, url: String) {
    for status in [&fleet.stt.status, &fleet.llm.status, &fleet.tts.status] {
        if status.clone().wait_for(|status| status.ready).await.is_err() {
            return;
        }
    }
    println!("\nVisavis is ready: open {url} in a browser. Ctrl-C stops it.\n");
}

/// The first signal starts a graceful stop, the second exits at once.
async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else { return };
    for again in [false, true] {
        tokio::select! {
            _ = term.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        if again {
            std::process::exit(130);
        }
        stop.cancel();
    }
}
