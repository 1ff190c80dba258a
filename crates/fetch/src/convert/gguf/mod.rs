//! GGUF → GGUF with the layers' Q5_0 matrices as IQ4_NL. Small models use Q5_0 a lot, because the K types need rows of
//! a multiple of 256 weights; llama.cpp has a fast CPU kernel for IQ4_NL, but not for Q5_0. Q4_0 is as fast, but its
//! responses drifted further. Everything else is unchanged.

mod blocks;
mod file;

use std::io::{Read, Seek, SeekFrom, Write};

use anyhow::{Context, Result, ensure};

use blocks::{IQ4_NL_BYTES, Kind, read_q5_0, write_iq4_nl};
use file::{Header, Tensor};

/// `general.file_type` of a file that is mostly IQ4_NL.
const MOSTLY_IQ4_NL: u32 = 25;
/// Blocks converted at a time.
const BATCH: usize = 32_768;

/// Writes `model` to `out` with the layers' matrices as IQ4_NL.
pub(super) fn convert<R: Read + Seek>(mut model: R, out: &mut impl Write) -> Result<()> {
    let mut header = Header::read(&mut model)?;
    let data = header.data;
    let before = header.tensors.clone();
    let mut slow: Vec<_> = header.tensors.iter_mut().filter(|tensor| is_slow(tensor)).collect();
    ensure!(!slow.is_empty(), "no layer is Q5_0: there is nothing to convert");
    slow.iter_mut().for_each(|tensor| tensor.kind = Kind::Iq4Nl);
    header.place();
    header.set_file_type(MOSTLY_IQ4_NL);
    header.write(out)?;
    for (old, new) in before.iter().zip(&header.tensors) {
        let place = data.checked_add(old.offset);
        let place = place.with_context(|| format!("the tensor {} has an impossible offset", old.name))?;
        model.seek(SeekFrom::Start(place))?;
        let mut source = model.by_ref().take(old.bytes()?);
        let written = if old.kind == new.kind {
            std::io::copy(&mut source, out)
        } else {
            requantise(&mut source, old, out)
        }
        .with_context(|| format!("convert the tensor {}", old.name))?;
        ensure!(written == new.bytes()?, "the file ends inside the tensor {}", old.name);
        header.pad(new.bytes()?, out)?;
    }
    Ok(())
}

fn is_slow(tensor: &Tensor) -> bool {
    tensor.name.starts_with("blk.") && tensor.kind == Kind::Q5_0
}

fn requantise(source: &mut impl Read, tensor: &Tensor, out: &mut impl Write) -> std::io::Result<u64> {
    let (weights_in_block, bytes_in_block) = tensor.kind.block();
    let mut left = usize::try_from(tensor.weights()).unwrap_or(usize::MAX) / weights_in_block;
    let (mut weights, mut converted, mut written) = (Vec::new(), Vec::new(), 0);
    let mut raw = vec![0; BATCH * bytes_in_block];
    while left > 0 {
        let take = left.min(BATCH);
        let raw = &mut raw[..take * bytes_in_block];
        source.read_exact(raw)?;
        converted.clear();
        for block in raw.chunks_exact(bytes_in_block) {
            weights.clear();
            read_q5_0(block, &mut weights);
            write_iq4_nl(&weights, &mut converted);
        }
        debug_assert_eq!(converted.len(), take * IQ4_NL_BYTES);
        out.write_all(&converted)?;
        written += converted.len() as u64;
        left -= take;
    }
    Ok(written)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use tests::is_converted;
