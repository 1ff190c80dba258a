//! The command line of `visavis doctor`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use visavis_client::Server;
use visavis_config::Settings;

use crate::examine::{self, Group, Request};
use crate::finding::{Finding, Report};
use crate::report;

/// How long threads that wait for a disk may hold up the end.
const ENDING: Duration = Duration::from_millis(200);

/// Checks this host before or while the server runs, and with --from a server from outside.
///
/// It takes the server's options (--config, --set, --models-dir) and variables: give it those of the server. It needs no root.
/// Exit code: 0 when no check failed, 1 when one did, 2 when an argument is wrong.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Check this server from outside too: https://HOST[:PORT]
    #[arg(long, value_name = "URL", value_parser = server, required_if_eq("only", "from"))]
    from: Option<Server>,
    /// Only these groups of checks
    #[arg(long, value_name = "GROUP", value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// Start no engines; where no server runs, look for their programs alone
    #[arg(long)]
    no_start: bool,
    /// Count warnings as failures
    #[arg(long)]
    strict: bool,
    /// Print one JSON document instead of lines
    #[arg(long)]
    json: bool,
}

fn server(text: &str) -> Result<Server, String> {
    Server::new(text).map_err(|error| error.to_string())
}

/// Runs the checks and prints what they find.
#[must_use]
pub fn run(settings: Settings, arguments: DoctorArgs) -> ExitCode {
    let DoctorArgs { from, only, no_start, strict, json } = arguments;
    // Fails only if a provider is already installed.
    _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("visavis: no check can be run: {error}");
            return ExitCode::FAILURE;
        }
    };
    let request = Request { settings, from, only, start_engines: !no_start };
    let tell = |finding: &Finding| {
        if !json {
            print(&report::line(finding));
        }
    };
    let checks = runtime.block_on(Box::pin(examine::examine(&request, tell)));
    let found = Report::of(checks, strict);
    if json {
        print(&serde_json::to_string_pretty(&found).expect("a report is plain data"));
    } else {
        print(&report::summary(&found));
    }
    runtime.shutdown_timeout(ENDING);
    if found.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(text: &str) {
    // A closed pipe is the reader's choice.
    _ = writeln!(std::io::stdout(), "{text}");
}
