//! Checks a model file before llama.cpp reads it, which reports every fault of a file as the same null pointer.
//!
//! - `header`: the few values of a GGUF file's header that the checks need

mod header;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use header::{Facts, Fault};

/// Architectures that turn text into vectors.
const EMBEDDING: [&str; 11] = [
    "bert",
    "eurobert",
    "gemma-embedding",
    "jina-bert-v2",
    "jina-bert-v3",
    "llama-embed",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "t5encoder",
];

/// The model's files: a large model is split into `NAME-00001-of-00003.gguf` and so on.
pub(crate) fn files(first: &Path) -> Vec<PathBuf> {
    let mut files = vec![first.to_owned()];
    let name = first.file_name().unwrap_or_default().to_string_lossy();
    if let Some((base, count)) = name.split_once("-00001-of-")
        && let Some(Ok(count)) = count.strip_suffix(".gguf").map(str::parse::<u16>)
    {
        files.extend((2..=count).map(|n| first.with_file_name(format!("{base}-{n:05}-of-{count:05}.gguf"))));
    }
    files
}

/// Checks all files of a model.
///
/// # Errors
/// One sentence for the operator: the file, the fault and what to do.
pub(crate) fn check(first: &Path) -> Result<(), String> {
    let facts = facts(first)?;
    for part in files(first).iter().skip(1) {
        self::facts(part)?;
    }
    unsuitable(&facts).map_or(Ok(()), |fault| {
        Err(format!("{} is {fault}; name a chat model with llm.model", first.display()))
    })
}

fn facts(path: &Path) -> Result<Facts, String> {
    let shown = path.display();
    let cannot = |error: std::io::Error| {
        format!(
            "the model {shown} cannot be opened: {error}; fetch it with `visavis models fetch`, or name another with \
             llm.model"
        )
    };
    // Before it is opened: a confined process may not open folders.
    let about = std::fs::metadata(path).map_err(cannot)?;
    if !about.is_file() {
        let what = if about.is_dir() { "is a folder" } else { "is not a regular file" };
        return Err(format!("the model {shown} {what}; name a GGUF file with llm.model"));
    }
    let file = File::open(path).map_err(cannot)?;
    header::read(BufReader::new(file), about.len()).map_err(|fault| match fault {
        Fault::NotGguf => format!(
            "{shown} is not a GGUF model; name one with llm.model, or fetch one with `visavis models fetch`"
        ),
        Fault::Truncated => {
            format!("the model {shown} is damaged: it is cut short; fetch it or copy it again")
        }
        Fault::Damaged(what) => format!("the model {shown} is damaged: {what}; fetch it or copy it again"),
        Fault::Version(version) => format!(
            "the model {shown} has GGUF version {version}, which llama.cpp does not read; convert it again or choose \
             another"
        ),
        Fault::Io(error) => cannot(error),
    })
}

/// The kind of file, if not a model that generates text.
fn unsuitable(facts: &Facts) -> Option<&'static str> {
    let pools = facts.pooling.is_some_and(|kind| kind != 0);
    match (facts.kind.as_str(), facts.architecture.as_str()) {
        ("adapter", _) => Some("an adapter, not a whole model"),
        ("mmproj", _) | (_, "clip") => {
            Some("the part of a model for images or sound, which generates no text")
        }
        (_, architecture) if pools || facts.causal == Some(false) || EMBEDDING.contains(&architecture) => {
            Some("an embedding model, which generates no text")
        }
        _ => None,
    }
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;
