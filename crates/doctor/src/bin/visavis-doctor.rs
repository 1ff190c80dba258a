//! The program behind `visavis doctor`, so that the server need not link what checks it, a client least of all.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use visavis_config::Settings;
use visavis_doctor::cli::{self, DoctorArgs};

/// Checks a host before or while it serves.
#[derive(Parser)]
#[command(name = "visavis", bin_name = "visavis", version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check this host, and a server from outside
    Doctor(DoctorArgs),
}

fn main() -> std::process::ExitCode {
    visavis_proto::host::silence_onnxruntime();
    let Cli { settings, command: Command::Doctor(arguments) } = Cli::parse();
    cli::run(settings, arguments)
}
