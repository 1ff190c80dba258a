//! Checks a running server from the outside, as a client does, down to a spoken question and its response.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use visavis_bench::harness::{Check, Settings, run};
use visavis_client::Server;

/// Checks a running server: health, models, CORS, ICE, SDP, metrics, a WebSocket turn and a spoken WebRTC turn.
///
/// Exit code: 0 when every check passed, 1 when one failed, 2 when the server cannot be reached or an argument is wrong.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The server, as http://HOST:PORT
    #[arg(long)]
    server: String,
    /// A WAV file to speak, of any rate; a .txt file beside it contains its words [default: jfk.wav in the models directory]
    #[arg(long)]
    speech: Option<PathBuf>,
    /// The language of the speech file, ISO 639-1 [default: identified]
    #[arg(long)]
    language: Option<String>,
    /// An origin that the server is configured to allow [default: only its own page is checked]
    #[arg(long)]
    origin: Option<String>,
    /// Seconds that the models may take to load
    #[arg(long, default_value_t = 120)]
    wait: u64,
    /// Print one JSON document instead of lines
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout();
    let server = match Server::new(&arguments.server) {
        Ok(server) => server,
        Err(error) => return fail(&error),
    };
    let settings = Settings {
        origin: arguments.origin,
        server,
        speech: arguments.speech.unwrap_or_else(visavis_bench::harness::default_speech),
        wait: Duration::from_secs(arguments.wait),
        language: arguments.language,
    };
    let checked = Box::pin(run(&settings, |check| {
        if !arguments.json {
            // A closed pipe is the reader's choice.
            let _ = writeln!(std::io::stdout(), "{}", line(check));
        }
    }));
    let report = match checked.await {
        Ok(report) => report,
        Err(error) => return fail(&error),
    };
    let text = if arguments.json {
        serde_json::to_string_pretty(&report).expect("a report is plain data")
    } else {
        let failed = report.checks.iter().filter(|check| !check.passed).count();
        match failed {
            0 => format!("all {} checks passed", report.checks.len()),
            _ => format!("{failed} of {} checks failed", report.checks.len()),
        }
    };
    let _ = writeln!(out, "{text}");
    if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn line(check: &Check) -> String {
    let tick = if check.passed { '✓' } else { '✗' };
    format!("{tick} {:<20} {:>6} ms  {}", check.name, check.ms, check.detail)
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "test_pipeline: {error}");
    ExitCode::from(2)
}
