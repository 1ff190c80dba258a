//! Model files made of arbitrary bytes.

use std::io::Cursor;

use super::*;

const TOKENIZER: &[u8] = br#"{"model":{"vocab":{"a":0,"\u0120b":1}}}"#;

#[test]
fn any_gguf_file_is_refused_or_converted_to_a_readable_one() {
    visavis_fuzz::run("gguf", |input| {
        let mut out = Vec::new();
        if gguf_iq4_nl(Cursor::new(input), &mut out).is_ok() {
            gguf::is_converted(input, &out);
        }
    });
}

#[test]
fn any_ctranslate2_file_is_refused_or_converted_to_a_readable_one() {
    visavis_fuzz::run("ctranslate2", |input| {
        let mut out = Vec::new();
        if ctranslate2_whisper(Cursor::new(input), TOKENIZER, &mut out).is_ok() {
            assert!(tests::count_tensors(&out) > 10);
        }
    });
}

#[test]
fn any_tokenizer_is_refused_or_has_at_most_as_many_tokens_as_bytes() {
    visavis_fuzz::run("tokenizer", |input| {
        let Ok(tokens) = vocab::tokens(input) else { return };
        assert!(tokens.iter().map(Vec::len).sum::<usize>() + tokens.len() <= input.len());
    });
}
