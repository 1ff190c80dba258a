//! WAV headers that lie about their size: those of streams, of recorders that were cut off, and of files above 4 GiB.

use std::io::{self, SeekFrom};

use super::source::{Source, Splice};
use crate::error::DecodeError;

/// The length that readers interpret as "to the end of the file".
const NOT_KNOWN: [u8; 4] = u32::MAX.to_le_bytes();
/// Most chunks before the samples; no program writes as many.
const CHUNKS: usize = 256;
/// The most channels. More are a damaged header, whose numbers readers multiply.
const CHANNELS: u16 = 64;

/// A chunk's name and length.
struct Chunk {
    name: [u8; 4],
    length: u32,
}

impl Chunk {
    fn looks_real(&self, rest: u64) -> bool {
        self.name.iter().all(|byte| (b' '..=b'~').contains(byte)) && u64::from(self.length) <= rest
    }
}

/// The corrections to a WAV file's header; none for other files.
pub(super) fn splices(file: &mut dyn Source) -> Result<Vec<Splice>, DecodeError> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut begin = [0; 12];
    if !filled(file, &mut begin)?
        || !matches!(&begin[..4], b"RIFF" | b"RF64" | b"BW64")
        || begin[8..] != *b"WAVE"
    {
        return Ok(Vec::new());
    }
    // Readers know the long form's name from the first only; its own lengths are not needed.
    let mut splices = vec![Splice { at: 0, bytes: *b"RIFF" }, Splice { at: 4, bytes: NOT_KNOWN }];
    let mut at = 12;
    for _ in 0..CHUNKS {
        let Some(chunk) = chunk(file, at)? else { break };
        let samples = at + 8;
        if chunk.name == *b"data" {
            let bytes = length(file, chunk.length, samples, end)?.to_le_bytes();
            splices.push(Splice { at: at + 4, bytes });
            break;
        }
        if chunk.name == *b"fmt " {
            check(file, samples)?;
        }
        at = samples + u64::from(chunk.length) + u64::from(chunk.length % 2);
    }
    Ok(splices)
}

/// Refuses a number of channels that no sound has.
fn check(file: &mut dyn Source, format: u64) -> Result<(), DecodeError> {
    file.seek(SeekFrom::Start(format + 2))?;
    let mut channels = [0; 2];
    if !filled(file, &mut channels)? {
        return Ok(());
    }
    match u16::from_le_bytes(channels) {
        1..=CHANNELS => Ok(()),
        told => {
            let detail = format!("its header tells of {told} channels, not of 1 to {CHANNELS}");
            Err(DecodeError::Damaged { container: "wav", detail })
        }
    }
}

/// How many bytes of samples there are from `samples` on, where the header says `claimed`.
fn length(file: &mut dyn Source, claimed: u32, samples: u64, end: u64) -> io::Result<u32> {
    let rest = end.saturating_sub(samples);
    let all = u32::try_from(rest).unwrap_or(u32::MAX);
    if u64::from(claimed) >= rest {
        return Ok(all);
    }
    // After the samples comes another chunk or padding; otherwise the header is wrong.
    let behind = samples + u64::from(claimed) + u64::from(claimed % 2);
    let honest = match chunk(file, behind)? {
        Some(chunk) => chunk.looks_real(end.saturating_sub(behind + 8)),
        None => true,
    };
    Ok(if honest { claimed } else { all })
}

fn chunk(file: &mut dyn Source, at: u64) -> io::Result<Option<Chunk>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = [0; 8];
    if !filled(file, &mut bytes)? {
        return Ok(None);
    }
    let [a, b, c, d, e, f, g, h] = bytes;
    Ok(Some(Chunk { name: [a, b, c, d], length: u32::from_le_bytes([e, f, g, h]) }))
}

/// Whether the file has as many bytes.
fn filled(file: &mut dyn Source, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn told(claimed: u32, samples: usize, behind: &[u8]) -> u32 {
        let mut file =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data".to_vec();
        file.extend(claimed.to_le_bytes());
        file.extend(std::iter::repeat_n(0xc3, samples));
        file.extend(behind);
        let mut file = Cursor::new(file);
        let splices = splices(&mut file).unwrap();
        assert_eq!(splices[2].at, 40);
        u32::from_le_bytes(splices[2].bytes)
    }

    #[test]
    fn a_length_is_believed_only_where_the_file_bears_it_out() {
        for (claimed, samples, behind, is) in [
            (100, 100, &b""[..], 100),
            (100, 100, b"LIST\x04\0\0\0INFO", 100),
            (100, 100, b"\0", 100),
            // Streams, and a recorder that was switched off.
            (u32::MAX, 100, b"", 100),
            (0, 100, b"", 100),
            (0, 0, b"", 0),
            (0, 0, b"LIST\x04\0\0\0INFO", 0),
            // Cut off on the way.
            (4_000, 100, b"", 100),
            // No chunk begins where the samples are said to end.
            (20, 100, b"", 100),
        ] {
            assert_eq!(told(claimed, samples, behind), is, "{claimed} of {samples} and {behind:?}");
        }
    }

    #[test]
    fn other_files_are_left_as_they_are() {
        let mut file = Cursor::new(b"RIFF\0\0\0\0AVI LIST".to_vec());
        assert!(splices(&mut file).unwrap().is_empty());
    }
}
