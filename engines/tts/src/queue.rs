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

    /// Puts a job that has begun back behind one of its equals: they take turns, so that a long text does not keep a short
    /// one waiting, and no third one begins meanwhile.
    pub(crate) fn put_back(&self, entry: Entry<T>) {
        let mut lanes = self.lock();
        let lane = &mut lanes.jobs[entry.priority as usize];
        lane.insert(lane.len().min(1), entry);
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
    fn the_most_urgent_goes_first_and_begun_work_takes_turns_with_one_equal() {
        let queue = Queue::new();
        let entries =
            [Priority::Batch, Priority::Speculative, Priority::Live, Priority::Live, Priority::Live];
        for (id, priority) in (1..).zip(entries) {
            queue.push(entry(id, priority));
        }
        let mut order = Vec::new();
        for _ in 0..4 {
            let begun = queue.pop().unwrap();
            order.push(begun.id);
            queue.put_back(begun);
        }
        assert_eq!(order, [3, 4, 3, 4]);
        assert_eq!(queue.remove(4).map(|entry| entry.id), Some(4));
        assert_eq!(queue.remove(4), None);
        let order: Vec<u64> = std::iter::repeat_with(|| queue.pop().unwrap().id).take(4).collect();
        assert_eq!(order, [3, 5, 2, 1]);
        queue.close();
        assert_eq!(queue.pop(), None);
    }
}
