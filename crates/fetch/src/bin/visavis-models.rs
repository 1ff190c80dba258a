//! The program behind `visavis models …`, so that the server need not link what fetches and converts models.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use visavis_config::Settings;
use visavis_fetch::cli::{self, ModelsArgs};

/// Lists, fetches and checks models.
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
    /// List, fetch and check models
    Models(ModelsArgs),
}

fn main() -> std::process::ExitCode {
    let Cli { settings, command: Command::Models(arguments) } = Cli::parse();
    let done = settings.load([]).and_then(|config| cli::run(arguments, &config.models.dir));
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("visavis: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
