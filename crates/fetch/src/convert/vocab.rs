//! Token bytes from a Hugging Face `tokenizer.json` with byte-level BPE.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

#[derive(Deserialize)]
struct Tokenizer {
    model: Bpe,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Bpe {
    vocab: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct Added {
    content: String,
}

/// The tokenizer's own vocabulary as raw bytes in id order, without the added special tokens, which whisper.cpp
/// defines itself.
pub(super) fn tokens(reader: impl Read) -> Result<Vec<Vec<u8>>> {
    let tokenizer: Tokenizer = serde_json::from_reader(reader).context("tokenizer.json cannot be read")?;
    let added: HashSet<&str> = tokenizer.added_tokens.iter().map(|t| t.content.as_str()).collect();
    let mut own: Vec<(usize, &str)> = tokenizer
        .model
        .vocab
        .iter()
        .filter(|(text, _)| !added.contains(text.as_str()))
        .map(|(text, &id)| (id, text.as_str()))
        .collect();
    own.sort_unstable();
    let alphabet = byte_alphabet();
    own.iter()
        .enumerate()
        .map(|(expected, &(id, text))| {
            ensure!(id == expected, "tokenizer.json has no token with id {expected}");
            text.chars()
                .map(|c| {
                    alphabet
                        .get(&c)
                        .copied()
                        .with_context(|| format!("token {id} has the invalid character {c:?}"))
                })
                .collect()
        })
        .collect()
}

/// GPT-2's byte-level alphabet: printable bytes stand for themselves, the others are shifted past U+0100.
fn byte_alphabet() -> HashMap<char, u8> {
    let mut shifted = 0x100u32;
    (0..=255u8)
        .filter_map(|byte| {
            let printable = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
            let sign = if printable {
                char::from(byte)
            } else {
                shifted += 1;
                char::from_u32(shifted - 1)?
            };
            Some((sign, byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_their_bytes_and_added_ones_are_left_out() {
        let json = r#"{"model":{"vocab":{"Ġhi":1,"!":0,"":2,"åľº":3,"<|endoftext|>":4}},
            "added_tokens":[{"id":4,"content":"<|endoftext|>"}]}"#;
        let tokens = tokens(json.as_bytes()).unwrap();
        assert_eq!(tokens, [b"!".to_vec(), b" hi".to_vec(), Vec::new(), "场".as_bytes().to_vec()]);
    }

    #[test]
    fn a_gap_in_the_ids_is_refused() {
        let json = r#"{"model":{"vocab":{"a":0,"b":2}}}"#;
        assert!(tokens(json.as_bytes()).unwrap_err().to_string().contains("id 1"));
    }
}
