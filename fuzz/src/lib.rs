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

use std::path::PathBuf;

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

/// A target's folder of this kind in the checkout that the test runs in. Not in the one that it was compiled in: checkouts that share a
/// build folder share the compiled crate.
fn folder(kind: &str, target: &str) -> PathBuf {
    checkout().join("fuzz").join(kind).join(target)
}

/// The checkout around the working directory: cargo runs tests in their package's folder, `scripts/fuzz.sh` at the root.
fn checkout() -> PathBuf {
    let here = std::env::current_dir().expect("a test has a working directory");
    let root = here.ancestors().find(|folder| folder.join("fuzz/corpus").is_dir());
    root.unwrap_or_else(|| panic!("{} is in no checkout of Visavis: run the test there", here.display()))
        .to_owned()
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
    fn the_seeds_are_those_of_the_checkout_that_the_test_runs_in() {
        let here = std::env::current_dir().unwrap();
        let seeds = folder("corpus", "rtp");
        assert!(seeds.is_dir() && seeds.starts_with(here), "{}", seeds.display());
    }

    #[test]
    fn an_input_has_two_parts() {
        assert_eq!(parts(b"ab\0c\0d"), (&b"ab"[..], &b"c\0d"[..]));
        assert_eq!(parts(b"ab"), (&b"ab"[..], &b""[..]));
    }
}
