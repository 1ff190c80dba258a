//! The jobs that wait for the worker, most urgent first, and those that wait for their model. The engine state bounds their
//! number, since every job holds a ticket.

use std::sync::Arc;
use std::time::Instant;

use visavis_proto::monitor::{Look, Monitor};
use visavis_proto::queue::{PriorityQueue, Waiting};
use visavis_proto::v1::Priority;

use crate::pace::Pace;

/// A job with its id and priority.
pub(crate) type Entry<T> = Waiting<Priority, T>;

/// Jobs ordered by priority, then by arrival.
pub(crate) struct Queue<T>(Monitor<Jobs<T>>);

/// Work that can be interrupted, and is then done again later.
pub(crate) trait Interrupt: Send + Sync {
    /// Ends the current step of the work early, for work of this priority.
    fn interrupt(&self, by: Priority);
}

struct Jobs<T> {
    waiting: PriorityQueue<Priority, T>,
    held: Vec<Held<T>>,
    /// The job beside calls that the worker is speaking.
    beside: Option<Beside>,
    pace: Pace,
    news: bool,
    closed: bool,
}

/// A job beside calls that the worker is speaking.
struct Beside {
    priority: Priority,
    step: Arc<dyn Interrupt>,
}

/// A job that waits for something other than the worker, identified by the key.
#[derive(Debug)]
struct Held<T> {
    key: usize,
    entry: Entry<T>,
}

/// The part of a job that the worker is speaking. Dropping it ends the part: nothing interrupts it any more.
#[must_use = "dropping it ends the part"]
pub(crate) struct Speaking<'a, T> {
    queue: &'a Queue<T>,
    begun: Instant,
    gentle: bool,
}

impl<T> Speaking<'_, T> {
    /// Work beside calls rests when the part has ended, since this job leaves most of the cores to calls.
    pub(crate) fn rest_afterwards(&mut self) {
        self.gentle = true;
    }
}

impl<T> Drop for Speaking<'_, T> {
    fn drop(&mut self) {
        let mut jobs = self.queue.0.lock();
        jobs.beside = None;
        if self.gentle {
            jobs.pace.spoken_gently(self.begun, Instant::now());
        }
    }
}

/// What the worker does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Work<T> {
    /// [`Queue::wake`] was called.
    News,
    /// The time passed as `due` to [`Queue::pop`] has come.
    Due,
    /// Work on this job.
    Job(Entry<T>),
}

impl<T> Queue<T> {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        let (waiting, pace) = (PriorityQueue::default(), Pace::default());
        let (held, beside) = (Vec::new(), None);
        Self(Monitor::new(Jobs { waiting, held, beside, pace, news: false, closed: false }))
    }

    /// Adds a new job behind those of equal priority. It interrupts work beside calls that is less urgent.
    pub(crate) fn push(&self, entry: Entry<T>) {
        let mut jobs = self.0.lock();
        if let Some(beside) = jobs.beside.as_ref().filter(|beside| entry.rank < beside.priority) {
            beside.step.interrupt(entry.rank);
        }
        jobs.waiting.push(entry);
        drop(jobs);
        self.0.notify_one();
    }

    /// The worker speaks a part of a job of this priority, from `begun` until the result is dropped. If no call waits for it, a
    /// more urgent job interrupts it through `step`.
    pub(crate) fn begin(
        &self,
        priority: Priority,
        step: Arc<dyn Interrupt>,
        begun: Instant,
    ) -> Speaking<'_, T> {
        self.0.lock().beside = (priority != Priority::Live).then_some(Beside { priority, step });
        Speaking { queue: self, begun, gentle: false }
    }

    /// Puts a started job back behind one other of equal priority: the two take turns, so that a long text does not delay a
    /// short one, and no third one starts meanwhile.
    pub(crate) fn put_back(&self, entry: Entry<T>) {
        self.0.lock().waiting.push_behind(1, entry);
    }

    /// Puts a job aside until [`Self::release`] is called with the same key.
    pub(crate) fn hold(&self, key: usize, entry: Entry<T>) {
        self.0.lock().held.push(Held { key, entry });
    }

    /// Puts the jobs held with this key back, ahead of those that came later.
    pub(crate) fn release(&self, key: usize) {
        let mut jobs = self.0.lock();
        let released: Vec<Held<T>> = jobs.held.extract_if(.., |held| held.key == key).collect();
        for Held { entry, .. } in released.into_iter().rev() {
            jobs.waiting.push_behind(0, entry);
        }
    }

    /// Wakes the worker with [`Work::News`].
    pub(crate) fn wake(&self) {
        self.0.lock().news = true;
        self.0.notify_one();
    }

    /// Whether no job can be worked on.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.lock().waiting.is_empty()
    }

    /// Waits for news, the time `due` or the most urgent job; none if the queue is closed.
    pub(crate) fn pop(&self, due: Option<Instant>) -> Option<Work<T>> {
        self.0.wait(|jobs| {
            if jobs.closed {
                return Look::Found(None);
            }
            if std::mem::take(&mut jobs.news) {
                return Look::Found(Some(Work::News));
            }
            let now = Instant::now();
            if due.is_some_and(|due| due <= now) {
                return Look::Found(Some(Work::Due));
            }
            let no_call = jobs.waiting.get(0).is_some_and(|first| first.rank != Priority::Live);
            if no_call && let Some(rested) = jobs.pace.waits_until(now) {
                return Look::Until(due.map_or(rested, |due| due.min(rested)));
            }
            match jobs.waiting.pop() {
                Some(entry) => Look::Found(Some(Work::Job(entry))),
                None => due.map_or(Look::Wait, Look::Until),
            }
        })
    }

    /// Removes a job, if it is waiting here.
    pub(crate) fn remove(&self, id: u64) -> Option<Entry<T>> {
        let mut jobs = self.0.lock();
        if let Some(at) = jobs.held.iter().position(|held| held.entry.id == id) {
            return Some(jobs.held.remove(at).entry);
        }
        jobs.waiting.remove(id)
    }

    /// Ends every wait; remaining jobs are dropped with the queue.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
        self.0.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(id: u64, priority: Priority) -> Entry<()> {
        Entry { id, rank: priority, item: () }
    }

    fn next(queue: &Queue<()>) -> Entry<()> {
        match queue.pop(None) {
            Some(Work::Job(entry)) => entry,
            other => panic!("{other:?} is not a job"),
        }
    }

    #[test]
    fn the_most_urgent_job_goes_first_and_a_started_job_alternates_with_one_equal() {
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
        assert_eq!(queue.pop(None), None);
    }

    #[test]
    fn a_time_that_has_come_is_told_before_a_job_and_one_to_come_does_not_delay_it() {
        let queue = Queue::new();
        queue.push(entry(1, Priority::Live));
        let now = Instant::now();
        assert_eq!(queue.pop(Some(now)), Some(Work::Due));
        let later = Some(now + Duration::from_secs(3600));
        assert_eq!(queue.pop(later), Some(Work::Job(entry(1, Priority::Live))));
        let soon = Some(now + Duration::from_millis(1));
        assert_eq!(queue.pop(soon), Some(Work::Due), "nothing else ends the wait");
    }

    #[derive(Default)]
    struct Counted(std::sync::atomic::AtomicU32);

    impl Interrupt for Counted {
        fn interrupt(&self, _: Priority) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[test]
    fn a_job_interrupts_only_work_beside_calls_that_is_less_urgent() {
        let (queue, step) = (Queue::new(), Arc::new(Counted::default()));
        let interruptions = || step.0.load(std::sync::atomic::Ordering::Relaxed);
        let live = queue.begin(Priority::Live, step.clone(), Instant::now());
        queue.push(entry(1, Priority::Live));
        drop(live);
        let batch = queue.begin(Priority::Batch, step.clone(), Instant::now());
        queue.push(entry(2, Priority::Batch));
        assert_eq!(interruptions(), 0);
        queue.push(entry(3, Priority::Speculative));
        queue.push(entry(4, Priority::Live));
        assert_eq!(interruptions(), 2);
        drop(batch);
        queue.push(entry(5, Priority::Live));
        assert_eq!(interruptions(), 2, "nothing is being spoken");
        let waited = queue.begin(Priority::Speculative, step.clone(), Instant::now());
        queue.push(entry(6, Priority::Speculative));
        queue.push(entry(7, Priority::Batch));
        assert_eq!(interruptions(), 2);
        queue.push(entry(8, Priority::Live));
        assert_eq!(interruptions(), 3);
        drop(waited);
    }

    #[test]
    fn a_gentle_batch_job_rests_and_a_calls_job_does_not_wait_for_it() {
        let queue = Queue::new();
        let begun = Instant::now().checked_sub(Duration::from_secs(600)).unwrap();
        let mut speaking = queue.begin(Priority::Batch, Arc::new(Counted::default()), begun);
        speaking.rest_afterwards();
        drop(speaking);
        queue.push(entry(1, Priority::Batch));
        queue.push(entry(3, Priority::Speculative));
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(queue.pop(Some(soon)), Some(Work::Due), "it rests for twenty minutes");
        queue.push(entry(2, Priority::Live));
        assert_eq!(next(&queue).id, 2);
    }

    #[test]
    fn held_jobs_come_back_before_later_ones_and_can_be_removed() {
        let queue = Queue::new();
        for (id, key) in [(1, 7), (2, 8), (3, 7), (4, 7)] {
            queue.hold(key, entry(id, Priority::Live));
        }
        queue.push(entry(5, Priority::Live));
        assert_eq!(queue.remove(3).map(|entry| entry.id), Some(3));
        queue.wake();
        assert_eq!(queue.pop(None), Some(Work::News));
        queue.release(7);
        let order: Vec<u64> = std::iter::repeat_with(|| next(&queue).id).take(3).collect();
        assert_eq!(order, [1, 4, 5]);
        assert!(queue.is_idle(), "the other one is still held");
    }
}
