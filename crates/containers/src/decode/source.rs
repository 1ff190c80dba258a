//! A file as its reader sees it: some of its bytes are replaced.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// What a sound is read from.
pub(super) trait Source: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> Source for T {}

/// Four bytes that replace those of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) at: u64,
    pub(super) bytes: [u8; 4],
}

/// A file with its splices.
pub(super) struct Spliced {
    inner: Box<dyn Source>,
    position: u64,
    length: u64,
    splices: Vec<Splice>,
}

impl Spliced {
    /// Begins at the file's beginning.
    pub(super) fn new(mut inner: Box<dyn Source>, splices: Vec<Splice>) -> io::Result<Self> {
        let length = inner.seek(SeekFrom::End(0))?;
        let position = inner.seek(SeekFrom::Start(0))?;
        Ok(Self { inner, position, length, splices })
    }
}

impl Read for Spliced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        for splice in &self.splices {
            for (at, byte) in (splice.at..).zip(splice.bytes) {
                let place = at.checked_sub(self.position).and_then(|place| usize::try_from(place).ok());
                if let Some(place) = place.filter(|&place| place < count) {
                    buffer[place] = byte;
                }
            }
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Spliced {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.inner.seek(to)?;
        Ok(self.position)
    }
}

impl MediaSource for Spliced {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn splices_are_read_whatever_the_pieces_in_which_a_file_is_read() {
        let splices = vec![Splice { at: 2, bytes: *b"abcd" }, Splice { at: 8, bytes: *b"efgh" }];
        for piece in 1..10 {
            let mut file =
                Spliced::new(Box::new(Cursor::new(b"0123456789".to_vec())), splices.clone()).unwrap();
            let mut read = Vec::new();
            let mut buffer = vec![0; piece];
            loop {
                match file.read(&mut buffer).unwrap() {
                    0 => break,
                    count => read.extend_from_slice(&buffer[..count]),
                }
            }
            assert_eq!(read, b"01abcd67ef", "in pieces of {piece}");
            file.seek(SeekFrom::Start(5)).unwrap();
            let mut rest = Vec::new();
            file.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, b"d67ef");
        }
    }
}
