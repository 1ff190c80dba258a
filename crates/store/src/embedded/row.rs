//! A call's value as it stands in the file: under which lease it was written, and until when it is kept; a token's: until when it
//! is good, or when it was used. Pure.

use redb::TableDefinition;

use crate::ids::Fence;
use crate::timeline::StoreTime;
use crate::token::Taken;

/// A token's hash → its row.
pub(super) const TOKENS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("tokens");

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

/// Set in the time of a token that was used: the rest is when.
const USED: u64 = 1 << 63;

/// A row of the table of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenRow<'a> {
    /// Until when it is good, or when it was used.
    pub(super) good_until: StoreTime,
    pub(super) used: bool,
    pub(super) value: &'a [u8],
}

impl<'a> TokenRow<'a> {
    /// Reads a row; `None` if it is none.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (time, value) = bytes.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        Some(Self { good_until: StoreTime(time & !USED), used: time & USED != 0, value })
    }

    /// What somebody finds who shows the token.
    pub(super) fn found(&self, now: StoreTime) -> Taken<Vec<u8>> {
        let value = self.value.to_vec();
        match self.used {
            true => Taken::Used(value),
            false if self.good_until <= now => Taken::Expired(value),
            false => Taken::Good(value),
        }
    }

    /// Its bytes.
    pub(super) fn write(&self) -> Vec<u8> {
        let used = if self.used { USED } else { 0 };
        [(self.good_until.0 | used).to_be_bytes().as_slice(), self.value].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_s_row_is_read_back_used_or_not() {
        for used in [false, true] {
            let row = TokenRow { good_until: StoreTime(7), used, value: b"v" };
            assert_eq!(TokenRow::read(&row.write()), Some(row));
        }
        assert_eq!(TokenRow::read(b"short"), None);
    }

    #[test]
    fn a_row_is_read_back_and_a_short_one_is_none() {
        let row = Row { fence: Fence(1), version: 2, expires: StoreTime(3), value: b"v" };
        let bytes = row.write();
        assert_eq!(Row::read(&bytes), Some(row));
        assert_eq!(Row::read(&bytes[..HEAD - 1]), None);
    }
}
