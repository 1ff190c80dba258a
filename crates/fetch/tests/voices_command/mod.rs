//! The `voices` commands as a command line runs them.

use clap::Parser;
use visavis_fetch::voices::{Places, VoicesArgs, run_in};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    voices: VoicesArgs,
}

/// What a command prints, or its error.
pub(crate) fn run(places: &Places, words: &[&str]) -> Result<String, String> {
    let words = std::iter::once("visavis-voices").chain(words.iter().copied());
    let command = Command::try_parse_from(words).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    run_in(&command.voices, places, &mut out).map_err(|e| format!("{e:#}"))?;
    Ok(String::from_utf8(out).unwrap())
}
