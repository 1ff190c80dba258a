//! Keeps the log from being flooded. Any packet from outside can make a transport library write a line; the same line is
//! written a few times, then at intervals, and the rest are counted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines that one place in the code may write at once.
const BURST: u32 = 10;
/// After a burst, one line is allowed per this time.
const PAUSE: Duration = Duration::from_secs(2);
/// Places in the code with their own account; the others share one.
const PLACES: usize = 512;
/// Our own modules and programs.
const OURS: &str = "visavis";
/// The target of lines written through the `log` crate; their original target is a field.
const BRIDGED: &str = "log";

/// A layer that drops excess lines of a flood.
#[derive(Debug, Default)]
pub(super) struct FloodGate {
    accounts: Mutex<Accounts>,
}

impl<S: Subscriber> Layer<S> for FloodGate {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let place = Place::of(event);
        // Our own lines about a call are the record of what happened.
        if place.target.starts_with(OURS) && *event.metadata().level() > Level::WARN {
            return true;
        }
        let target = place.target.clone();
        let written = self.accounts.lock().take(place, Instant::now());
        if !written {
            metrics::counter!("visavis_log_lines_dropped_total", "target" => target).increment(1);
        }
        written
    }
}

/// The place in the code that writes a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Place {
    target: String,
    line: u64,
}

impl Place {
    fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut place =
            Self { target: metadata.target().to_owned(), line: metadata.line().unwrap_or_default().into() };
        if place.target == BRIDGED {
            event.record(&mut place);
        }
        place
    }
}

impl Visit for Place {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            value.clone_into(&mut self.target);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "log.line" {
            self.line = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// How many lines each place may write. Time is passed in.
#[derive(Debug, Default)]
struct Accounts {
    places: HashMap<Place, Account>,
}

#[derive(Debug)]
struct Account {
    left: u32,
    since: Instant,
}

impl Accounts {
    fn take(&mut self, place: Place, now: Instant) -> bool {
        let known = self.places.contains_key(&place) || self.places.len() < PLACES;
        let place = if known { place } else { Place::default() };
        let account = self.places.entry(place).or_insert(Account { left: BURST, since: now });
        let earned = now.saturating_duration_since(account.since).as_secs() / PAUSE.as_secs();
        if let Some(earned) = u32::try_from(earned).ok().filter(|earned| *earned > 0) {
            account.left = account.left.saturating_add(earned).min(BURST);
            account.since += PAUSE * earned;
        }
        let may = account.left > 0;
        account.left = account.left.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn a_flood_is_limited_and_rare_lines_are_written() {
        let began = Instant::now();
        let mut accounts = Accounts::default();
        let mut written = |line, second: u64, lines: usize| {
            let now = began + Duration::from_secs(second);
            (0..lines).filter(|_| accounts.take(Place { target: "rtc".into(), line }, now)).count()
        };
        assert_eq!(written(1, 0, 10_000), 10);
        assert_eq!(written(2, 0, 3), 3, "another line is not affected");
        assert_eq!((1..=100).map(|second| written(1, second, 100)).sum::<usize>(), 50);
        assert_eq!(written(1, 10_000, 100), 10);
    }

    #[test]
    fn endless_places_take_bounded_memory() {
        let mut accounts = Accounts::default();
        let now = Instant::now();
        let written =
            (0..5_000).filter(|line| accounts.take(Place { target: "rtc".into(), line: *line }, now));
        assert_eq!(written.count(), PLACES + BURST as usize);
        assert!(accounts.places.len() <= PLACES + 1);
    }

    /// Counts what gets through.
    struct Count(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines get through when `write` runs a thousand times.
    fn written(write: fn()) -> usize {
        let count = Arc::new(AtomicUsize::new(0));
        let gate = tracing_subscriber::registry().with(FloodGate::default()).with(Count(count.clone()));
        tracing::subscriber::with_default(gate, || (0..1_000).for_each(|_| write()));
        count.load(Ordering::Relaxed)
    }

    #[test]
    fn lines_through_the_log_crate_are_distinguished_by_their_own_places() {
        let bridged = || {
            for (target, line) in [("rtc::ice", 1_u64), ("rtc::ice", 2), ("rtc::dtls", 1)] {
                tracing::warn!(target: "log", { "log.target" = target, "log.line" = line }, "a bad packet");
            }
        };
        assert_eq!(written(bridged), 30);
    }

    #[test]
    fn packets_from_outside_do_not_fill_the_log_and_every_call_is_logged() {
        assert_eq!(written(|| tracing::warn!(target: "rtc::handler", "a bad packet")), 10);
        assert_eq!(written(|| tracing::warn!("ours, by a stranger")), 10);
        assert_eq!(written(|| tracing::info!("call began")), 1_000);
    }
}
