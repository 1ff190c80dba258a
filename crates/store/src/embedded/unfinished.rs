//! Recreates a file whose creation was interrupted by a full disk or the end of the process. redb first sets the file's length,
//! then
//! writes the header without the mark, and the mark last. So such a file has no mark and only zeros after its header. If it were
//! kept, it
//! would be taken for another program's file from then on.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes of the mark with which a whole file begins.
const MARK: usize = 9;
/// Bytes of the header, behind which all is zero still.
const HEADER: u64 = 320;
/// Longest file of this kind; a new one has some 1.1 MiB.
const LONGEST: u64 = 8 << 20;

/// Empties a file whose creation was interrupted, unless another process is creating it now.
pub(super) fn clear(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    if !is_unfinished(&mut file)? {
        return Ok(());
    }
    match file.try_lock() {
        Ok(()) => {}
        // The process that creates it still holds the lock and handles its own failure.
        Err(TryLockError::WouldBlock) => return Ok(()),
        // The file system has no locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // The other process may have finished it in the meantime.
    if is_unfinished(&mut file)? {
        file.set_len(0)?;
        tracing::warn!(path = %path.display(), "the store's file was left unfinished, and is made anew");
    }
    Ok(())
}

fn is_unfinished(file: &mut File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if !(HEADER + 1..=LONGEST).contains(&length) {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(0))?;
    let mut mark = [0; MARK];
    file.read_exact(&mut mark)?;
    if mark != [0; MARK] {
        return Ok(false);
    }
    let mut rest = Vec::new();
    file.seek(SeekFrom::Start(HEADER))?;
    file.take(LONGEST).read_to_end(&mut rest)?;
    Ok(rest.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use redb::backends::FileBackend;
    use redb::{Database, StorageBackend};

    use super::super::file::File as Store;
    use super::*;
    use crate::clock::SystemClock;

    /// A disk that takes so many steps more, and is full then.
    #[derive(Debug)]
    struct Disk {
        file: FileBackend,
        left: Arc<AtomicUsize>,
    }

    impl Disk {
        fn step(&self) -> io::Result<()> {
            let took = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            took.map(drop).map_err(|_| io::ErrorKind::StorageFull.into())
        }
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.file.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.file.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.step()?;
            self.file.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.step()?;
            self.file.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.step()?;
            self.file.write(offset, data)
        }
    }

    /// Makes a database on a disk that takes so many steps; true if they were enough.
    fn make(path: &Path, steps: usize) -> bool {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).unwrap();
        let disk = Disk { file: FileBackend::new(file).unwrap(), left: Arc::new(AtomicUsize::new(steps)) };
        Database::builder().create_with_backend(disk).is_ok()
    }

    #[test]
    fn wherever_a_full_disk_has_cut_off_its_making_a_file_is_made_anew_by_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.redb");
        let (mut steps, mut without_mark) = (0, 0);
        loop {
            let whole = make(&path, steps);
            without_mark += usize::from(is_unfinished(&mut File::open(&path).unwrap()).unwrap());
            let opened = Store::open(&path, &SystemClock::default());
            assert!(opened.is_ok(), "it was cut off at step {steps}");
            drop(opened);
            fs::remove_file(&path).unwrap();
            if whole {
                break;
            }
            steps += 1;
        }
        assert!(without_mark > 0, "else this shows nothing");
    }

    #[test]
    fn another_programs_file_and_one_that_is_being_made_are_left_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.redb");
        let mut late = vec![0; 1 << 20];
        late[9000] = 1;
        let zeros_first = b"\0\0\0\0\0\0\0\0\0\0\0\0 and then a diary";
        for theirs in [b"my diary".to_vec(), late, zeros_first.to_vec(), zeros_first.repeat(300)] {
            fs::write(&path, &theirs).unwrap();
            clear(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), theirs);
        }
        let zeros = vec![0; 1 << 20];
        fs::write(&path, &zeros).unwrap();
        let maker = File::open(&path).unwrap();
        maker.lock().unwrap();
        clear(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), zeros.len() as u64);
        drop(maker);
        clear(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }
}
