//! Why jobs cannot be kept.

use std::io;

/// Why jobs cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Jobs have all the room that they may have.
    #[error("jobs have all of their {0} MiB on the disk (jobs.disk_mb)")]
    Limit(u64),
    /// One job has all the room that one may have.
    #[error("a job has at most half of the {0} MiB of all jobs (jobs.disk_mb); send the rest as another job")]
    Share(u64),
    /// One job has as many items as one may have.
    #[error("a job has at most {0} items; send the rest as another job")]
    Items(u32),
    /// Jobs have as many items as they may have.
    #[error("jobs have all of their {0} items, those of jobs that are over included; delete some of these")]
    AllItems(u64),
    /// The disk is full.
    #[error("the disk is full (jobs.dir)")]
    Full,
    /// The job was cancelled or deleted.
    #[error("the job is over")]
    Gone,
    /// Another server uses the folder.
    #[error("another server uses the folder (jobs.dir)")]
    Taken,
    /// The disk fails.
    #[error("the folder of jobs cannot be used (jobs.dir): {0}")]
    Io(io::Error),
}

impl StoreError {
    /// Whether it helps to make room.
    #[must_use]
    pub fn lacks_room(&self) -> bool {
        matches!(self, Self::Limit(_) | Self::AllItems(_) | Self::Full)
    }

    /// Whether the job is too large for this server, however much room there is.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Share(_) | Self::Items(_))
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}
