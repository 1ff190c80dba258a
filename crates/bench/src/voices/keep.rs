//! Sentences as files, so that a forced aligner outside can be compared with the engine's word times.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::speech::Spoken;

/// Writes `NN.wav`, `NN.txt` (the text as spoken) and `NN.json` (its words with start and end in seconds).
///
/// # Errors
/// When a file cannot be written.
pub(super) fn sentence(folder: &Path, number: usize, spoken: &Spoken) -> anyhow::Result<()> {
    write(folder, number, spoken).with_context(|| format!("--keep: cannot write into {}", folder.display()))
}

fn write(folder: &Path, number: usize, spoken: &Spoken) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let file = |kind: &str| folder.join(format!("{number:02}.{kind}"));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: spoken.rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(file("wav"), spec)?;
    spoken.samples.iter().try_for_each(|sample| wav.write_sample(*sample))?;
    wav.finalize()?;
    fs::write(file("txt"), format!("{}\n", spoken.text))?;
    fs::write(file("json"), serde_json::to_string_pretty(&spoken.words)? + "\n")?;
    Ok(())
}

/// A voice's name as the name of a folder.
pub(super) fn file_name(voice: &str) -> String {
    voice.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect()
}
