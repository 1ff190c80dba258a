//! Errors that a caller distinguishes by more than their status code.

use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataValue;

use crate::v1::TooLong;

/// The trailer that carries a [`TooLong`].
const TOO_LONG: &str = "visavis-too-long-bin";

/// `INVALID_ARGUMENT` for a prompt of `got` tokens where `limit` fit.
pub fn too_long(limit: usize, got: usize, message: impl Into<String>) -> Status {
    let tokens = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let detail = TooLong { limit: tokens(limit), got: tokens(got) };
    let mut status = Status::invalid_argument(message);
    status.metadata_mut().insert_bin(TOO_LONG, MetadataValue::from_bytes(&detail.encode_to_vec()));
    status
}

/// The detail that [`too_long`] put into a status, if any.
#[must_use]
pub fn is_too_long(status: &Status) -> Option<TooLong> {
    let bytes = status.metadata().get_bin(TOO_LONG)?.to_bytes().ok()?;
    TooLong::decode(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_too_long_prompt_is_told_from_other_bad_input_by_its_trailer() {
        let status = too_long(768, 1100, "messages: too long");
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert_eq!(is_too_long(&status), Some(TooLong { limit: 768, got: 1100 }));
        assert_eq!(is_too_long(&Status::invalid_argument("messages: empty")), None);
    }
}
