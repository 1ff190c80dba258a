//! `visavis models …` and `visavis voices …`: another program runs them, with all arguments passed on.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::Path;
use std::process::{Command, Output};

fn visavis(folder: &Path, line: &str) -> Output {
    let words = line.split_whitespace().map(|word| word.replace("DIR", folder.to_str().unwrap()));
    Command::new(env!("CARGO_BIN_EXE_visavis")).args(words).current_dir(folder).output().unwrap()
}

#[test]
fn models_commands_take_the_server_options_before_and_after_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.toml"), "[models]\ndir = \"/from/the/file\"\n").unwrap();
    for (line, directory) in [
        ("models list --models-dir DIR/here", "/here"),
        ("--models-dir DIR/here models list", "/here"),
        ("--set models.dir=DIR/here models list", "/here"),
        ("models list --config good.toml", "/from/the/file"),
        ("voices list --models-dir DIR/here", "/here/voices"),
        ("voices list --set tts.voices_dir=DIR/mine", "/mine"),
    ] {
        let output = visavis(folder.path(), line);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(told.trim_end().ends_with(directory), "{line}: {told}");
    }
}

#[test]
fn help_and_usage_errors_need_no_configuration_and_a_faulty_one_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("visavis.toml"), "nonsense = 1\n").unwrap();
    for (line, code, part) in [
        ("models --help", 0, "fetch"),
        ("models fetch --help", 0, "--profile"),
        ("models bogus", 2, "bogus"),
        ("models", 2, "Usage: visavis models"),
        ("models list", 1, "nonsense"),
        ("voices --help", 0, "add"),
        ("voices add --help", 0, "--force"),
        ("voices bogus", 2, "bogus"),
        ("voices list", 1, "nonsense"),
    ] {
        let Output { status, stdout, stderr } = visavis(folder.path(), line);
        let told = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert_eq!(status.code(), Some(code), "{line}: {told}");
        assert!(told.contains(part), "{line}: {told}");
    }
}
