//! The invariants of ARCHITECTURE.md that can be checked in the sources.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod modules;

use std::path::{Path, PathBuf};
use std::process::Command;

use modules::Modules;

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.extend((!path.ends_with("node_modules")).then_some(path));
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

/// What pure code must not use.
const IMPURE: [&str; 7] =
    ["tokio", "Instant::now", "SystemTime", "async ", "std::fs", "metrics::", "tracing::"];

/// Whether a file's header says that it is pure: in a word, or as the beginning of a sentence such as "Pure; time is passed in".
fn says_pure(text: &str) -> bool {
    let header = text.lines().take_while(|line| line.starts_with("//!"));
    let header = header.collect::<Vec<_>>().join("\n");
    ["Pure.", "Pure:", "Pure;", "Pure,"].iter().any(|word| header.contains(word))
}

#[test]
fn pure_code_uses_no_clock_and_no_io() {
    for folder in [
        "crates/core/src",
        "crates/text/src",
        "crates/media/src/clip",
        "crates/pipeline/src/echo",
        "crates/transport/src/protocol",
    ] {
        assert_absent(folder, &IMPURE, "tests.rs");
    }
    let mut seen = 0;
    for (path, text) in crates().iter().flat_map(|folder| sources(folder)).filter(|(_, text)| says_pure(text))
    {
        // A file's own tests may take a moment from the clock to pass it in.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        assert_none(&path, code, &IMPURE);
        seen += 1;
    }
    assert!(seen >= 140, "only {seen} files say that they are pure: is the sentence still written so?");
}

#[test]
fn transports_know_no_dialect() {
    for folder in ["crates/transport/src/websocket", "crates/transport/src/webrtc"] {
        assert_absent(folder, &["Rtvi", "rtvi", "serde_json"], "tests.rs");
    }
}

#[test]
fn only_backends_know_the_engine_protocol() {
    // The language rule shared with our recogniser, ONNX Runtime's environment, the span exporter.
    let others = ["crates/pipeline/src/language.rs", "src/bin/visavis.rs", "src/telemetry.rs"];
    let rooms = ["src", "crates/engine", "crates/pipeline", "crates/transport"];
    for (path, text) in rooms.into_iter().flat_map(sources) {
        let backend = path.to_string_lossy().contains("crates/engine/src/backends/");
        if !backend && !others.iter().any(|other| path.ends_with(other)) {
            assert_none(&path, &text, &["tonic", "visavis_proto"]);
        }
    }
    assert_absent("crates/pipeline/src", &["engine::backends", "engine::fleet"], "");
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let reads = concat!("env", "::var");
    for (folder, except) in [
        ("src", ""),
        ("crates", "crates/config/"),
        // Whether OpenMP's own variable is set, which OpenMP takes from there and from nowhere else.
        ("engines", "engines/proto/src/host.rs"),
        // How long scripts/fuzz.sh lets a test program run, which has no arguments of its own.
        ("fuzz/src", "fuzz/src/coverage.rs"),
        ("tests", ""),
        ("benches", ""),
    ] {
        assert_absent(folder, &[reads], except);
    }
}

#[test]
fn no_test_looks_for_files_where_it_was_compiled() {
    // Checkouts that share a build folder run each other's programs. Cargo runs tests in their package's folder.
    let banned = concat!("CARGO_MANIFEST", "_DIR");
    for folder in ["src", "crates", "engines", "fuzz/src", "tests", "benches"] {
        assert_absent(folder, &[banned], "");
    }
}

#[test]
fn each_part_of_an_address_is_read_by_the_extractor_that_refuses_in_json() {
    assert_absent("src/api", &["Path<String>"], "src/api/part.rs");
}

#[test]
fn unsafe_code_is_forbidden_outside_the_engines() {
    let is_program = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("src/bin"));
    let roots = sources("src").into_iter().chain(sources("crates")).filter(|(path, _)| {
        let is_main = path.ends_with("main.rs") && path.parent().is_some_and(is_program);
        path.ends_with("src/lib.rs") || is_program(path) || is_main
    });
    let mut seen = 0;
    for (path, text) in roots {
        assert!(text.contains("#![forbid(unsafe_code)]"), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
    // Except for the call into libFuzzer, in a test-only crate.
    assert_absent("fuzz/src", &["allow(unsafe_code", "unsafe {"], "coverage.rs");
}

#[test]
fn no_queue_is_unbounded() {
    for folder in ["src", "crates", "engines"] {
        assert_absent(folder, &["unbounded_channel", "channel::unbounded"], "");
    }
}

/// The folders with the sources of all our crates.
fn crates() -> Vec<String> {
    let mut found = vec!["src".to_owned(), "fuzz/src".to_owned()];
    for room in ["crates", "engines"] {
        for entry in std::fs::read_dir(room).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let folder = format!("{room}/{name}/src");
            if Path::new(&folder).is_dir() {
                found.push(folder);
            }
        }
    }
    assert!(found.len() >= 18, "{found:?}");
    found
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    for folder in crates() {
        let circles = Modules::of(Path::new(&folder), &sources(&folder)).circles();
        assert!(circles.is_empty(), "{folder}: {circles:#?}");
    }
}

#[test]
fn a_circle_is_found_through_any_form_of_path_and_a_parent_with_its_child_is_none() {
    let circles = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned()));
        Modules::of(Path::new(""), &files.collect::<Vec<_>>()).circles()
    };
    let b = ("b.rs", "fn b() { crate::a::deep::f() }");
    let deep = ("a/deep.rs", "pub fn f() {}");
    for a in ["use crate::{c, b::{self, B as Other}};", "use super::b::B;", "type A = super::b::B<u8>;"] {
        let found = circles(&[("lib.rs", ""), ("a/mod.rs", a), deep, b]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["in \"\": a, b"], "{a}");
    }
    for a in ["use crate::B;", "// crate::b", "#[cfg(test)]\nmod tests {\n    use super::super::b;\n}"] {
        assert!(circles(&[("lib.rs", ""), ("a/mod.rs", a), deep, b]).is_empty(), "{a}");
    }
    let child =
        [("lib.rs", "mod a;"), ("a.rs", "use self::b::B; use super::a::b;"), ("a/b.rs", "use super::A;")];
    assert!(circles(&child).is_empty());
    let tests = [
        ("a/mod.rs", "#[cfg(test)]\nmod world;"),
        ("a/world.rs", "use crate::b;"),
        ("b.rs", "use crate::a;"),
    ];
    assert!(circles(&tests).is_empty());
}

/// The crates that a crate is linked with, as `cargo tree` names them.
fn linked(name: &str) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--package", name])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let names = String::from_utf8(tree.stdout).unwrap();
    names.lines().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
}

#[test]
fn the_server_links_neither_bench_nor_client_nor_converters_nor_scripted_engines() {
    let server = linked("visavis");
    assert!(server.iter().any(|name| name == "visavis-core"), "{server:?}");
    let tools = [
        "visavis-bench",
        "visavis-client",
        "visavis-doctor",
        "visavis-fetch",
        "visavis-fuzz",
        "visavis-scripted",
    ];
    // It writes archives with `zip`, without compression.
    let theirs = ["flate2", "half", "indicatif", "libfuzzer-sys", "tar", "zopfli"];
    for name in tools.into_iter().chain(theirs) {
        assert!(!server.iter().any(|linked| linked == name), "the server links {name}");
    }
}

/// A crate of this repository, and which others it may be linked with.
struct Room {
    name: &'static str,
    below: &'static [&'static str],
}

const fn room(name: &'static str, below: &'static [&'static str]) -> Room {
    Room { name, below }
}

/// What each crate may use of ours; the server itself may use all but what the test before this one forbids.
const ROOMS: [Room; 24] = [
    room(
        "visavis-bench",
        &["client", "config", "core", "engine", "media", "models", "proto", "text", "turn"],
    ),
    room("visavis-client", &["core"]),
    room("visavis-config", &["core"]),
    room("visavis-containers", &["core", "media"]),
    room("visavis-core", &[]),
    room(
        "visavis-doctor",
        &["client", "config", "core", "engine", "media", "models", "proto", "store", "turn"],
    ),
    room("visavis-engine", &["config", "core", "media", "models", "proto"]),
    room("visavis-fetch", &["config", "core", "media", "models"]),
    room("visavis-fuzz", &[]),
    room("visavis-jobs", &[]),
    room(
        "visavis-listening",
        &["config", "containers", "core", "engine", "media", "models", "pipeline", "proto", "text"],
    ),
    room("visavis-llm", &["proto"]),
    room("visavis-media", &["core"]),
    room("visavis-models", &[]),
    room("visavis-pipeline", &["config", "core", "engine", "media", "models", "proto", "text"]),
    room("visavis-proto", &[]),
    room("visavis-scripted", &["config", "core", "engine", "media", "models", "proto"]),
    room(
        "visavis-speech",
        &["config", "containers", "core", "engine", "media", "models", "pipeline", "proto", "text"],
    ),
    room("visavis-store", &["config", "core"]),
    room("visavis-stt", &["proto"]),
    room("visavis-text", &["core"]),
    room("visavis-transport", &["core", "media"]),
    room("visavis-tts", &["proto"]),
    room("visavis-turn", &[]),
];

#[test]
fn each_crate_links_no_crate_of_ours_but_those_of_its_row() {
    for Room { name, below } in ROOMS {
        let ours = linked(name).into_iter().filter(|linked| linked != name);
        for other in ours.filter_map(|linked| Some(linked.strip_prefix("visavis")?.to_owned())) {
            let other = other.trim_start_matches('-');
            assert!(below.contains(&other), "{name} links {other:?} of ours, which its row does not name");
        }
    }
}

#[test]
fn each_crate_has_a_row_that_says_what_it_may_use() {
    let members = ["crates", "engines"]
        .into_iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    for member in members.filter(|member| member.join("Cargo.toml").is_file()) {
        let name = format!("visavis-{}", member.file_name().unwrap().to_string_lossy());
        assert!(ROOMS.iter().any(|room| room.name == name), "{name} has no row");
    }
}

#[test]
fn each_crate_links_only_the_crates_below_it() {
    for (room, foreign) in [
        ("visavis-fetch", &["visavis", "visavis-transport", "visavis-proto", "axum", "webrtc", "ort"][..]),
        ("visavis-config", &["visavis", "visavis-media", "tokio"]),
        ("visavis-client", &["axum", "figment", "ort", "tonic"]),
        ("visavis-media", &["visavis", "visavis-transport", "axum", "webrtc", "tonic", "figment"]),
        ("visavis-transport", &["visavis", "visavis-config", "visavis-text", "tonic", "ort", "reqwest"]),
        ("visavis-engine", &["visavis", "visavis-pipeline", "visavis-transport", "visavis-text", "webrtc"]),
        ("visavis-pipeline", &["visavis", "visavis-transport", "webrtc", "opentelemetry-otlp"]),
        ("visavis-listening", &["visavis", "visavis-transport", "visavis-store", "webrtc"]),
        ("visavis-bench", &["visavis", "visavis-pipeline", "visavis-transport", "visavis-scripted"]),
        ("visavis-doctor", &["visavis", "visavis-pipeline", "visavis-transport", "visavis-bench"]),
        ("visavis-store", &["visavis", "visavis-pipeline", "visavis-media", "axum", "tonic", "openssl-sys"]),
        ("visavis-scripted", &["visavis", "visavis-pipeline", "visavis-transport", "visavis-text", "webrtc"]),
    ] {
        let linked = linked(room);
        assert!(linked.iter().any(|linked| linked == "visavis-core"), "{linked:?}");
        for name in foreign {
            assert!(!linked.iter().any(|linked| linked == name), "{room} links {name}");
        }
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

#[test]
fn what_knows_models_is_linked_with_nothing_that_fetches_or_runs_them() {
    let linked = linked("visavis-models");
    for name in ["tokio", "reqwest", "ort", "tonic"] {
        assert!(!linked.iter().any(|linked| linked == name), "visavis-models links {name}");
    }
}
