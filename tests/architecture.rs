//! The invariants of ARCHITECTURE.md that the sources themselves can break.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no sources");
    found
}

fn assert_absent(folder: &str, banned: &[&str], except: &str) {
    for (path, text) in sources(folder) {
        if except.is_empty() || !path.to_string_lossy().contains(except) {
            assert_none(&path, &text, banned);
        }
    }
}

fn assert_none(path: &Path, text: &str, banned: &[&str]) {
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        for word in banned {
            assert!(!code.contains(word), "{}:{}: {word}", path.display(), number + 1);
        }
    }
}

/// What a room that decides must not know.
const IMPURE: [&str; 7] =
    ["tokio", "Instant::now", "SystemTime", "async ", "std::fs", "metrics::", "tracing::"];

#[test]
fn what_decides_knows_no_clock_and_no_io() {
    for folder in ["crates/core/src", "crates/text/src", "src/pipeline/echo"] {
        assert_absent(folder, &IMPURE, "tests.rs");
    }
    for file in [
        "src/pipeline/language.rs",
        "src/pipeline/heard.rs",
        "src/pipeline/agreement.rs",
        "src/pipeline/near_voice.rs",
        "src/pipeline/vad/gate.rs",
        "src/pipeline/llm/pace.rs",
        "src/audio/jitter.rs",
        "src/audio/jitter_delay.rs",
        "src/transport/stutter.rs",
        "src/session/admission.rs",
    ] {
        assert_none(Path::new(file), &whole(file), &IMPURE);
    }
}

fn whole(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn the_pipeline_knows_no_transport_api_or_session() {
    assert_absent("src/pipeline", &["crate::transport", "crate::api", "crate::session"], "");
}

#[test]
fn only_the_configuration_reads_the_environment() {
    assert_absent("src", &["env::var", "env::vars"], "src/config/");
    assert_absent("crates", &["env::var", "env::vars"], "");
}

#[test]
fn unsafe_code_is_forbidden_outside_the_engines() {
    let roots = sources("src").into_iter().chain(sources("crates")).filter(|(path, _)| {
        path.ends_with("src/lib.rs") || path.parent().is_some_and(|folder| folder.ends_with("src/bin"))
    });
    let mut seen = 0;
    for (path, text) in roots {
        assert!(text.contains("#![forbid(unsafe_code)]"), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn no_queue_is_unbounded() {
    for folder in ["src", "crates", "engines"] {
        assert_absent(folder, &["unbounded_channel", "channel::unbounded"], "");
    }
}

/// The crates that a crate is linked with, as `cargo tree` names them.
fn linked(name: &str) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--package", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let names = String::from_utf8(tree.stdout).unwrap();
    names.lines().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
}

#[test]
fn the_server_links_neither_bench_nor_client_nor_converters() {
    let server = linked("visavis");
    assert!(server.iter().any(|name| name == "visavis-core"), "{server:?}");
    let foreign =
        ["visavis-bench", "visavis-client", "visavis-fetch", "flate2", "half", "indicatif", "tar", "zip"];
    for name in foreign {
        assert!(!server.iter().any(|linked| linked == name), "the server links {name}");
    }
}

#[test]
fn pure_crates_link_no_runtime() {
    for pure in ["visavis-core", "visavis-text"] {
        let linked = linked(pure);
        for name in ["tokio", "tonic", "metrics", "tracing", "reqwest", "visavis"] {
            assert!(!linked.iter().any(|linked| linked == name), "{pure} links {name}");
        }
    }
}
