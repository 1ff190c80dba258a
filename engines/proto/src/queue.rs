//! The queue of requests for an engine's model: the most urgent first, and among equals the oldest. Pure; threads share it
//! in a [`Monitor`](crate::monitor::Monitor).
//!
//! [`EngineState`](crate::state::EngineState) bounds and counts it: whatever waits here holds a
//! [`Ticket`](crate::state::Ticket) from there, which is refused when the queue is full and counts how its request ended.

use std::collections::VecDeque;

/// A queued item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting<R, T> {
    /// Identifies it in [`PriorityQueue::remove`].
    pub id: u64,
    /// The lowest goes first.
    pub rank: R,
    /// The item itself.
    pub item: T,
}

/// A queue ordered by rank, and by arrival within a rank.
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
    /// Adds an item behind its equals.
    pub fn push(&mut self, new: Waiting<R, T>) {
        self.push_behind(usize::MAX, new);
    }

    /// Adds an item behind at most `most` of its equals: one that has waited before need not wait for all of them again.
    pub fn push_behind(&mut self, most: usize, new: Waiting<R, T>) {
        let first = self.waiting.partition_point(|other| other.rank < new.rank);
        let behind_all = self.waiting.partition_point(|other| other.rank <= new.rank);
        self.waiting.insert(behind_all.min(first.saturating_add(most)), new);
    }

    /// Takes out the first item.
    pub fn pop(&mut self) -> Option<Waiting<R, T>> {
        self.waiting.pop_front()
    }

    /// The item at a position, counted from the first.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&Waiting<R, T>> {
        self.waiting.get(place)
    }

    /// Takes out the item at a position.
    pub fn take(&mut self, place: usize) -> Option<Waiting<R, T>> {
        self.waiting.remove(place)
    }

    /// Takes out an item by its id, if it is queued.
    pub fn remove(&mut self, id: u64) -> Option<Waiting<R, T>> {
        self.remove_first(|waiting| waiting.id == id)
    }

    /// Takes out the first matching item.
    pub fn remove_first(&mut self, which: impl FnMut(&Waiting<R, T>) -> bool) -> Option<Waiting<R, T>> {
        let place = self.waiting.iter().position(which)?;
        self.waiting.remove(place)
    }

    /// Takes out all matching items, in order.
    pub fn remove_all(&mut self, which: impl FnMut(&Waiting<R, T>) -> bool) -> Vec<Waiting<R, T>> {
        let (removed, kept): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(which);
        self.waiting = kept;
        removed.into()
    }

    /// All items, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Waiting<R, T>> {
        self.waiting.iter()
    }

    /// Whether the queue is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Removes all items.
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
    fn a_returning_item_waits_behind_the_given_number_of_equals_and_behind_all_more_urgent() {
        for (most, order) in [(0, [1, 9, 2, 3, 4]), (1, [1, 2, 9, 3, 4]), (7, [1, 2, 3, 9, 4])] {
            let mut queue = queue(&[0, 1, 1, 2]);
            queue.push_behind(most, Waiting { id: 9, rank: 1, item: () });
            assert_eq!(ids(&queue), order, "behind {most}");
        }
    }

    #[test]
    fn removing_items_keeps_the_order_of_the_others() {
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
