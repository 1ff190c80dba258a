//! Model files of any bytes.

use std::io::Cursor;

use super::*;

const TOKENIZER: &[u8] = br#"{"model":{"vocab":{"a":0,"\u0120b":1}}}"#;

#[test]
fn a_gguf_file_of_any_bytes_is_refused_or_converted_to_one_that_can_be_read() {
    visavis_fuzz::run("gguf", |input| {
        let mut out = Vec::new();
        if gguf_iq4_nl(Cursor::new(input), &mut out).is_ok() {
            gguf::is_converted(input, &out);
        }
    });
}

#[test]
fn a_ctranslate2_file_of_any_bytes_is_refused_or_converted_to_one_that_can_be_read() {
    visavis_fuzz::run("ctranslate2", |input| {
        let mut out = Vec::new();
        if ctranslate2_whisper(Cursor::new(input), TOKENIZER, &mut out).is_ok() {
            assert!(tests::count_tensors(&out) > 10);
        }
    });
}

#[test]
fn a_tokenizer_of_any_bytes_is_refused_or_has_no_more_tokens_than_bytes() {
    visavis_fuzz::run("tokenizer", |input| {
        let Ok(tokens) = vocab::tokens(input) else { return };
        assert!(tokens.iter().map(Vec::len).sum::<usize>() + tokens.len() <= input.len());
    });
}
