//! Reads CTranslate2 model files (`model.bin`, format version 6).
//!
//! Only the table of contents is kept in memory; tensor data is read on demand.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use anyhow::{Context, Result, bail, ensure};

const VERSION: u32 = 6;
/// Known models have at most a few thousand variables; a larger count means a damaged file.
const MAX_VARIABLES: u32 = 65_536;
const MAX_RANK: u8 = 8;

/// Element type of a stored tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DType {
    /// 32-bit float.
    F32,
    /// 8-bit integer.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 16-bit IEEE float.
    F16,
}

impl DType {
    fn from_code(code: u8) -> Result<Self> {
        Ok(match code {
            0 => Self::F32,
            1 => Self::I8,
            2 => Self::I16,
            3 => Self::I32,
            4 => Self::F16,
            other => bail!("unknown CTranslate2 data type {other}"),
        })
    }

    fn bytes(self) -> u64 {
        match self {
            Self::I8 => 1,
            Self::I16 | Self::F16 => 2,
            Self::F32 | Self::I32 => 4,
        }
    }
}

/// One variable's shape, type and location in the file.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// Dimensions, outermost first.
    pub(super) dims: Vec<usize>,
    /// Element type.
    pub(super) dtype: DType,
    offset: u64,
    bytes: u64,
}

/// An open CTranslate2 file: its table of contents and a seekable reader.
#[derive(Debug)]
pub(super) struct Ct2File<R> {
    reader: R,
    variables: BTreeMap<String, Variable>,
}

impl<R: Read + Seek> Ct2File<R> {
    /// Reads the table of contents and checks that every tensor is within the file.
    pub(super) fn open(mut reader: R) -> Result<Self> {
        let len = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        let version = read_u32(&mut reader)?;
        ensure!(version == VERSION, "not a CTranslate2 version {VERSION} file (version field is {version})");
        let spec = read_string(&mut reader)?;
        ensure!(spec == "WhisperSpec", "the CTranslate2 file holds a {spec:?}, expected a WhisperSpec");
        let _revision = read_u32(&mut reader)?;
        let count = read_u32(&mut reader)?;
        ensure!(
            count <= MAX_VARIABLES,
            "{count} variables declared, more than {MAX_VARIABLES}: the file is damaged"
        );
        let mut variables = BTreeMap::new();
        for _ in 0..count {
            let (name, variable) = read_entry(&mut reader, len)?;
            variables.insert(name, variable);
        }
        Ok(Self { reader, variables })
    }

    /// The variable of this name, if the file has it.
    pub(super) fn get(&self, name: &str) -> Option<&Variable> {
        self.variables.get(name)
    }

    /// The raw little-endian bytes of one variable.
    pub(super) fn read(&mut self, name: &str) -> Result<(Variable, Vec<u8>)> {
        let variable =
            self.variables.get(name).with_context(|| format!("the model lacks the tensor {name}"))?.clone();
        self.reader.seek(SeekFrom::Start(variable.offset))?;
        let mut data = vec![0; usize::try_from(variable.bytes)?];
        self.reader.read_exact(&mut data).with_context(|| format!("read the tensor {name}"))?;
        Ok((variable, data))
    }
}

fn read_entry<R: Read + Seek>(reader: &mut R, file_len: u64) -> Result<(String, Variable)> {
    let name = read_string(reader)?;
    let rank = read_u8(reader)?;
    ensure!(rank <= MAX_RANK, "tensor {name} has rank {rank}: the file is damaged");
    let dims: Vec<usize> =
        (0..rank).map(|_| Ok(usize::try_from(read_u32(reader)?)?)).collect::<Result<_>>()?;
    let dtype = DType::from_code(read_u8(reader)?).with_context(|| format!("tensor {name}"))?;
    let bytes = u64::from(read_u32(reader)?);
    let elements = dims.iter().try_fold(1u64, |n, &d| n.checked_mul(u64::try_from(d).ok()?));
    ensure!(
        elements.and_then(|n| n.checked_mul(dtype.bytes())) == Some(bytes),
        "tensor {name} has shape {dims:?} but {bytes} bytes: the file is damaged"
    );
    let offset = reader.stream_position()?;
    ensure!(
        offset.saturating_add(bytes) <= file_len,
        "the file ends inside the tensor {name}: it is truncated"
    );
    reader.seek(SeekFrom::Start(offset + bytes))?;
    Ok((name, Variable { dims, dtype, offset, bytes }))
}

fn read_u8(reader: &mut impl Read) -> Result<u8> {
    let mut b = [0; 1];
    reader.read_exact(&mut b).context("the CTranslate2 file is truncated")?;
    Ok(b[0])
}

fn read_u32(reader: &mut impl Read) -> Result<u32> {
    let mut b = [0; 4];
    reader.read_exact(&mut b).context("the CTranslate2 file is truncated")?;
    Ok(u32::from_le_bytes(b))
}

/// A string is a 16-bit length that counts its closing NUL, then the bytes.
fn read_string(reader: &mut impl Read) -> Result<String> {
    let mut b = [0; 2];
    reader.read_exact(&mut b).context("the CTranslate2 file is truncated")?;
    let mut text = vec![0; usize::from(u16::from_le_bytes(b))];
    reader.read_exact(&mut text).context("the CTranslate2 file is truncated")?;
    ensure!(text.pop() == Some(0), "a name in the CTranslate2 file is not NUL-terminated");
    String::from_utf8(text).context("a name in the CTranslate2 file is not UTF-8")
}
