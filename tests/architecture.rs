//! The invariants of ARCHITECTURE.md that the sources themselves can break.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::{Path, PathBuf};

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
        if !except.is_empty() && path.to_string_lossy().contains(except) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            for word in banned {
                assert!(!code.contains(word), "{}:{}: {word}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn the_conversation_the_echo_and_the_face_know_no_clock_and_no_io() {
    for pure in ["src/pipeline/conversation", "src/pipeline/echo", "src/avatar"] {
        assert_absent(
            pure,
            &["tokio", "Instant::now", "SystemTime", "async ", "std::fs", "metrics::"],
            "tests.rs",
        );
    }
}

#[test]
fn the_pipeline_knows_no_transport_api_or_session() {
    assert_absent("src/pipeline", &["crate::transport", "crate::api", "crate::session", "crate::client"], "");
}

#[test]
fn only_the_configuration_reads_the_environment() {
    assert_absent("src", &["env::var", "env::vars"], "src/config/");
}

#[test]
fn no_queue_is_unbounded() {
    assert_absent("src", &["unbounded_channel", "channel::unbounded"], "");
    assert_absent("engines", &["unbounded_channel"], "");
}
