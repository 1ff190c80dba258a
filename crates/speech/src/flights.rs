//! Work that is done once for all who want its result now. What it makes grows while they read it; it goes on without the one who
//! began it, and stops when nobody reads it any more.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use visavis_engine::EngineError;

/// The work in progress, by what it makes.
pub struct Flights<K: Eq + Hash + Clone, T>(Mutex<Open<K, T>>);

struct Open<K, T> {
    flights: HashMap<K, Flight<T>>,
    /// The number of the next flight.
    next: u64,
}

struct Flight<T> {
    number: u64,
    grown: watch::Receiver<Grown<T>>,
    readers: usize,
    stop: CancellationToken,
}

/// What has been made so far.
struct Grown<T> {
    items: Vec<Arc<T>>,
    end: Option<Result<(), EngineError>>,
}

/// What became of the wish to read something.
pub enum Joined<R, G, K: Eq + Hash + Clone, T> {
    /// It is there already.
    Found(R),
    /// It is being made.
    Joins(Reader<K, T>),
    /// It is to be made.
    Begins(Beginning<G, K, T>),
}

/// Work that begins.
pub struct Beginning<G, K: Eq + Hash + Clone, T> {
    /// What was granted for it.
    pub grant: G,
    /// Where its result goes.
    pub filling: Filling<K, T>,
    /// Its first reader.
    pub reader: Reader<K, T>,
}

impl<K: Eq + Hash + Clone, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Mutex::new(Open { flights: HashMap::new(), next: 0 }))
    }
}

impl<K: Eq + Hash + Clone, T> Flights<K, T> {
    /// Joins the work on `key`, or else looks for its result once more, or else begins it if that is granted. `look` and `grant` must be
    /// quick: nothing else can begin meanwhile.
    ///
    /// # Errors
    /// If the work is not granted.
    pub fn join<R, G, E>(
        self: &Arc<Self>,
        key: &K,
        look: impl FnOnce() -> Option<R>,
        grant: impl FnOnce() -> Result<G, E>,
    ) -> Result<Joined<R, G, K, T>, E> {
        let mut open = self.0.lock();
        if let Some(flight) = open.flights.get_mut(key) {
            flight.readers += 1;
            return Ok(Joined::Joins(Reader::of(self, key, flight)));
        }
        if let Some(found) = look() {
            return Ok(Joined::Found(found));
        }
        let grant = grant()?;
        let number = open.next;
        open.next += 1;
        let (sender, grown) = watch::channel(Grown { items: Vec::new(), end: None });
        let flight = Flight { number, grown, readers: 1, stop: CancellationToken::new() };
        let (reader, stop) = (Reader::of(self, key, &flight), flight.stop.clone());
        open.flights.insert(key.clone(), flight);
        drop(open);
        let filling = Filling { flights: self.clone(), key: key.clone(), number, grown: sender, stop };
        Ok(Joined::Begins(Beginning { grant, filling, reader }))
    }

    /// How much work is in progress.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().flights.len()
    }

    /// A reader has gone. Work that has ended is not stopped: its result may still be being kept.
    fn leave(&self, key: &K, number: u64) {
        let mut open = self.0.lock();
        let Some(flight) = open.flights.get_mut(key).filter(|flight| flight.number == number) else { return };
        flight.readers = flight.readers.saturating_sub(1);
        let is_wanted = flight.readers > 0 || flight.grown.borrow().end.is_some();
        if !is_wanted {
            flight.stop.cancel();
            open.flights.remove(key);
        }
    }

    fn forget(&self, key: &K, number: u64) {
        let mut open = self.0.lock();
        if open.flights.get(key).is_some_and(|flight| flight.number == number) {
            open.flights.remove(key);
        }
    }
}

/// Where the result of work goes. Dropping it ends the work.
pub struct Filling<K: Eq + Hash + Clone, T> {
    flights: Arc<Flights<K, T>>,
    key: K,
    number: u64,
    grown: watch::Sender<Grown<T>>,
    stop: CancellationToken,
}

impl<K: Eq + Hash + Clone, T> Filling<K, T> {
    /// Does a part of the work; none: it was stopped, since nobody reads its result.
    pub async fn while_wanted<W: Future>(&self, work: W) -> Option<W::Output> {
        self.stop.run_until_cancelled(work).await
    }

    /// Adds to the result.
    pub fn push(&self, item: T) {
        self.grown.send_modify(|grown| grown.items.push(Arc::new(item)));
    }

    /// The result so far.
    #[must_use]
    pub fn items(&self) -> Vec<Arc<T>> {
        self.grown.borrow().items.clone()
    }

    /// The result is complete, or will never be. Whoever asks for it after a failure begins the work anew.
    pub fn end(&self, end: Result<(), EngineError>) {
        if end.is_err() {
            self.flights.forget(&self.key, self.number);
        }
        self.grown.send_modify(|grown| grown.end = Some(end));
    }
}

impl<K: Eq + Hash + Clone, T> Drop for Filling<K, T> {
    fn drop(&mut self) {
        self.flights.forget(&self.key, self.number);
    }
}

/// Reads a result as it grows, from its beginning.
pub struct Reader<K: Eq + Hash + Clone, T> {
    flights: Arc<Flights<K, T>>,
    key: K,
    number: u64,
    grown: watch::Receiver<Grown<T>>,
    read: usize,
    ended: bool,
}

/// What a reader finds.
enum Next<T> {
    Item(Arc<T>),
    End(Result<(), EngineError>),
}

impl<K: Eq + Hash + Clone, T> Reader<K, T> {
    fn of(flights: &Arc<Flights<K, T>>, key: &K, flight: &Flight<T>) -> Self {
        let (flights, key, grown) = (flights.clone(), key.clone(), flight.grown.clone());
        Self { flights, key, number: flight.number, grown, read: 0, ended: false }
    }

    /// The next item; none after the last one, or after an error.
    pub async fn next(&mut self) -> Option<Result<Arc<T>, EngineError>> {
        if self.ended {
            return None;
        }
        let read = self.read;
        let next = match self.grown.wait_for(|grown| grown.items.len() > read || grown.end.is_some()).await {
            Ok(grown) => match grown.items.get(read) {
                Some(item) => Next::Item(item.clone()),
                None => Next::End(grown.end.clone().unwrap_or(Ok(()))),
            },
            Err(_) => Next::End(Err(EngineError::Failed("the work on it ended early".into()))),
        };
        match next {
            Next::Item(item) => {
                self.read += 1;
                Some(Ok(item))
            }
            Next::End(end) => {
                self.ended = true;
                end.err().map(Err)
            }
        }
    }
}

impl<K: Eq + Hash + Clone, T> Drop for Reader<K, T> {
    fn drop(&mut self) {
        self.flights.leave(&self.key, self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    type Numbers = Arc<Flights<&'static str, u32>>;

    fn joined(flights: &Numbers, key: &'static str) -> Joined<(), (), &'static str, u32> {
        let joined: Result<_, Infallible> = flights.join(&key, || None, || Ok(()));
        joined.unwrap_or_else(|never| match never {})
    }

    fn begun(
        flights: &Numbers,
        key: &'static str,
    ) -> (Filling<&'static str, u32>, Reader<&'static str, u32>) {
        match joined(flights, key) {
            Joined::Begins(Beginning { filling, reader, .. }) => (filling, reader),
            _ => panic!("it is in progress"),
        }
    }

    fn follower(flights: &Numbers, key: &'static str) -> Reader<&'static str, u32> {
        match joined(flights, key) {
            Joined::Joins(reader) => reader,
            _ => panic!("it is not in progress"),
        }
    }

    async fn rest(reader: &mut Reader<&'static str, u32>) -> Vec<u32> {
        let mut all = Vec::new();
        while let Some(Ok(item)) = reader.next().await {
            all.push(*item);
        }
        all
    }

    #[tokio::test]
    async fn all_who_join_read_everything_from_the_beginning() {
        let flights = Numbers::default();
        let (filling, mut first) = begun(&flights, "a");
        filling.push(1);
        let mut second = follower(&flights, "a");
        filling.push(2);
        assert_eq!(*first.next().await.unwrap().unwrap(), 1);
        filling.end(Ok(()));
        let mut third = follower(&flights, "a");
        drop(filling);
        assert_eq!(flights.count(), 0);
        assert_eq!(rest(&mut first).await, [2]);
        assert_eq!(rest(&mut second).await, [1, 2]);
        assert_eq!(rest(&mut third).await, [1, 2]);
    }

    #[tokio::test]
    async fn the_work_goes_on_without_who_began_it_and_stops_when_nobody_is_left() {
        let flights = Numbers::default();
        let (filling, first) = begun(&flights, "a");
        let second = follower(&flights, "a");
        drop(first);
        assert_eq!(filling.while_wanted(std::future::ready(7)).await, Some(7));
        drop(second);
        assert_eq!(filling.while_wanted(std::future::pending::<()>()).await, None);
        let (other, mut reader) = begun(&flights, "a");
        // The end of the stopped work does not concern the one that was begun since.
        drop(filling);
        other.push(3);
        other.end(Ok(()));
        assert_eq!(rest(&mut reader).await, [3]);
    }

    #[tokio::test]
    async fn a_failure_is_told_to_all_and_the_next_one_begins_anew() {
        let flights = Numbers::default();
        let (filling, mut first) = begun(&flights, "a");
        let mut second = follower(&flights, "a");
        filling.push(1);
        filling.end(Err(EngineError::Deadline));
        for reader in [&mut first, &mut second] {
            assert_eq!(*reader.next().await.unwrap().unwrap(), 1);
            assert_eq!(reader.next().await, Some(Err(EngineError::Deadline)));
            assert_eq!(reader.next().await, None);
        }
        let (anew, mut reader) = begun(&flights, "a");
        drop(anew);
        assert!(matches!(reader.next().await, Some(Err(EngineError::Failed(_)))), "it ended without an end");
    }

    #[tokio::test]
    async fn what_is_not_granted_or_found_does_not_begin() {
        let flights = Numbers::default();
        let refused: Result<Joined<(), (), _, _>, &str> = flights.join(&"a", || None, || Err("full"));
        assert_eq!(refused.err(), Some("full"));
        let found: Result<Joined<u32, (), _, _>, &str> = flights.join(&"a", || Some(5), || Err("full"));
        assert!(matches!(found, Ok(Joined::Found(5))));
        assert_eq!(flights.count(), 0);
    }
}
