//! The header of a GGUF file: metadata values, kept unchanged, and the location of each tensor.

use std::io::{Read, Seek, Write};

use anyhow::{Context, Result, bail, ensure};

use super::blocks::Kind;

const MAGIC: &[u8] = b"GGUF";
const VERSION: u32 = 3;
const FILE_TYPE: &str = "general.file_type";
const ALIGNMENT: &str = "general.alignment";
const UINT32: u32 = 4;
/// Limits beyond which a file is damaged rather than a model.
const MOST_TENSORS: u64 = 100_000;
const LONGEST_STRING: u64 = 1 << 24;
const MOST_DIMENSIONS: u32 = 4;
/// Files have 32. Limits the zeros written after a tensor.
const LARGEST_ALIGNMENT: u64 = 1 << 16;

/// One tensor's shape, type and location.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) dimensions: Vec<u64>,
    pub(super) kind: Kind,
    /// From the beginning of the data.
    pub(super) offset: u64,
}

impl Tensor {
    pub(super) fn weights(&self) -> u64 {
        self.dimensions.iter().product()
    }

    pub(super) fn bytes(&self) -> Result<u64> {
        let (weights, bytes) = self.kind.block();
        let row = self.dimensions.first().copied().unwrap_or(0);
        ensure!(row > 0 && row % weights as u64 == 0, "{} has rows of {row} weights", self.name);
        Ok(self.weights() / weights as u64 * bytes as u64)
    }
}

/// Everything except the data.
#[derive(Debug)]
pub(super) struct Header {
    /// Keys and values as raw bytes.
    values: Vec<u8>,
    count: u64,
    /// Offset of the file type in `values`.
    file_type: Option<usize>,
    alignment: u64,
    pub(super) tensors: Vec<Tensor>,
    /// Offset of the data in the file.
    pub(super) data: u64,
}

impl Header {
    pub(super) fn read<R: Read + Seek>(file: &mut R) -> Result<Self> {
        let mut magic = [0; 4];
        file.read_exact(&mut magic)?;
        ensure!(magic == MAGIC, "this is not a GGUF file");
        let mut reader = Reader { file, kept: Vec::new() };
        let version = reader.u32()?;
        ensure!(version == VERSION, "unknown GGUF version {version}");
        let (tensors, count) = (reader.u64()?, reader.u64()?);
        ensure!(tensors <= MOST_TENSORS && count <= MOST_TENSORS, "the header is damaged");
        reader.kept.clear();
        let (mut file_type, mut alignment) = (None, 32);
        for _ in 0..count {
            let key = reader.string()?;
            let kind = reader.u32()?;
            let at = reader.kept.len();
            reader.value(kind).with_context(|| format!("the value of {key}"))?;
            let number = || reader.kept[at..].try_into().map(u32::from_le_bytes).ok();
            match key.as_str() {
                FILE_TYPE if kind == UINT32 => file_type = Some(at),
                ALIGNMENT if kind == UINT32 => alignment = u64::from(number().unwrap_or(32)),
                _ => {}
            }
        }
        ensure!(
            alignment.is_power_of_two() && alignment <= LARGEST_ALIGNMENT,
            "the alignment {alignment} is not a power of two up to {LARGEST_ALIGNMENT}"
        );
        let values = std::mem::take(&mut reader.kept);
        let tensors = (0..tensors).map(|_| reader.tensor()).collect::<Result<_>>()?;
        let data = file.stream_position()?.next_multiple_of(alignment);
        Ok(Self { values, count, file_type, alignment, tensors, data })
    }

    pub(super) fn set_file_type(&mut self, number: u32) {
        if let Some(at) = self.file_type {
            self.values[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
    }

    /// Recomputes the tensors' offsets, in their order.
    pub(super) fn place(&mut self) {
        let mut offset = 0_u64;
        for tensor in &mut self.tensors {
            tensor.offset = offset;
            offset = (offset + tensor.bytes().unwrap_or(0)).next_multiple_of(self.alignment);
        }
    }

    pub(super) fn write(&self, out: &mut impl Write) -> Result<()> {
        let mut head = Vec::from(MAGIC);
        head.extend(VERSION.to_le_bytes());
        head.extend((self.tensors.len() as u64).to_le_bytes());
        head.extend(self.count.to_le_bytes());
        head.extend(&self.values);
        for tensor in &self.tensors {
            head.extend((tensor.name.len() as u64).to_le_bytes());
            head.extend(tensor.name.as_bytes());
            head.extend((tensor.dimensions.len() as u32).to_le_bytes());
            tensor.dimensions.iter().for_each(|size| head.extend(size.to_le_bytes()));
            head.extend(tensor.kind.number().to_le_bytes());
            head.extend(tensor.offset.to_le_bytes());
        }
        out.write_all(&head)?;
        self.pad(head.len() as u64, out)
    }

    /// Writes zeros after `written` bytes, up to the alignment.
    pub(super) fn pad(&self, written: u64, out: &mut impl Write) -> Result<()> {
        let zeros = written.next_multiple_of(self.alignment) - written;
        Ok(out.write_all(&vec![0; usize::try_from(zeros)?])?)
    }
}

/// Reads from the file and keeps a copy of what it read.
struct Reader<'a, R> {
    file: &'a mut R,
    kept: Vec<u8>,
}

impl<R: Read> Reader<'_, R> {
    fn bytes(&mut self, count: u64) -> Result<&[u8]> {
        let at = self.kept.len();
        let read = self.file.by_ref().take(count).read_to_end(&mut self.kept)?;
        ensure!(read as u64 == count, "the header is truncated");
        Ok(&self.kept[at..])
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes(4)?.try_into()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes(8)?.try_into()?))
    }

    fn string(&mut self) -> Result<String> {
        let length = self.u64()?;
        ensure!(length <= LONGEST_STRING, "a string of {length} bytes");
        Ok(String::from_utf8_lossy(self.bytes(length)?).into_owned())
    }

    fn value(&mut self, kind: u32) -> Result<()> {
        match kind {
            8 => _ = self.string()?,
            9 => {
                let (kind, count) = (self.u32()?, self.u64()?);
                match width(kind) {
                    Some(width) => {
                        ensure!(count <= LONGEST_STRING, "a list of {count}");
                        self.bytes(width * count)?;
                    }
                    None if kind == 8 => (0..count).try_for_each(|_| self.string().map(drop))?,
                    None => bail!("a list of unknown type {kind}"),
                }
            }
            _ => _ = self.bytes(width(kind).with_context(|| format!("type {kind}"))?)?,
        }
        Ok(())
    }

    fn tensor(&mut self) -> Result<Tensor> {
        let name = self.string()?;
        let dimensions = self.u32()?;
        ensure!(dimensions <= MOST_DIMENSIONS, "{name} has {dimensions} dimensions");
        let dimensions = (0..dimensions).map(|_| self.u64()).collect::<Result<Vec<_>>>()?;
        let weights = dimensions.iter().try_fold(1_u64, |all, size| all.checked_mul(*size));
        ensure!(weights.is_some_and(|weights| weights < 1 << 40), "{name} is too large");
        let number = self.u32()?;
        let kind = Kind::of(number).with_context(|| format!("{name} has the unknown type {number}"))?;
        Ok(Tensor { name, dimensions, kind, offset: self.u64()? })
    }
}

fn width(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}
