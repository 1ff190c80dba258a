//! The program behind `visavis doctor`, so that the server need not link what checks it, a client least of all.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use visavis_config::CommandLine;
use visavis_doctor::cli::{self, DoctorArgs};

/// Checks a host before or while it serves.
#[derive(Subcommand)]
enum Command {
    /// Check this host, and a server from outside
    Doctor(DoctorArgs),
}

fn main() -> std::process::ExitCode {
    visavis_proto::host::silence_onnxruntime();
    let CommandLine { settings, command: Command::Doctor(arguments) } = CommandLine::parse();
    cli::run(settings, arguments)
}
