//! Results in one file: an archive of files as they are, since sound is compressed already. It is written as it is sent, and stands
//! nowhere else.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::rc::Rc;

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// Files, and archives, of this size and above need larger fields.
const LARGE: u64 = 0xf000_0000;

/// What an archive has.
#[derive(Debug, Default)]
pub struct Archive {
    entries: Vec<Entry>,
}

/// A file of an archive.
#[derive(Debug)]
struct Entry {
    name: String,
    from: Source,
    bytes: u64,
}

/// Where a file's bytes are.
#[derive(Debug)]
enum Source {
    Text(String),
    Disk(PathBuf),
}

impl Archive {
    /// Adds a small file.
    pub fn text(&mut self, name: &str, text: String) {
        let bytes = text.len() as u64;
        self.entries.push(Entry { name: name.to_owned(), from: Source::Text(text), bytes });
    }

    /// Adds a file from the disk, where it must stay as it is.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn file(&mut self, name: String, path: PathBuf) -> io::Result<()> {
        let bytes = fs::metadata(&path)?.len();
        self.entries.push(Entry { name, from: Source::Disk(path), bytes });
        Ok(())
    }

    /// How many bytes it has when it is written; none: it is so large that only writing tells.
    ///
    /// # Errors
    /// If two files have one name.
    pub fn length(&self) -> io::Result<Option<u64>> {
        let all: u64 = self.entries.iter().map(|entry| entry.bytes).sum();
        // All but the bytes of the files are of one length, whatever these are.
        let mut frame = Counted::default();
        let mut zip = ZipWriter::new_stream(&mut frame);
        for entry in &self.entries {
            zip.start_file(entry.name.as_str(), options(entry.bytes))?;
        }
        zip.finish()?;
        Ok(Some(frame.0 + all).filter(|length| *length < LARGE))
    }

    /// Writes it.
    ///
    /// # Errors
    /// If a file cannot be read, or is shorter now, or nobody takes what is written. What was written is no whole archive then.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let is_shut = Rc::new(Cell::new(false));
        let mut zip = ZipWriter::new_stream(Tap { out, is_shut: is_shut.clone() });
        for entry in &self.entries {
            // Dropped, the writer would end the archive as if it were whole.
            add(&mut zip, entry).inspect_err(|_| is_shut.set(true))?;
        }
        zip.finish()?.into_inner().out.flush()
    }
}

fn add<W: Write>(zip: &mut ZipWriter<StreamWriter<Tap<W>>>, entry: &Entry) -> io::Result<()> {
    zip.start_file(entry.name.as_str(), options(entry.bytes))?;
    match &entry.from {
        Source::Text(text) => zip.write_all(text.as_bytes()),
        Source::Disk(path) => {
            let copied = io::copy(&mut File::open(path)?.take(entry.bytes), zip)?;
            if copied == entry.bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
        }
    }
}

fn options(bytes: u64) -> SimpleFileOptions {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    options.large_file(bytes >= LARGE)
}

/// What an archive is written to, as long as it is whole so far.
struct Tap<W> {
    out: W,
    is_shut: Rc<Cell<bool>>,
}

impl<W: Write> Write for Tap<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_shut.get() {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        if written.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.is_shut.set(true);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_shut.get() { Ok(()) } else { self.out.flush() }
    }
}

/// Counts what is written.
#[derive(Debug, Default)]
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use zip::ZipArchive;

    use super::*;

    const END: &[u8] = b"PK\x05\x06";

    fn archive(sound: &Path) -> Archive {
        let mut archive = Archive::default();
        archive.text("index.json", "{}".to_owned());
        archive.file("00000.mp3".to_owned(), sound.to_owned()).unwrap();
        archive.file("00001.mp3".to_owned(), sound.to_owned()).unwrap();
        archive
    }

    fn sound(bytes: &[u8]) -> tempfile::NamedTempFile {
        let sound = tempfile::NamedTempFile::new().unwrap();
        fs::write(sound.path(), bytes).unwrap();
        sound
    }

    fn has_end(written: &[u8]) -> bool {
        written.windows(END.len()).any(|part| part == END)
    }

    /// Takes so many bytes and then no more, as a client that leaves.
    struct Leaves {
        taken: Vec<u8>,
        most: usize,
    }

    impl Write for Leaves {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.taken.len() + bytes.len() > self.most {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_archive_has_what_was_put_into_it_and_the_length_that_it_was_said_to_have() {
        let sound = sound(b"sound");
        let archive = archive(sound.path());
        let mut written = Vec::new();
        archive.write(&mut written).unwrap();
        assert_eq!(archive.length().unwrap(), Some(written.len() as u64));
        let mut read = ZipArchive::new(Cursor::new(written)).unwrap();
        for (name, expected) in [("index.json", "{}"), ("00000.mp3", "sound"), ("00001.mp3", "sound")] {
            let mut text = String::new();
            read.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, expected, "{name}");
        }
    }

    #[test]
    fn a_file_that_is_gone_or_shorter_leaves_an_archive_without_an_end() {
        for change in ["shorter", "gone"] {
            let sound = sound(b"sound");
            let archive = archive(sound.path());
            if change == "gone" {
                fs::remove_file(sound.path()).unwrap();
            } else {
                fs::write(sound.path(), b"so").unwrap();
            }
            let mut written = Vec::new();
            assert!(archive.write(&mut written).is_err(), "{change}");
            assert!(!has_end(&written), "{change}");
        }
    }

    #[test]
    fn whenever_a_client_leaves_that_is_an_error_and_nothing_follows() {
        let sound = sound(b"sound");
        let archive = archive(sound.path());
        let length = usize::try_from(archive.length().unwrap().unwrap()).unwrap();
        for most in 0..length {
            let mut leaves = Leaves { taken: Vec::new(), most };
            assert!(archive.write(&mut leaves).is_err(), "{most}");
            assert!(leaves.taken.len() <= most);
        }
        let mut stays = Leaves { taken: Vec::new(), most: length };
        archive.write(&mut stays).unwrap();
        assert!(has_end(&stays.taken));
    }
}
