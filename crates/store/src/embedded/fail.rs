//! Failures of the file, by what to do about them.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{FileFault, StoreError, ValueFault};

/// Why something was not done in the file.
pub(super) enum Fail {
    /// The file itself.
    File(FileFault),
    /// What was asked is refused.
    Refused(StoreError),
}

impl Fail {
    /// As the store's error.
    pub(super) fn of(self, path: &Path) -> StoreError {
        match self {
            Self::File(fault) => StoreError::File { path: path.to_owned(), fault },
            Self::Refused(error) => error,
        }
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<ValueFault> for Fail {
    fn from(fault: ValueFault) -> Self {
        Self::Refused(fault.into())
    }
}

impl From<io::Error> for Fail {
    fn from(error: io::Error) -> Self {
        Self::File(of_system(&error))
    }
}

impl From<redb::Error> for Fail {
    fn from(error: redb::Error) -> Self {
        Self::File(match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => FileFault::InUse,
            redb::Error::Io(error) => of_system(&error),
            redb::Error::UpgradeRequired(_) => FileFault::Corrupt("its form is not known".into()),
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => FileFault::Io(error.to_string()),
            error => FileFault::Corrupt(error.to_string()),
        })
    }
}

/// The same for the errors of parts of the database.
macro_rules! of_database {
    ($($part:ty),+) => {
        $(impl From<$part> for Fail {
            fn from(error: $part) -> Self {
                redb::Error::from(error).into()
            }
        })+
    };
}

of_database!(
    redb::CommitError,
    redb::DatabaseError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError
);

fn of_system(error: &io::Error) -> FileFault {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => FileFault::ReadOnly(error.to_string()),
        // The database's own error for a file that is not a database.
        ErrorKind::InvalidData => FileFault::Foreign,
        ErrorKind::UnexpectedEof => FileFault::Corrupt(error.to_string()),
        _ => FileFault::Io(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_not_be_written_says_so_and_where_to_put_another() {
        for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
            let told = Fail::from(io::Error::from(kind)).of(Path::new("/s/calls.redb")).to_string();
            assert!(
                told.starts_with("/s/calls.redb: cannot be written (") && told.contains("store.path"),
                "{told}"
            );
        }
    }
}
