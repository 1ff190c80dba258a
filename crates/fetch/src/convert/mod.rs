//! Conversions between model formats, so that a model published in one format runs in an engine that reads another.

mod ct2;
mod gguf;
mod names;
mod vocab;
mod whisper;

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;

use std::io::{Read, Seek, Write};

use anyhow::{Context, Result};

/// Converts a CTranslate2 Whisper model (`model.bin` and its `tokenizer.json`) to whisper.cpp's ggml, f16.
pub fn ctranslate2_whisper<R: Read + Seek>(
    model: R,
    tokenizer: impl Read,
    out: &mut impl Write,
) -> Result<()> {
    whisper::convert(model, tokenizer, out).context("convert the CTranslate2 Whisper model to ggml")
}

/// Converts a GGUF model's Q5_0 layers to IQ4_NL, which is faster on a CPU.
pub fn gguf_iq4_nl<R: Read + Seek>(model: R, out: &mut impl Write) -> Result<()> {
    gguf::convert(model, out).context("convert the GGUF model to IQ4_NL")
}
