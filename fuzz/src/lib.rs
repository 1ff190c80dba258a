//! Fuzz targets: tests that take any bytes, next to the code that reads untrusted bytes.
//!
//! - `brief`: an ordinary test run, which tries the seeds of `fuzz/corpus/` and a few thousand mutations of them
//! - `mutation`: how a seed is changed
//! - `coverage`: a run for `scripts/fuzz.sh`, in which libFuzzer chooses the inputs by coverage
//!
//! No program links this crate. It has the only `unsafe` code outside `engines/`: the call into libFuzzer.
#![deny(unsafe_code)]

#[cfg_attr(feature = "coverage", allow(dead_code, reason = "libFuzzer replaces it"))]
mod brief;
#[cfg(feature = "coverage")]
mod coverage;
#[cfg_attr(feature = "coverage", allow(dead_code, reason = "libFuzzer replaces it"))]
mod mutation;

use std::path::{Path, PathBuf};

/// Longest input in bytes.
pub const LONGEST: usize = 8 << 10;

/// Tries a target with many inputs. `check` panics when it finds a fault.
///
/// # Panics
/// When `check` does, when an input takes too long, and when the target has no seeds.
pub fn run(target: &str, check: fn(&[u8])) {
    #[cfg(feature = "coverage")]
    coverage::run(target, check);
    #[cfg(not(feature = "coverage"))]
    brief::Brief::of(target).run(check);
}

/// An input's two parts, separated by its first zero byte; the second is empty if there is none.
#[must_use]
pub fn parts(input: &[u8]) -> (&[u8], &[u8]) {
    let at = input.iter().position(|byte| *byte == 0);
    at.map_or((input, &[]), |at| (&input[..at], &input[at + 1..]))
}

/// An input as text; invalid UTF-8 becomes U+FFFD.
#[must_use]
pub fn text(input: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(input)
}

/// A text in pieces of 1 to 16 characters; `seed` determines their lengths.
#[must_use]
pub fn pieces(text: &str, seed: u64) -> Vec<&str> {
    let mut random = mutation::Random::new(seed);
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let length = 1 + random.below(16);
        let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
        let (piece, behind) = rest.split_at(end);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// A folder of this crate.
fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_add_up_to_the_text() {
        let text = "Ä text of 。characters, which are cut anywhere.".repeat(4);
        for seed in 0..20 {
            let pieces = pieces(&text, seed);
            assert!(pieces.len() > 4 && pieces.iter().all(|piece| !piece.is_empty()));
            assert_eq!(pieces.concat(), text);
        }
        assert!(pieces("", 1).is_empty());
    }

    #[test]
    fn an_input_has_two_parts() {
        assert_eq!(parts(b"ab\0c\0d"), (&b"ab"[..], &b"c\0d"[..]));
        assert_eq!(parts(b"ab"), (&b"ab"[..], &b""[..]));
    }
}
