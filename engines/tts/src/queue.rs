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
    /// Jobs that wait for something else, which the key names.
    held: Vec<(usize, Entry<T>)>,
    news: bool,
    closed: bool,
}

/// What the worker is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn<T> {
    /// Somebody has called [`Queue::wake`].
    News,
    /// A job.
    Job(Entry<T>),
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
        let lanes = Lanes { jobs: Default::default(), held: Vec::new(), news: false, closed: false };
        Self { lanes: Mutex::new(lanes), changed: Condvar::new() }
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

    /// Puts a job aside that cannot be done before [`Self::release`] is called with the same key.
    pub(crate) fn hold(&self, key: usize, entry: Entry<T>) {
        self.lock().held.push((key, entry));
    }

    /// Brings the jobs back that were put aside with the key, before those that came later.
    pub(crate) fn release(&self, key: usize) {
        let mut lanes = self.lock();
        let (released, held) = std::mem::take(&mut lanes.held).into_iter().partition(|(of, _)| *of == key);
        lanes.held = held;
        let released: Vec<(usize, Entry<T>)> = released;
        for (_, entry) in released.into_iter().rev() {
            lanes.jobs[entry.priority as usize].push_front(entry);
        }
    }

    /// Tells the worker that there is news.
    pub(crate) fn wake(&self) {
        self.lock().news = true;
        self.changed.notify_one();
    }

    /// Whether nothing can be done.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().jobs.iter().all(VecDeque::is_empty)
    }

    /// Waits for news and the most urgent job; none when the queue is closed.
    pub(crate) fn pop(&self) -> Option<Turn<T>> {
        let mut lanes = self.lock();
        loop {
            if lanes.closed {
                return None;
            }
            if std::mem::take(&mut lanes.news) {
                return Some(Turn::News);
            }
            if let Some(entry) = lanes.jobs.iter_mut().find_map(VecDeque::pop_front) {
                return Some(Turn::Job(entry));
            }
            lanes = self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a job out, if it waits here.
    pub(crate) fn remove(&self, id: u64) -> Option<Entry<T>> {
        let mut lanes = self.lock();
        if let Some(at) = lanes.held.iter().position(|(_, entry)| entry.id == id) {
            return Some(lanes.held.remove(at).1);
        }
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

    fn next(queue: &Queue<()>) -> Entry<()> {
        match queue.pop() {
            Some(Turn::Job(entry)) => entry,
            other => panic!("{other:?} is no job"),
        }
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
            let begun = next(&queue);
            order.push(begun.id);
            queue.put_back(begun);
        }
        assert_eq!(order, [3, 4, 3, 4]);
        assert_eq!(queue.remove(4).map(|entry| entry.id), Some(4));
        assert_eq!(queue.remove(4), None);
        let order: Vec<u64> = std::iter::repeat_with(|| next(&queue).id).take(4).collect();
        assert_eq!(order, [3, 5, 2, 1]);
        queue.close();
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn held_jobs_come_back_before_later_ones_and_can_be_taken_out() {
        let queue = Queue::new();
        for (id, key) in [(1, 7), (2, 8), (3, 7), (4, 7)] {
            queue.hold(key, entry(id, Priority::Live));
        }
        queue.push(entry(5, Priority::Live));
        assert_eq!(queue.remove(3).map(|entry| entry.id), Some(3));
        queue.wake();
        assert_eq!(queue.pop(), Some(Turn::News));
        queue.release(7);
        let order: Vec<u64> = std::iter::repeat_with(|| next(&queue).id).take(3).collect();
        assert_eq!(order, [1, 4, 5]);
        assert!(queue.is_idle(), "the other one is still held");
    }
}
