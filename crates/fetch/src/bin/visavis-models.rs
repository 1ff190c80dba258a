//! The program behind `visavis models …` and `visavis voices …`, so that the server need not link the code that fetches and
//! converts models.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use visavis_config::CommandLine;
use visavis_fetch::cli::{self, ModelsArgs};
use visavis_fetch::voices::{self, VoicesArgs};

/// Lists, fetches and checks models, and adds voices.
#[derive(Subcommand)]
enum Command {
    /// List, fetch and check models
    Models(ModelsArgs),
    /// List, add, clone and remove voices
    Voices(VoicesArgs),
}

fn main() -> std::process::ExitCode {
    let CommandLine { settings, command } = CommandLine::parse();
    let done = settings.load([]).and_then(|config| match command {
        Command::Models(arguments) => cli::run(arguments, &config.models.dir),
        Command::Voices(arguments) => voices::run(&arguments, &config),
    });
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("visavis: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
