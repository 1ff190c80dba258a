//! The `models` commands, run from a command line.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

use std::fs;
use std::path::Path;

use clap::Parser;
use sha2::{Digest, Sha256};
use tempfile::tempdir;
use visavis_fetch::cli::{ModelsArgs, run_with};
use visavis_models::Manifest;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    models: ModelsArgs,
}

fn run(line: &str, manifest: &Manifest, dir: &Path) -> Result<String, String> {
    let words = std::iter::once("visavis-models").chain(line.split_whitespace());
    let command = Command::try_parse_from(words).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    run_with(command.models, manifest, dir, &mut out).map_err(|e| format!("{e:#}"))?;
    Ok(String::from_utf8(out).unwrap())
}

fn one_model(body: &[u8]) -> Manifest {
    let sum = format!("{:x}", Sha256::digest(body));
    Manifest::parse(&format!(
        "[[model]]\nname = \"m\"\nrole = \"llm\"\nlicence = \"MIT\"\nsummary = \"a model\"\nfile = \"m.bin\"\n\
         size = {}\nsha256 = {sum:?}\nsource = [{{ parts = [{{ url = \"http://localhost/m\" }}] }}]\n",
        body.len()
    ))
    .unwrap()
}

#[test]
fn path_prints_the_file_or_how_to_fetch_it() {
    let dir = tempdir().unwrap();
    let manifest = one_model(b"weights");
    let error = run("path m", &manifest, dir.path()).unwrap_err();
    assert!(error.contains("visavis models fetch m"), "{error}");
    fs::write(dir.path().join("m.bin"), b"weights").unwrap();
    let printed = run("path m", &manifest, dir.path()).unwrap();
    assert_eq!(printed.trim(), dir.path().join("m.bin").to_str().unwrap());
    assert!(run("path other", &manifest, dir.path()).unwrap_err().contains("choose from m"));
}

#[test]
fn verify_fails_for_a_damaged_model_and_says_how_to_fix_it() {
    let dir = tempdir().unwrap();
    let manifest = one_model(b"weights");
    assert!(run("verify", &manifest, dir.path()).unwrap().is_empty());
    assert!(run("verify m", &manifest, dir.path()).unwrap_err().contains("visavis models fetch m"));
    fs::write(dir.path().join("m.bin"), b"weights").unwrap();
    assert_eq!(run("verify", &manifest, dir.path()).unwrap(), "m: verified\n");
    fs::write(dir.path().join("m.bin"), b"weirdos").unwrap();
    assert!(run("verify", &manifest, dir.path()).unwrap_err().contains("visavis models fetch m"));
}

#[test]
fn list_shows_what_is_here_to_people_and_programs() {
    let dir = tempdir().unwrap();
    let manifest = one_model(b"weights");
    assert!(run("list", &manifest, dir.path()).unwrap().contains("missing"));
    fs::write(dir.path().join("m.bin"), b"weights").unwrap();
    run("verify", &manifest, dir.path()).unwrap();
    let text = run("list --json", &manifest, dir.path()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["models"][0]["state"], "verified");
    assert_eq!(json["models"][0]["role"], "llm");
}

#[test]
fn fetch_names_the_profiles_that_exist() {
    let dir = tempdir().unwrap();
    let error = run("fetch --profile huge", &Manifest::builtin(), dir.path()).unwrap_err();
    assert!(error.contains("cpu-better") && error.contains("tiny"), "{error}");
}

#[test]
fn a_profile_says_which_models_are_missing() {
    let dir = tempdir().unwrap();
    let manifest = Manifest::builtin();
    let profile = manifest.profile("cpu").unwrap();
    assert_eq!(profile.missing(dir.path()).len(), profile.models().count());
    let json = manifest.model("en_US-joe-medium.json").unwrap();
    fs::write(dir.path().join(&json.file), vec![b' '; 4_794]).unwrap();
    assert!(!profile.missing(dir.path()).iter().any(|m| m.name == json.name));
    fs::write(dir.path().join(&json.file), b"cut short").unwrap();
    assert!(profile.missing(dir.path()).iter().any(|m| m.name == json.name));
}
