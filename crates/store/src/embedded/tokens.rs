//! Operations on the table of resume tokens. Each is durable when it returns, except the extension of a token.

use std::time::Duration;

use redb::{ReadableDatabase, ReadableTable};

use super::extensions::Extensions;
use super::fail::Fail;
use super::file::{File, commit};
use super::row::{TOKENS, TokenRow, Worth};
use crate::timeline::StoreTime;
use crate::token::{Extended, Taken, TokenHash};

/// The tokens at a moment.
pub(super) struct Tokens<'a> {
    pub(super) file: &'a File,
    pub(super) extensions: &'a mut Extensions,
    pub(super) now: StoreTime,
}

impl Tokens<'_> {
    /// Keeps what a token stands for.
    pub(super) fn put(self, token: &TokenHash, value: &[u8], expires: StoreTime) -> Result<(), Fail> {
        self.write(token, &TokenRow { worth: Worth::Good, at: expires, redemptions: 0, value })
    }

    /// Extends a token to this time, unless it was redeemed.
    pub(super) fn extend(self, token: &TokenHash, until: StoreTime) -> Result<Extended, Fail> {
        let row = self.row(token)?;
        match row.as_deref().and_then(TokenRow::read) {
            None => Ok(Extended::Unknown),
            Some(row) if row.worth != Worth::Good => Ok(Extended::Used),
            Some(_) => {
                self.extensions.note(*token, until);
                if self.extensions.is_due(self.now) {
                    self.write_extensions()?;
                }
                Ok(Extended::Longer)
            }
        }
    }

    /// Redeems a token, and says what it stood for.
    pub(super) fn take(self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, Fail> {
        let row = self.row(token)?;
        // A guessed token causes no write.
        let Some(row) = row.as_deref().and_then(|row| self.read(token, row)) else {
            return Ok(Taken::Unknown);
        };
        let found = row.found(self.now, again);
        match found {
            Taken::Good { .. } => {
                let redeemed = row.redeemed(self.now);
                self.write(token, &redeemed)?;
            }
            // For the time, which does not go back behind this in the next process.
            Taken::Expired(_) => self.write(token, &row)?,
            Taken::Used(_) | Taken::Unknown => {}
        }
        Ok(found)
    }

    /// What a token is worth.
    pub(super) fn look_at(&self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, Fail> {
        let row = self.row(token)?;
        let row = row.as_deref().and_then(|row| self.read(token, row));
        Ok(row.map_or(Taken::Unknown, |row| row.found(self.now, again)))
    }

    /// Makes a token void.
    pub(super) fn void(self, token: &TokenHash) -> Result<(), Fail> {
        let now = self.now;
        self.change(token, |row| TokenRow { worth: Worth::Void, at: now, ..row })
    }

    /// Extends a token to this time, even if it was redeemed.
    pub(super) fn restore(self, token: &TokenHash, until: StoreTime) -> Result<(), Fail> {
        self.change(token, |row| TokenRow { worth: Worth::Good, at: until, ..row })
    }

    /// Writes another row of a token, unless it is void or not known.
    fn change(
        self,
        token: &TokenHash,
        change: impl FnOnce(TokenRow<'_>) -> TokenRow<'_>,
    ) -> Result<(), Fail> {
        let row = self.row(token)?;
        match row.as_deref().and_then(TokenRow::read) {
            Some(row) if row.worth != Worth::Void => self.write(token, &change(row)),
            _ => Ok(()),
        }
    }

    /// Writes all extensions, if there are any.
    pub(super) fn write_extensions(self) -> Result<(), Fail> {
        if self.extensions.is_empty() {
            return Ok(());
        }
        let write = self.file.database.begin_write()?;
        {
            let mut tokens = write.open_table(TOKENS)?;
            for (token, until) in self.extensions.all() {
                let row = tokens.get(token.bytes())?.map(|row| row.value().to_vec());
                if let Some(row) =
                    row.as_deref().and_then(TokenRow::read).filter(|row| row.worth == Worth::Good)
                {
                    tokens.insert(token.bytes(), TokenRow { at: until, ..row }.write().as_slice())?;
                }
            }
        }
        commit(write, self.now)?;
        self.extensions.were_written(self.now);
        Ok(())
    }

    fn row(&self, token: &TokenHash) -> Result<Option<Vec<u8>>, Fail> {
        let tokens = self.file.database.begin_read()?.open_table(TOKENS)?;
        let row = tokens.get(token.bytes())?;
        Ok(row.map(|row| row.value().to_vec()))
    }

    /// Reads a row, with its extension if it has one.
    fn read<'r>(&self, token: &TokenHash, row: &'r [u8]) -> Option<TokenRow<'r>> {
        let row = TokenRow::read(row)?;
        let extended = self.extensions.of(token).filter(|_| row.worth == Worth::Good);
        Some(TokenRow { at: extended.unwrap_or(row.at), ..row })
    }

    fn write(self, token: &TokenHash, row: &TokenRow<'_>) -> Result<(), Fail> {
        let write = self.file.database.begin_write()?;
        write.open_table(TOKENS)?.insert(token.bytes(), row.write().as_slice())?;
        commit(write, self.now)?;
        self.extensions.forget(token);
        Ok(())
    }
}
