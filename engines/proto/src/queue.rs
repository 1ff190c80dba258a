//! What waits for an engine's model: the most urgent first, and of equals the oldest. Pure; threads share it in a
//! [`Monitor`](crate::monitor::Monitor).
//!
//! Its bound and its counters are [`EngineState`](crate::state::EngineState)'s: whoever waits here has entered there, and
//! holds a [`Ticket`](crate::state::Ticket), which is refused when the queue is full and counts how its request ended.

use std::collections::VecDeque;

/// One that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting<R, T> {
    /// Names it in [`PriorityQueue::remove`].
    pub id: u64,
    /// The least goes first.
    pub rank: R,
    /// What waits.
    pub item: T,
}

/// A queue in order of rank, and of arrival within each.
#[derive(Debug)]
pub struct PriorityQueue<R, T> {
    waiting: VecDeque<Waiting<R, T>>,
}

impl<R, T> Default for PriorityQueue<R, T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<R: Ord, T> PriorityQueue<R, T> {
    /// Adds one behind its equals.
    pub fn push(&mut self, new: Waiting<R, T>) {
        self.push_behind(usize::MAX, new);
    }

    /// Adds one behind at most so many of its equals: what has waited before need not wait for all of them again.
    pub fn push_behind(&mut self, most: usize, new: Waiting<R, T>) {
        let first = self.waiting.partition_point(|other| other.rank < new.rank);
        let behind_all = self.waiting.partition_point(|other| other.rank <= new.rank);
        self.waiting.insert(behind_all.min(first.saturating_add(most)), new);
    }

    /// The first.
    pub fn pop(&mut self) -> Option<Waiting<R, T>> {
        self.waiting.pop_front()
    }

    /// The one at a place, counted from the first.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&Waiting<R, T>> {
        self.waiting.get(place)
    }

    /// Takes the one at a place out.
    pub fn take(&mut self, place: usize) -> Option<Waiting<R, T>> {
        self.waiting.remove(place)
    }

    /// Takes one out by its id, if it waits here.
    pub fn remove(&mut self, id: u64) -> Option<Waiting<R, T>> {
        self.remove_first(|waiting| waiting.id == id)
    }

    /// Takes the first of these out.
    pub fn remove_first(&mut self, which: impl FnMut(&Waiting<R, T>) -> bool) -> Option<Waiting<R, T>> {
        let place = self.waiting.iter().position(which)?;
        self.waiting.remove(place)
    }

    /// Takes all of these out, in order.
    pub fn remove_all(&mut self, which: impl FnMut(&Waiting<R, T>) -> bool) -> Vec<Waiting<R, T>> {
        let (removed, kept): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(which);
        self.waiting = kept;
        removed.into()
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Waiting<R, T>> {
        self.waiting.iter()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(ranks: &[u8]) -> PriorityQueue<u8, ()> {
        let mut queue = PriorityQueue::default();
        for (id, &rank) in (1..).zip(ranks) {
            queue.push(Waiting { id, rank, item: () });
        }
        queue
    }

    fn ids(queue: &PriorityQueue<u8, ()>) -> Vec<u64> {
        queue.iter().map(|waiting| waiting.id).collect()
    }

    #[test]
    fn the_most_urgent_goes_first_and_of_equals_the_oldest() {
        let mut queue = queue(&[2, 1, 0, 2, 0, 1]);
        assert_eq!(ids(&queue), [3, 5, 2, 6, 1, 4]);
        let order: Vec<u64> = std::iter::from_fn(|| queue.pop()).map(|waiting| waiting.id).collect();
        assert_eq!(order, [3, 5, 2, 6, 1, 4]);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_comes_back_waits_for_as_many_equals_as_it_says_and_never_before_the_more_urgent() {
        for (most, order) in [(0, [1, 9, 2, 3, 4]), (1, [1, 2, 9, 3, 4]), (7, [1, 2, 3, 9, 4])] {
            let mut queue = queue(&[0, 1, 1, 2]);
            queue.push_behind(most, Waiting { id: 9, rank: 1, item: () });
            assert_eq!(ids(&queue), order, "behind {most}");
        }
    }

    #[test]
    fn what_is_cancelled_leaves_the_order_of_the_others() {
        let mut queue = queue(&[1, 0, 1, 0, 1]);
        assert_eq!(queue.remove(3).map(|waiting| waiting.rank), Some(1));
        assert_eq!(queue.remove(3), None);
        assert_eq!(queue.take(1).map(|waiting| waiting.id), Some(4));
        assert_eq!(queue.get(1).map(|waiting| waiting.id), Some(1));
        assert_eq!(queue.remove_first(|waiting| waiting.rank == 1).map(|waiting| waiting.id), Some(1));
        assert_eq!(queue.remove_all(|waiting| waiting.rank == 0).len(), 1);
        assert_eq!(ids(&queue), [5]);
        queue.clear();
        assert!(queue.is_empty());
    }
}
