//! `visavis replay FILE…`
#![allow(clippy::print_stdout)] // a command's result goes to standard output

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use visavis_core::recording::replay::{Report, replay};

/// Arguments of `visavis replay`.
#[derive(Args)]
pub struct ReplayArgs {
    /// Recordings of calls, from `recording.dir`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON object for all files
    #[arg(long)]
    json: bool,
}

/// Replays the files and prints the results.
///
/// # Errors
/// When a file cannot be replayed, commands differ, or an invariant is violated.
pub fn run(arguments: &ReplayArgs) -> anyhow::Result<()> {
    let reports: Vec<_> = arguments.files.iter().map(|file| (file, of_file(file))).collect();
    let bad = reports.iter().filter(|(_, report)| !report.good()).count();
    if arguments.json {
        let recordings: Vec<Value> = reports
            .iter()
            .map(|(file, report)| {
                let mut value = json!(report);
                value["file"] = json!(file);
                value["good"] = json!(report.good());
                value
            })
            .collect();
        println!("{:#}", json!({ "good": bad == 0, "recordings": recordings }));
    } else {
        reports.iter().for_each(|(file, report)| println!("{}", told(file, report)));
    }
    anyhow::ensure!(bad == 0, "{bad} of {} recording(s) did not replay", reports.len());
    Ok(())
}

fn of_file(file: &Path) -> Report {
    match File::open(file) {
        Ok(file) => replay(BufReader::new(file)),
        Err(error) => Report { fault: Some(error.into()), ..Report::default() },
    }
}

/// The report as text.
fn told(file: &Path, report: &Report) -> String {
    let mut text = format!("{}: ", file.display());
    let inputs = report.inputs;
    if let Some(fault) = &report.fault {
        text += &fault.to_string();
        if inputs > 0 && report.difference.is_none() {
            text += &format!("\n  same commands to {inputs} input(s)");
        }
    } else if let Some(difference) = &report.difference {
        let seconds = difference.at as f64 / 1000.0;
        let side = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".into(), Value::to_string);
        text += &format!(
            "line {}, at {seconds:.3} s: command {} differs\n  input:    {}\n  expected: {}\n  got:      {}",
            difference.line,
            difference.command,
            difference.input,
            side(&difference.expected),
            side(&difference.got)
        );
    } else {
        text += &format!("same commands to {inputs} input(s)");
        if !report.complete {
            text += "; it has no last line, so the call broke off";
        }
    }
    if report.difference.is_some() && report.recorded_by != env!("CARGO_PKG_VERSION") {
        text += &format!(
            "\n  it was recorded by visavis {}, and this is {}: the difference may be a change",
            report.recorded_by,
            env!("CARGO_PKG_VERSION")
        );
    }
    for found in &report.violations {
        let (invariant, what) = (found.violation.invariant, &found.violation.what);
        text += &format!("\n  line {}: {invariant} does not hold: {what}", found.line);
    }
    text
}
