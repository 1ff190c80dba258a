//! The jobs that wait for the worker, most urgent first. Its bound is the engine state's: a job holds a ticket.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use visavis_proto::v1::Priority;

/// Jobs in order of priority, and of arrival within each.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    lanes: Mutex<Lanes<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Lanes<T> {
    jobs: [VecDeque<Entry<T>>; 3],
    closed: bool,
}

/// A job with what the queue must know of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<T> {
    /// Names it in [`Queue::remove`].
    pub(crate) id: u64,
    /// Its place.
    pub(crate) priority: Priority,
    /// The job.
    pub(crate) job: T,
}

impl<T> Queue<T> {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        Self { lanes: Mutex::new(Lanes { jobs: Default::default(), closed: false }), changed: Condvar::new() }
    }

    /// Adds a new job behind its equals.
    pub(crate) fn push(&self, entry: Entry<T>) {
        self.lock().jobs[entry.priority as usize].push_back(entry);
        self.changed.notify_one();
    }

    /// Puts a job that has begun back before its equals, so that no second one of its priority begins meanwhile.
    pub(crate) fn put_back(&self, entry: Entry<T>) {
        self.lock().jobs[entry.priority as usize].push_front(entry);
    }

    /// Waits for the most urgent job; none when the queue is closed.
    pub(crate) fn pop(&self) -> Option<Entry<T>> {
        let mut lanes = self.lock();
        loop {
            if lanes.closed {
                return None;
            }
            if let Some(entry) = lanes.jobs.iter_mut().find_map(VecDeque::pop_front) {
                return Some(entry);
            }
            lanes = self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a job out, if it waits here.
    pub(crate) fn remove(&self, id: u64) -> Option<Entry<T>> {
        let mut lanes = self.lock();
        lanes.jobs.iter_mut().find_map(|lane| {
            let at = lane.iter().position(|entry| entry.id == id)?;
            lane.remove(at)
        })
    }

    /// Ends every wait; what is left is dropped with the queue.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Lanes<T>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, priority: Priority) -> Entry<()> {
        Entry { id, priority, job: () }
    }

    #[test]
    fn the_most_urgent_goes_first_and_begun_work_before_its_equals() {
        let queue = Queue::new();
        for (id, priority) in
            [(1, Priority::Batch), (2, Priority::Speculative), (3, Priority::Live), (4, Priority::Live)]
        {
            queue.push(entry(id, priority));
        }
        let first = queue.pop().unwrap();
        assert_eq!(first.id, 3);
        queue.put_back(first);
        assert_eq!(queue.remove(4).map(|entry| entry.id), Some(4));
        assert_eq!(queue.remove(4), None);
        let order: Vec<u64> = std::iter::repeat_with(|| queue.pop().unwrap().id).take(3).collect();
        assert_eq!(order, [3, 2, 1]);
        queue.close();
        assert_eq!(queue.pop(), None);
    }
}
