//! Checks the structure of a ggml Whisper file, without reading its weights. whisper.cpp trusts what it reads: a wrong
//! length makes it abort the process or use zeros as weights, so a broken file must be detected first.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};

const MAGIC: i32 = 0x6767_6d6c;

/// Checks the file's structure.
///
/// # Errors
/// What is wrong with the file, and what to do.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    let walked = (|| {
        let file = File::open(path)?;
        let about = file.metadata()?;
        ensure!(about.is_file(), "it is not a file");
        Walk { reader: BufReader::new(file), left: about.len() }.model()
    })();
    walked.map_err(|error| {
        anyhow!(
            "the model {} cannot be used: {error:#}; fetch it with `visavis models fetch`, or name another with --model",
            path.display()
        )
    })
}

struct Walk<R> {
    reader: BufReader<R>,
    left: u64,
}

impl<R: Read + Seek> Walk<R> {
    fn model(&mut self) -> anyhow::Result<()> {
        let magic = self.int().context("the file is empty")?;
        ensure!(magic == MAGIC, "it is not in whisper.cpp's ggml format (magic number {magic:#010x})");
        let n_vocab = self.header()?;
        self.filters()?;
        self.vocabulary(n_vocab)?;
        let mut tensors = 0;
        while self.left > 0 {
            self.tensor().with_context(|| format!("broken at tensor {tensors}"))?;
            tensors += 1;
        }
        ensure!(tensors > 0, "it has no weights");
        Ok(())
    }

    fn header(&mut self) -> anyhow::Result<i32> {
        let mut header = [0; 11];
        for value in &mut header {
            *value = self.int()?;
        }
        let [
            n_vocab,
            audio_ctx,
            state,
            head,
            layers,
            text_ctx,
            text_state,
            text_head,
            text_layers,
            mels,
            ftype,
        ] = header;
        let plausible = (51_864..=51_866).contains(&n_vocab)
            && audio_ctx == 1500
            && text_ctx == 448
            && (64..=4096).contains(&state)
            && text_state == state
            && (1..=64).contains(&head)
            && (1..=64).contains(&text_head)
            && [4, 6, 12, 24, 32].contains(&layers)
            && (1..=64).contains(&text_layers)
            && (mels == 80 || mels == 128)
            && (0..4000).contains(&ftype);
        ensure!(plausible, "its header is not that of a Whisper model: {header:?}");
        Ok(n_vocab)
    }

    fn filters(&mut self) -> anyhow::Result<()> {
        let (mels, bins) = (self.int()?, self.int()?);
        ensure!((mels == 80 || mels == 128) && bins == 201, "its mel filters have the size {mels} x {bins}");
        self.skip(u64::from(mels.unsigned_abs()) * u64::from(bins.unsigned_abs()) * 4)
    }

    fn vocabulary(&mut self, n_vocab: i32) -> anyhow::Result<()> {
        let count = self.int()?;
        ensure!((50_000..=n_vocab).contains(&count), "it has {count} tokens in its vocabulary");
        for index in 0..count {
            let length = self.int()?;
            ensure!((0..=1024).contains(&length), "token {index} of its vocabulary has {length} bytes");
            self.skip(u64::from(length.unsigned_abs()))?;
        }
        Ok(())
    }

    fn tensor(&mut self) -> anyhow::Result<()> {
        let (rank, name, kind) = (self.int()?, self.int()?, self.int()?);
        ensure!((1..=4).contains(&rank) && (1..=128).contains(&name), "rank {rank}, name of {name} bytes");
        let mut elements = 1_u64;
        for _ in 0..rank {
            let size = self.int()?;
            ensure!((1..=1 << 24).contains(&size), "a dimension is {size}");
            elements = elements.saturating_mul(u64::from(size.unsigned_abs()));
        }
        self.skip(u64::from(name.unsigned_abs()))?;
        let (block, bytes) = block_size(kind).with_context(|| format!("unknown number format {kind}"))?;
        ensure!(elements.is_multiple_of(block), "{elements} elements in blocks of {block}");
        self.skip((elements / block).saturating_mul(bytes))
    }

    fn int(&mut self) -> anyhow::Result<i32> {
        if self.left < 4 {
            bail!("the file ends too early: it was not copied or downloaded whole");
        }
        let mut bytes = [0; 4];
        self.reader.read_exact(&mut bytes)?;
        self.left -= 4;
        Ok(i32::from_le_bytes(bytes))
    }

    fn skip(&mut self, bytes: u64) -> anyhow::Result<()> {
        if self.left < bytes {
            bail!("the file ends too early: it was not copied or downloaded whole");
        }
        self.reader.seek_relative(i64::try_from(bytes)?)?;
        self.left -= bytes;
        Ok(())
    }
}

/// Elements and bytes of one block of a ggml number format.
fn block_size(kind: i32) -> Option<(u64, u64)> {
    Some(match kind {
        0 => (1, 4),     // f32
        1 => (1, 2),     // f16
        2 => (32, 18),   // q4_0
        3 => (32, 20),   // q4_1
        6 => (32, 22),   // q5_0
        7 => (32, 24),   // q5_1
        8 => (32, 34),   // q8_0
        10 => (256, 84), // q2_K
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210), // q6_K
        _ => return None,
    })
}

#[cfg(test)]
mod fuzz_tests;
