//! The file, and what is done in its table of contexts, each in one transaction that is durable when it returns.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableHandle, WriteTransaction};

use super::fail::Fail;
use super::row::{Row, TOKENS, TokenRow};
use super::unfinished;
use crate::clock::Clock;
use crate::envelope;
use crate::error::FileFault;
use crate::ids::{CallId, Fence, Lease};
use crate::leases::Leases;
use crate::timeline::{StoreTime, Timeline};
use crate::token::TOKEN_REMEMBERED;

/// The form of the tables that is written, and the newest that is read.
pub(super) const SCHEMA: u64 = 1;

/// A call's id → its row.
const CONTEXTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("contexts");
/// When a row expires, and of which call it is.
const EXPIRIES: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("expiries");
/// Numbers about the file.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
/// Keys of these numbers: the form of the tables, and the time of the latest write.
const ABOUT_SCHEMA: &str = "schema";
const ABOUT_TIME: &str = "time";

/// Bytes of pages that are kept in memory.
const CACHE: usize = 8 << 20;
/// Most rows that one sweep removes; the next one goes on.
const SWEPT: usize = 1_000;

/// The open file.
pub(super) struct File {
    pub(super) database: Database,
    timeline: Timeline,
}

/// A value to save.
pub(super) struct Saving<'a> {
    pub(super) lease: &'a Lease,
    pub(super) version: u64,
    pub(super) value: &'a [u8],
    pub(super) keep: Duration,
}

impl File {
    /// Opens the file, or makes it, readable by this user alone. Its whole content is checked first.
    pub(super) fn open(path: &Path, clock: &dyn Clock) -> Result<Self, Fail> {
        prepare(path)?;
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
        let database = builder.create(path)?;
        let recorded = match about(&database)? {
            Some(recorded) => recorded,
            None => initialise(&database)?,
        };
        Ok(Self { database, timeline: Timeline::begin(clock.wall(), recorded, clock.steady()) })
    }

    /// The store's time.
    pub(super) fn now(&self, clock: &dyn Clock) -> StoreTime {
        self.timeline.at(clock.steady())
    }

    /// The fence under which the call's value was written; `None` if there is no value.
    pub(super) fn fence(&self, call: &CallId) -> Result<Option<Fence>, Fail> {
        let contexts = self.database.begin_read()?.open_table(CONTEXTS)?;
        let row = contexts.get(call.as_str())?;
        Ok(row.and_then(|row| Some(Row::read(row.value())?.fence)))
    }

    /// The call's value.
    pub(super) fn load(&self, call: &CallId, now: StoreTime) -> Result<Option<Vec<u8>>, Fail> {
        let contexts = self.database.begin_read()?.open_table(CONTEXTS)?;
        let Some(row) = contexts.get(call.as_str())? else { return Ok(None) };
        let row = Row::read(row.value()).filter(|row| row.expires > now);
        Ok(row.map(|row| row.value.to_vec()))
    }

    /// Stores a value, unless there is a newer lease or version.
    pub(super) fn save(&self, leases: &Leases, saving: &Saving<'_>, now: StoreTime) -> Result<(), Fail> {
        let Saving { lease, version, value, keep } = *saving;
        let call = lease.call.as_str();
        let write = self.database.begin_write()?;
        let old = kept(&write, call)?;
        let old = old.as_deref().and_then(Row::read);
        leases.check(lease, old.map_or(Fence::default(), |old| old.fence))?;
        if let Some(old) = old {
            envelope::may_replace(old.value, value)?;
            if old.fence == lease.fence && old.version > version {
                return Ok(());
            }
        }
        let row = Row { fence: lease.fence, version, expires: now.after(keep), value };
        put(&write, call, old.map(|old| old.expires), &row)?;
        commit(write, now)
    }

    /// Keeps the call's value no longer than this.
    pub(super) fn shorten(&self, call: &CallId, keep: Duration, now: StoreTime) -> Result<(), Fail> {
        let call = call.as_str();
        let write = self.database.begin_write()?;
        let old = kept(&write, call)?;
        let Some(old) = old.as_deref().and_then(Row::read) else { return Ok(()) };
        let expires = now.after(keep);
        if old.expires <= expires {
            return Ok(());
        }
        put(&write, call, Some(old.expires), &Row { expires, ..old })?;
        commit(write, now)
    }

    /// Removes the call's value; true if there was one.
    pub(super) fn delete(&self, call: &CallId, now: StoreTime) -> Result<bool, Fail> {
        if self.fence(call)?.is_none() {
            return Ok(false);
        }
        let write = self.database.begin_write()?;
        remove(&write, call.as_str())?;
        commit(write, now)?;
        Ok(true)
    }

    /// Removes what has expired.
    pub(super) fn sweep(&self, now: StoreTime) -> Result<(), Fail> {
        let due = self.due(now)?;
        if due.calls.is_empty() && due.tokens.is_empty() {
            return Ok(());
        }
        let write = self.database.begin_write()?;
        for Expired { at, call } in &due.calls {
            write.open_table(EXPIRIES)?.remove((at.0, call.as_str()))?;
            // Its expiry may have been extended.
            let kept = kept(&write, call)?;
            if kept.as_deref().and_then(Row::read).is_none_or(|row| row.expires <= now) {
                write.open_table(CONTEXTS)?.remove(call.as_str())?;
            }
        }
        for token in &due.tokens {
            write.open_table(TOKENS)?.remove(token.as_slice())?;
        }
        commit(write, now)
    }

    fn due(&self, now: StoreTime) -> Result<Due, Fail> {
        let read = self.database.begin_read()?;
        let mut due = Due::default();
        for entry in
            read.open_table(EXPIRIES)?.range::<(u64, &str)>(..(now.0.saturating_add(1), ""))?.take(SWEPT)
        {
            let (key, _) = entry?;
            let (at, call) = key.value();
            due.calls.push(Expired { at: StoreTime(at), call: call.to_owned() });
        }
        for entry in read.open_table(TOKENS)?.iter()? {
            let (token, row) = entry?;
            let is_due = |row: TokenRow<'_>| row.at.after(TOKEN_REMEMBERED) <= now;
            if TokenRow::read(row.value()).is_none_or(is_due) && due.tokens.len() < SWEPT {
                due.tokens.push(token.value().to_vec());
            }
        }
        Ok(due)
    }
}

/// What has expired.
#[derive(Default)]
struct Due {
    calls: Vec<Expired>,
    tokens: Vec<Vec<u8>>,
}

/// An entry of the table of expiries.
struct Expired {
    at: StoreTime,
    call: String,
}

/// Makes the folder and an empty file, if they are missing, for this user alone. A file that was left unfinished is emptied.
fn prepare(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
    unfinished::clear(path)
}

/// The last time of a file of ours; `None` if it has no tables yet.
fn about(database: &Database) -> Result<Option<StoreTime>, Fail> {
    let read = database.begin_read()?;
    let names: Vec<String> = read.list_tables()?.map(|table| table.name().to_owned()).collect();
    if names.is_empty() {
        return Ok(None);
    }
    if !names.iter().any(|name| name == ABOUT.name()) {
        return Err(Fail::File(FileFault::Foreign));
    }
    let about = read.open_table(ABOUT)?;
    let number = |key: &str| Ok::<_, Fail>(about.get(key)?.map(|number| number.value()));
    match number(ABOUT_SCHEMA)? {
        Some(SCHEMA) => Ok(Some(StoreTime(number(ABOUT_TIME)?.unwrap_or_default()))),
        Some(found) if found > SCHEMA => Err(Fail::File(FileFault::Newer { found, reads: SCHEMA })),
        _ => Err(Fail::File(FileFault::Corrupt("it names no schema".into()))),
    }
}

/// Makes the tables.
fn initialise(database: &Database) -> Result<StoreTime, Fail> {
    let write = database.begin_write()?;
    write.open_table(CONTEXTS)?;
    write.open_table(EXPIRIES)?;
    write.open_table(TOKENS)?;
    write.open_table(ABOUT)?.insert(ABOUT_SCHEMA, SCHEMA)?;
    let begin = StoreTime::default();
    commit(write, begin)?;
    Ok(begin)
}

/// The bytes of a call's row.
fn kept(write: &WriteTransaction, call: &str) -> Result<Option<Vec<u8>>, Fail> {
    let contexts = write.open_table(CONTEXTS)?;
    let row = contexts.get(call)?;
    Ok(row.map(|row| row.value().to_vec()))
}

/// Writes a call's row, and when it expires instead of `before`.
fn put(write: &WriteTransaction, call: &str, before: Option<StoreTime>, row: &Row<'_>) -> Result<(), Fail> {
    let mut expiries = write.open_table(EXPIRIES)?;
    if let Some(before) = before {
        expiries.remove((before.0, call))?;
    }
    expiries.insert((row.expires.0, call), ())?;
    write.open_table(CONTEXTS)?.insert(call, row.write().as_slice())?;
    Ok(())
}

/// Removes a call's row, and its expiry.
fn remove(write: &WriteTransaction, call: &str) -> Result<(), Fail> {
    let row = write.open_table(CONTEXTS)?.remove(call)?.map(|row| row.value().to_vec());
    if let Some(row) = row.as_deref().and_then(Row::read) {
        write.open_table(EXPIRIES)?.remove((row.expires.0, call))?;
    }
    Ok(())
}

/// Makes it durable, with the time at which it was done.
pub(super) fn commit(write: WriteTransaction, now: StoreTime) -> Result<(), Fail> {
    write.open_table(ABOUT)?.insert(ABOUT_TIME, now.0)?;
    write.commit()?;
    Ok(())
}
