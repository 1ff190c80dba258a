//! A call's value as it stands in the file: under which lease it was written, and until when it is kept; a token's: until when it
//! is good, or when it was redeemed or made void. Pure; time is passed in.

use std::time::Duration;

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
    /// Reads a row; `None` if the bytes are too short for one.
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

/// Marks of a void and of a redeemed token. The number of redemptions stands between the marks and the time.
const VOID: u64 = 1 << 63;
const REDEEMED: u64 = 1 << 62;
/// Bits of the time. The bits of the number are between the time and the marks.
const TIME_BITS: u32 = 48;
const TIME: u64 = (1 << TIME_BITS) - 1;
const MOST_REDEMPTIONS: u64 = (1 << (62 - TIME_BITS)) - 1;

/// What a token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    Good,
    Redeemed,
    Void,
}

/// A row of the table of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenRow<'a> {
    pub(super) worth: Worth,
    /// Until when it is good, or when it was redeemed last or made void.
    pub(super) at: StoreTime,
    /// How often it was redeemed.
    pub(super) redemptions: u64,
    pub(super) value: &'a [u8],
}

impl<'a> TokenRow<'a> {
    /// Reads a row; `None` if the bytes are too short for one.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, value) = bytes.split_first_chunk()?;
        let head = u64::from_be_bytes(*head);
        let worth = match (head & VOID, head & REDEEMED) {
            (0, 0) => Worth::Good,
            (0, _) => Worth::Redeemed,
            _ => Worth::Void,
        };
        let redemptions = (head >> TIME_BITS) & MOST_REDEMPTIONS;
        Some(Self { worth, at: StoreTime(head & TIME), redemptions, value })
    }

    /// The result of redeeming the token now. A token that was redeemed less than `again` ago may be redeemed once more.
    pub(super) fn found(&self, now: StoreTime, again: Duration) -> Taken<Vec<u8>> {
        let value = self.value.to_vec();
        let number = u32::try_from(self.redemptions + 1).unwrap_or(u32::MAX);
        match self.worth {
            Worth::Good if self.at > now => Taken::Good { value, number },
            Worth::Redeemed if self.at.after(again) > now => Taken::Good { value, number },
            Worth::Good => Taken::Expired(value),
            Worth::Redeemed | Worth::Void => Taken::Used(value),
        }
    }

    /// The row after a redemption at this time.
    pub(super) fn redeemed(self, now: StoreTime) -> Self {
        Self { worth: Worth::Redeemed, at: now, redemptions: self.redemptions + 1, ..self }
    }

    /// Its bytes.
    pub(super) fn write(&self) -> Vec<u8> {
        let mark = match self.worth {
            Worth::Good => 0,
            Worth::Redeemed => REDEEMED,
            Worth::Void => VOID,
        };
        let redemptions = self.redemptions.min(MOST_REDEMPTIONS) << TIME_BITS;
        let head = mark | redemptions | self.at.0.min(TIME);
        [head.to_be_bytes().as_slice(), self.value].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: StoreTime = StoreTime(1_700_000_000_000);
    const AGAIN: Duration = Duration::from_secs(30);

    fn token(worth: Worth, redemptions: u64) -> TokenRow<'static> {
        TokenRow { worth, at: NOW, redemptions, value: b"v" }
    }

    #[test]
    fn a_token_s_row_is_read_back_whatever_it_is_worth() {
        for worth in [Worth::Good, Worth::Redeemed, Worth::Void] {
            for redemptions in [0, 1, MOST_REDEMPTIONS] {
                let row = token(worth, redemptions);
                assert_eq!(TokenRow::read(&row.write()), Some(row));
            }
            let often =
                TokenRow::read(&token(worth, MOST_REDEMPTIONS + 1).write()).map(|row| row.redemptions);
            assert_eq!(often, Some(MOST_REDEMPTIONS), "and it is worth the same");
        }
        assert_eq!(TokenRow::read(b"short"), None);
    }

    #[test]
    fn a_token_is_redeemed_again_for_a_while_and_not_once_it_is_void() {
        let good = TokenRow { at: NOW.after(AGAIN), ..token(Worth::Good, 0) };
        let number = |row: TokenRow<'_>, now| match row.found(now, AGAIN) {
            Taken::Good { number, .. } => Some(number),
            _ => None,
        };
        assert_eq!(number(good, NOW), Some(1));
        assert_eq!(good.found(NOW.after(AGAIN), AGAIN), Taken::Expired(b"v".to_vec()));
        let once = good.redeemed(NOW);
        assert_eq!(number(once, NOW.after(AGAIN / 2)), Some(2));
        assert_eq!(number(once.redeemed(NOW.after(AGAIN / 2)), NOW.after(AGAIN)), Some(3));
        assert_eq!(once.found(NOW.after(AGAIN), AGAIN), Taken::Used(b"v".to_vec()));
        assert_eq!(token(Worth::Void, 1).found(NOW, AGAIN), Taken::Used(b"v".to_vec()));
    }

    #[test]
    fn a_row_is_read_back_and_a_short_one_is_none() {
        let row = Row { fence: Fence(1), version: 2, expires: StoreTime(3), value: b"v" };
        let bytes = row.write();
        assert_eq!(Row::read(&bytes), Some(row));
        assert_eq!(Row::read(&bytes[..HEAD - 1]), None);
    }
}
