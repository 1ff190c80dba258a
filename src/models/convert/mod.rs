//! Conversions between model formats, so that a model published in one can be run by an engine of another.

mod ct2;
mod names;
mod vocab;
mod whisper;

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
