//! What the documents promise: each block of TOML can be copied into `visavis.toml` unchanged, and what can be added needs few files.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use visavis_config::{Sources, load};

/// The sections of CONTRIBUTING.md on what is about to be added.
const ADDED: [&str; 7] = [
    "### Add an HTTP language model",
    "### Add a TTS engine",
    "### Add an acoustic model",
    "## Add a wire dialect",
    "## Add a media track",
    "## Add a limit",
    "## Store something of a call",
];

/// A block of TOML in a document.
struct Block {
    /// The document and the line of its first setting.
    place: String,
    text: String,
}

/// The README and the documents under `docs`.
fn documents() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect();
    found.push("README.md".into());
    found.sort();
    found
}

fn blocks(document: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(document).unwrap();
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (line.trim(), open.take()) {
            ("```toml", None) => {
                let place = format!("{}:{}", document.display(), number + 2);
                open = Some(Block { place, text: String::new() });
            }
            ("```", Some(block)) => found.push(block),
            (_, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (_, None) => {}
        }
    }
    assert!(open.is_none(), "{}: a block of TOML has no end", document.display());
    found
}

/// What is wrong with a block. Files of keys, which are on the reader's machine, are replaced by one in `folder`.
fn faults(block: &Block, folder: &Path) -> Vec<String> {
    let key = folder.join("key");
    std::fs::write(&key, "a-key").unwrap();
    let key = format!("key_file = '{}'", key.display());
    let own = |line: &str| {
        let line = if line.trim_start().starts_with("key_file = ") { key.as_str() } else { line };
        format!("{line}\n")
    };
    let file = folder.join("visavis.toml");
    std::fs::write(&file, block.text.lines().map(own).collect::<String>()).unwrap();
    let sources = Sources { file: Some(file), ..Sources::default() };
    load(&sources).err().map_or_else(Vec::new, |faults| faults.0)
}

#[test]
fn each_configuration_in_the_documents_loads_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let blocks: Vec<Block> = documents().iter().flat_map(|document| blocks(document)).collect();
    let wrong: Vec<String> = blocks
        .iter()
        .filter_map(|block| {
            let faults = faults(block, folder.path());
            (!faults.is_empty()).then(|| format!("{}: {}", block.place, faults.join("; ")))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Fewer means that the search no longer finds them.
    assert!(blocks.len() >= 40, "{} blocks", blocks.len());
}

/// Whether a file is there. `NAME.rs` is to be written, beside its neighbours or below the file that declares it.
fn is_there(file: &Path) -> bool {
    match file.parent() {
        Some(folder) if file.ends_with("NAME.rs") => folder.is_dir() || folder.with_extension("rs").is_file(),
        _ => file.is_file(),
    }
}

#[test]
fn what_can_be_added_needs_at_most_three_files_that_are_there() {
    let text = std::fs::read_to_string("CONTRIBUTING.md").unwrap();
    for heading in ADDED {
        let (_, rest) = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
        let section = rest.split("\n#").next().unwrap();
        let code = section.split('`').skip(1).step_by(2);
        let named: BTreeSet<&str> = code.filter(|code| code.ends_with(".rs")).collect();
        assert!((1..=3).contains(&named.len()), "{heading} names {named:?}");
        for file in named {
            assert!(is_there(Path::new(file)), "{heading} names {file}, which is not there");
        }
    }
}
