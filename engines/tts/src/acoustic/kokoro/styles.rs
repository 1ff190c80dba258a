//! Kokoro's styles, which turn the network into a voice. A style file contains a vector for each length of input.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Vectors in a file, for inputs of 1 to 510 tokens.
const ROWS: usize = 510;
/// Values of a vector.
const WIDTH: usize = 256;
/// Bytes of a vector: 32-bit floats, little endian.
const ROW_BYTES: usize = WIDTH * 4;

/// Bytes of a style file.
pub(super) const FILE_BYTES: u64 = (ROWS * ROW_BYTES) as u64;

/// A style file. It stays open, since the confined process may not open a file that replaces it.
#[derive(Debug)]
pub(super) struct Style {
    path: PathBuf,
    file: File,
}

impl Style {
    /// Opens a style file; errors say what to do.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| advice(path))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Reads the vector for an input of this many tokens; that of one token comes first, as in Kokoro's own pipeline. The rest
    /// of the file is not read: all voices would take 28 MB of memory.
    pub(super) fn read(&self, tokens: usize) -> anyhow::Result<Vec<f32>> {
        let mut bytes = [0; ROW_BYTES];
        let row = tokens.saturating_sub(1).min(ROWS - 1);
        self.file.read_exact_at(&mut bytes, (row * ROW_BYTES) as u64).with_context(|| advice(&self.path))?;
        Ok(decode(&bytes))
    }
}

fn advice(path: &Path) -> String {
    format!("cannot read the voice {}; {}", path.display(), super::FETCH)
}

fn decode(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.chunks_exact(4);
    values.map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]])).collect()
}

/// The weighted sum of vectors.
pub(super) fn mix(styles: &[(Vec<f32>, f32)]) -> Vec<f32> {
    let mut mixed = vec![0.0; WIDTH];
    for (style, weight) in styles {
        mixed.iter_mut().zip(style).for_each(|(sum, value)| *sum += value * weight);
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A style file whose values are their row's number.
    fn file() -> Vec<u8> {
        (0..ROWS).flat_map(|row| (row as f32).to_le_bytes().repeat(WIDTH)).collect()
    }

    #[test]
    fn the_row_of_the_length_is_read_even_if_the_file_is_replaced_and_the_last_one_for_longer_inputs() {
        let path = std::env::temp_dir().join(format!("visavis-tts-style-{}.bin", std::process::id()));
        std::fs::write(&path, file()).unwrap();
        let style = Style::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        for (tokens, value) in [(0, 0.0), (1, 0.0), (7, 6.0), (510, 509.0), (511, 509.0)] {
            assert_eq!(style.read(tokens).unwrap(), vec![value; WIDTH]);
        }
        assert_eq!(file().len() as u64, FILE_BYTES);
        let missing = format!("{:#}", Style::open(&path).unwrap_err());
        assert!(missing.contains("tts-style") && missing.contains("visavis models fetch"), "{missing}");
    }

    #[test]
    fn a_mix_is_the_weighted_sum() {
        let mixed = mix(&[(vec![3.0; WIDTH], 2.0 / 3.0), (vec![9.0; WIDTH], 1.0 / 3.0)]);
        assert!(mixed.iter().all(|value| (value - 5.0).abs() < 1e-5), "{}", mixed[0]);
    }
}
