//! What jobs have of the disk, how many items they have, and how much of both they may have: one for itself, and all together.

use std::collections::HashMap;
use std::io;

use parking_lot::Mutex;

use super::{EACH, MEBIBYTE, MOST_ITEMS, MOST_ITEMS_OF_ALL, SMALL, StoreError};
use crate::id::JobId;

/// What all jobs have.
#[derive(Debug)]
pub(super) struct Room {
    /// Most bytes of all jobs.
    most: u64,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    bytes: u64,
    items: u64,
    jobs: HashMap<JobId, Own>,
}

/// What a job has.
#[derive(Debug, Default, Clone, Copy)]
struct Own {
    bytes: u64,
    items: u32,
    /// No result of it is kept any more.
    closed: bool,
}

impl Room {
    pub(super) fn new(most: u64) -> Self {
        Self { most, books: Mutex::default() }
    }

    /// Counts a job that an earlier server has left; it may have more than it might have today.
    pub(super) fn found(&self, id: JobId, bytes: u64, items: u32) {
        let mut books = self.books.lock();
        books.bytes += bytes;
        books.items += u64::from(items);
        books.jobs.insert(id, Own { bytes, items, closed: false });
    }

    /// Counts a new job, without items.
    pub(super) fn begin(&self, id: JobId) -> Result<(), StoreError> {
        self.books.lock().jobs.insert(id, Own::default());
        self.take(id, SMALL).inspect_err(|_| self.forget(id))
    }

    /// Counts bytes of a job.
    pub(super) fn take(&self, id: JobId, bytes: u64) -> Result<(), StoreError> {
        let mut guard = self.books.lock();
        let books = &mut *guard;
        let own = books.jobs.get_mut(&id).ok_or(StoreError::Gone)?;
        let (of_job, of_all) = (own.bytes.saturating_add(bytes), books.bytes.saturating_add(bytes));
        if of_job > self.most / 2 {
            return Err(StoreError::Share(self.most / MEBIBYTE));
        }
        if of_all > self.most {
            return Err(StoreError::Limit(self.most / MEBIBYTE));
        }
        own.bytes = of_job;
        books.bytes = of_all;
        Ok(())
    }

    /// Counts an item of a job, and its bytes.
    pub(super) fn take_item(&self, id: JobId, bytes: u64) -> Result<(), StoreError> {
        self.take(id, bytes.saturating_add(EACH))?;
        let mut guard = self.books.lock();
        let books = &mut *guard;
        let own = books.jobs.get_mut(&id).ok_or(StoreError::Gone)?;
        if own.items >= MOST_ITEMS {
            return Err(StoreError::Items(MOST_ITEMS));
        }
        if books.items >= MOST_ITEMS_OF_ALL {
            return Err(StoreError::AllItems(MOST_ITEMS_OF_ALL));
        }
        own.items += 1;
        books.items += 1;
        Ok(())
    }

    /// A job has fewer bytes now.
    pub(super) fn give_back(&self, id: JobId, bytes: u64) {
        let mut guard = self.books.lock();
        let books = &mut *guard;
        // What a job that is gone had was given back with it.
        if let Some(own) = books.jobs.get_mut(&id) {
            let bytes = bytes.min(own.bytes);
            own.bytes -= bytes;
            books.bytes -= bytes;
        }
    }

    /// A job has nothing any more.
    pub(super) fn forget(&self, id: JobId) {
        let mut guard = self.books.lock();
        let books = &mut *guard;
        if let Some(own) = books.jobs.remove(&id) {
            books.bytes -= own.bytes;
            books.items -= u64::from(own.items);
        }
    }

    /// From here on no result of a job is put into its place, or again.
    pub(super) fn close(&self, id: JobId, closed: bool) {
        if let Some(own) = self.books.lock().jobs.get_mut(&id) {
            own.closed = closed;
        }
    }

    /// Whether results of a job are kept.
    pub(super) fn is_open(&self, id: JobId) -> bool {
        self.books.lock().jobs.get(&id).is_some_and(|own| !own.closed)
    }

    /// Does something short, during which a job is not closed; nothing if it is.
    pub(super) fn while_open(
        &self,
        id: JobId,
        act: impl FnOnce() -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let books = self.books.lock();
        if books.jobs.get(&id).is_none_or(|own| own.closed) {
            return Err(StoreError::Gone);
        }
        Ok(act()?)
    }

    /// Bytes of all jobs.
    #[cfg(test)]
    pub(super) fn used(&self) -> u64 {
        self.books.lock().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_has_at_most_half_of_the_room_and_what_it_had_is_there_again_when_it_is_gone() {
        let room = Room::new(10 * SMALL);
        let (one, two) = (JobId::random(), JobId::random());
        room.begin(one).unwrap();
        room.begin(two).unwrap();
        room.take(one, 4 * SMALL).unwrap();
        let own = room.take(one, 1).unwrap_err();
        assert!(own.is_too_large() && own.to_string().contains("jobs.disk_mb"), "{own}");
        room.take(two, 4 * SMALL).unwrap();
        let all = room.begin(JobId::random()).unwrap_err();
        assert!(all.lacks_room() && all.to_string().contains("jobs.disk_mb"), "{all}");
        assert_eq!(room.used(), 10 * SMALL);
        room.give_back(one, SMALL);
        room.forget(one);
        // Late, and twice.
        room.give_back(one, SMALL);
        room.forget(one);
        assert_eq!(room.used(), 5 * SMALL);
        assert!(matches!(room.take(one, 1), Err(StoreError::Gone)));
    }

    #[test]
    fn a_job_has_a_bounded_number_of_items_and_all_jobs_have() {
        let room = Room::new(u64::MAX);
        let id = JobId::random();
        room.begin(id).unwrap();
        (0..MOST_ITEMS).for_each(|_| room.take_item(id, 1).unwrap());
        let full = room.take_item(id, 1).unwrap_err();
        assert!(full.is_too_large() && full.to_string().contains("100000 items"), "{full}");
        let other = JobId::random();
        room.found(other, 0, u32::try_from(MOST_ITEMS_OF_ALL).unwrap() - MOST_ITEMS);
        let next = JobId::random();
        room.begin(next).unwrap();
        let full = room.take_item(next, 1).unwrap_err();
        assert!(full.lacks_room() && full.to_string().contains("4000000 items"), "{full}");
        room.forget(other);
        room.take_item(next, 1).unwrap();
    }

    #[test]
    fn nothing_is_done_for_a_job_that_is_closed_until_it_is_open_again() {
        let room = Room::new(u64::MAX);
        let id = JobId::random();
        assert!(matches!(room.while_open(id, || Ok(())), Err(StoreError::Gone)));
        room.begin(id).unwrap();
        room.while_open(id, || Ok(())).unwrap();
        room.close(id, true);
        assert!(!room.is_open(id));
        assert!(matches!(room.while_open(id, || panic!("it is closed")), Err(StoreError::Gone)));
        room.close(id, false);
        assert!(room.is_open(id) && !room.is_open(JobId::random()));
        room.while_open(id, || Ok(())).unwrap();
    }
}
