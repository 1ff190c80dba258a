//! How a request is refused.

use tonic::Status;

/// An `INVALID_ARGUMENT` status.
pub(crate) fn invalid(message: impl Into<String>) -> Status {
    Status::invalid_argument(message)
}
