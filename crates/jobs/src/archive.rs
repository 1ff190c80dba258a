//! Results in one file: an archive of files as they are, since sound is compressed already.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Files of this size and above need the archive's larger fields.
const LARGE: u64 = 0xf000_0000;

/// An archive that is being written.
pub struct Archive(ZipWriter<BufWriter<File>>);

impl Archive {
    /// An archive in this file.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self(ZipWriter::new(BufWriter::new(file)))
    }

    /// Adds a small file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn text(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        self.0.start_file(name, options(0))?;
        self.0.write_all(text)
    }

    /// Adds a file from the disk.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn file(&mut self, name: &str, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        self.0.start_file(name, options(file.metadata()?.len()))?;
        io::copy(&mut file, &mut self.0)?;
        Ok(())
    }

    /// The file, at its beginning.
    ///
    /// # Errors
    /// If the rest cannot be written.
    pub fn finish(self) -> io::Result<File> {
        let mut file = self.0.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(file)
    }
}

fn options(bytes: u64) -> SimpleFileOptions {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    options.large_file(bytes >= LARGE)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn an_archive_has_what_was_put_into_it() {
        let sound = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(sound.path(), b"sound").unwrap();
        let mut archive = Archive::new(tempfile::tempfile().unwrap());
        archive.text("index.json", b"{}").unwrap();
        archive.file("00000.mp3", sound.path()).unwrap();
        let mut read = ZipArchive::new(archive.finish().unwrap()).unwrap();
        for (name, expected) in [("index.json", "{}"), ("00000.mp3", "sound")] {
            let mut text = String::new();
            read.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, expected, "{name}");
        }
    }
}
