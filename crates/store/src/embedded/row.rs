//! A call's value as it stands in the file: under which lease it was written, and until when it is kept. Pure.

use crate::ids::Fence;
use crate::timeline::StoreTime;

const HEAD: usize = 24;

/// A row of the table of contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) fence: Fence,
    pub(super) version: u64,
    pub(super) expires: StoreTime,
    pub(super) value: &'a [u8],
}

impl<'a> Row<'a> {
    /// Reads a row; `None` if it is none.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fence, rest) = bytes.split_first_chunk()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (expires, value) = rest.split_first_chunk()?;
        Some(Self {
            fence: Fence(u64::from_be_bytes(*fence)),
            version: u64::from_be_bytes(*version),
            expires: StoreTime(u64::from_be_bytes(*expires)),
            value,
        })
    }

    /// Its bytes.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.value.len());
        for number in [self.fence.0, self.version, self.expires.0] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend_from_slice(self.value);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_back_and_a_short_one_is_none() {
        let row = Row { fence: Fence(1), version: 2, expires: StoreTime(3), value: b"v" };
        let bytes = row.write();
        assert_eq!(Row::read(&bytes), Some(row));
        assert_eq!(Row::read(&bytes[..HEAD - 1]), None);
    }
}
