//! The table of resume tokens, and what is done in it. All but the extension of a token is durable when it returns.

use redb::{ReadableDatabase, ReadableTable};

use super::extensions::Extensions;
use super::fail::Fail;
use super::file::{File, commit};
use super::row::{TOKENS, TokenRow};
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
        self.write(token, &TokenRow { good_until: expires, used: false, value })
    }

    /// Lets a token be good until then, unless it was used.
    pub(super) fn extend(self, token: &TokenHash, until: StoreTime) -> Result<Extended, Fail> {
        let row = self.row(token)?;
        match row.as_deref().and_then(TokenRow::read) {
            None => Ok(Extended::Unknown),
            Some(row) if row.used => Ok(Extended::Used),
            Some(_) => {
                self.extensions.note(*token, until);
                if self.extensions.is_due(self.now) {
                    self.write_extensions()?;
                }
                Ok(Extended::Longer)
            }
        }
    }

    /// Uses a token up, and says what it stood for.
    pub(super) fn take(self, token: &TokenHash) -> Result<Taken<Vec<u8>>, Fail> {
        let row = self.row(token)?;
        // Who guesses costs no write.
        let Some(row) = row.as_deref().and_then(|row| self.read(token, row)) else {
            return Ok(Taken::Unknown);
        };
        let found = row.found(self.now);
        match found {
            Taken::Good(_) => {
                let used = TokenRow { good_until: self.now, used: true, ..row };
                self.write(token, &used)?;
            }
            // For the time, which does not go back behind this in the next process.
            Taken::Expired(_) => self.write(token, &row)?,
            Taken::Used(_) | Taken::Unknown => {}
        }
        Ok(found)
    }

    /// What a token is worth.
    pub(super) fn look_at(&self, token: &TokenHash) -> Result<Taken<Vec<u8>>, Fail> {
        let row = self.row(token)?;
        let row = row.as_deref().and_then(|row| self.read(token, row));
        Ok(row.map_or(Taken::Unknown, |row| row.found(self.now)))
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
                if let Some(row) = row.as_deref().and_then(TokenRow::read).filter(|row| !row.used) {
                    tokens.insert(token.bytes(), TokenRow { good_until: until, ..row }.write().as_slice())?;
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

    /// Reads a row, with the time that counts.
    fn read<'r>(&self, token: &TokenHash, row: &'r [u8]) -> Option<TokenRow<'r>> {
        let row = TokenRow::read(row)?;
        let extended = self.extensions.of(token).filter(|_| !row.used);
        Some(TokenRow { good_until: extended.unwrap_or(row.good_until), ..row })
    }

    fn write(self, token: &TokenHash, row: &TokenRow<'_>) -> Result<(), Fail> {
        let write = self.file.database.begin_write()?;
        write.open_table(TOKENS)?.insert(token.bytes(), row.write().as_slice())?;
        commit(write, self.now)?;
        self.extensions.forget(token);
        Ok(())
    }
}
