//! Reads the header of a GGUF file: the values that describe the kind of model, and whether the file is complete.

use std::io::{BufReader, Error, Read, Seek};

const MAGIC: &[u8] = b"GGUF";
const ALIGNMENT: u64 = 32;
/// Longer values cannot be those of the keys that are read.
const LONGEST_VALUE: u64 = 256;
/// The format's own limit.
const LONGEST_KEY: u64 = 65_535;
const MOST_DIMENSIONS: u32 = 8;

const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// The facts in a header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// `general.architecture`, such as `llama`.
    pub(super) architecture: String,
    /// How an embedding model combines its vectors into one; 0: not at all.
    pub(super) kind: String,
    /// How an embedding model makes one vector of many; 0: not at all.
    pub(super) pooling: Option<u64>,
    /// Whether a token attends only to those before it.
    pub(super) causal: Option<bool>,
}

/// Why a header cannot be used.
#[derive(Debug)]
pub(super) enum Fault {
    NotGguf,
    /// The file ends before its header or its last tensor.
    Truncated,
    Damaged(&'static str),
    Version(u32),
    Io(Error),
}

/// Reads the header of a file with this many bytes.
pub(super) fn read<R: Read + Seek>(file: BufReader<R>, length: u64) -> Result<Facts, Fault> {
    let mut reader = Reader { file, length, at: 0 };
    let mut magic = [0; 4];
    match reader.fill(&mut magic) {
        Ok(()) if magic == MAGIC => {}
        Ok(()) | Err(Fault::Truncated) => return Err(Fault::NotGguf),
        Err(fault) => return Err(fault),
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(Fault::Version(version));
    }
    let (tensors, values) = (reader.u64()?, reader.u64()?);
    let (mut facts, mut alignment) = (Facts::default(), ALIGNMENT);
    for _ in 0..values {
        reader.entry(&mut facts, &mut alignment)?;
    }
    if !alignment.is_power_of_two() {
        return Err(Fault::Damaged("its alignment is not a power of two"));
    }
    let mut last = None;
    for _ in 0..tensors {
        last = last.max(Some(reader.tensor()?));
    }
    // llama.cpp checks the sizes of the tensors; here only the last one must begin within the file.
    let start = reader.at.checked_next_multiple_of(alignment);
    let begins = last.map_or(Some(0), |last| start?.checked_add(last));
    match begins.ok_or(Fault::Damaged("a tensor lies outside it"))? {
        begins if last.is_some() && begins >= length => Err(Fault::Truncated),
        _ => Ok(facts),
    }
}

struct Reader<R> {
    file: BufReader<R>,
    length: u64,
    at: u64,
}

impl<R: Read + Seek> Reader<R> {
    /// Counts bytes that are about to be read or skipped.
    fn take(&mut self, count: u64) -> Result<(), Fault> {
        if count > self.length - self.at {
            return Err(Fault::Truncated);
        }
        self.at += count;
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Fault> {
        self.take(bytes.len() as u64)?;
        self.file.read_exact(bytes).map_err(Fault::Io)
    }

    fn skip(&mut self, count: u64) -> Result<(), Fault> {
        self.take(count)?;
        let count = i64::try_from(count).map_err(|_| Fault::Truncated)?;
        self.file.seek_relative(count).map_err(Fault::Io)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// A string of at most this many bytes; a longer one is skipped.
    fn string(&mut self, longest: u64) -> Result<Option<String>, Fault> {
        let length = self.u64()?;
        if length > longest {
            self.skip(length)?;
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Fault::Truncated)?];
        self.fill(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// A key and its value, kept if it is one of the facts.
    fn entry(&mut self, facts: &mut Facts, alignment: &mut u64) -> Result<(), Fault> {
        let key = self.string(LONGEST_KEY)?.ok_or(Fault::Damaged("a key is too long"))?;
        let kind = self.u32()?;
        match (key.as_str(), kind) {
            ("general.architecture", STRING) => {
                facts.architecture = self.string(LONGEST_VALUE)?.unwrap_or_default();
            }
            ("general.type", STRING) => facts.kind = self.string(LONGEST_VALUE)?.unwrap_or_default(),
            ("general.alignment", 4) => *alignment = self.u32()?.into(),
            (key, 4 | 5) if key.ends_with(".pooling_type") => facts.pooling = Some(self.u32()?.into()),
            (key, BOOL) if key.ends_with(".attention.causal") => {
                let mut byte = [0];
                self.fill(&mut byte)?;
                facts.causal = Some(byte != [0]);
            }
            _ => self.skip_value(kind)?,
        }
        Ok(())
    }

    fn skip_value(&mut self, kind: u32) -> Result<(), Fault> {
        let width = |kind| width(kind).ok_or(Fault::Damaged("a value has an unknown type"));
        match kind {
            STRING => self.string(0).map(drop),
            ARRAY => {
                let (kind, count) = (self.u32()?, self.u64()?);
                if kind == STRING {
                    return (0..count).try_for_each(|_| self.string(0).map(drop));
                }
                let bytes = width(kind)?.checked_mul(count);
                self.skip(bytes.ok_or(Fault::Truncated)?)
            }
            _ => self.skip(width(kind)?),
        }
    }

    /// A tensor's offset from the beginning of the data.
    fn tensor(&mut self) -> Result<u64, Fault> {
        self.string(0)?;
        let dimensions = self.u32()?;
        if dimensions > MOST_DIMENSIONS {
            return Err(Fault::Damaged("a tensor has too many dimensions"));
        }
        self.skip(u64::from(dimensions) * 8 + 4)?;
        self.u64()
    }
}

/// Bytes of a value of this type, unless it is a string or a list.
fn width(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | BOOL => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}
