//! Complete files in memory, within a bound of bytes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};

use crate::coding::Whole;
use crate::key::Slot;

/// Size of a typical file, for sizing the cache.
const TYPICAL_BYTES: u64 = 64 << 10;

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Slot, Arc<Whole>> for Bytes {
    fn weight(&self, _: &Slot, whole: &Arc<Whole>) -> u64 {
        whole.weight()
    }
}

/// Files by what they say and how.
pub struct Memory {
    /// `None`: the memory is switched off.
    cache: Option<Cache<Slot, Arc<Whole>, Bytes>>,
    ttl: Duration,
}

impl Memory {
    /// Keeps up to this many bytes, each file for `ttl`.
    ///
    /// # Panics
    /// Never: all options are set.
    #[must_use]
    pub fn new(bytes: u64, ttl: Duration) -> Self {
        let items = usize::try_from(bytes / TYPICAL_BYTES).unwrap_or(usize::MAX).max(1);
        let cache = (bytes > 0).then(|| {
            let options = OptionsBuilder::new()
                // One shard, so that the bound applies to all files.
                .shards(1)
                .estimated_items_capacity(items)
                .weight_capacity(bytes)
                .build()
                .expect("both capacities are given");
            Cache::with_options(options, Bytes, Default::default(), Default::default())
        });
        Self { cache, ttl }
    }

    /// A file that is not too old.
    #[must_use]
    pub fn get(&self, slot: &Slot, now: SystemTime) -> Option<Arc<Whole>> {
        let cache = self.cache.as_ref()?;
        let whole = cache.get(slot)?;
        if is_fresh(whole.made, self.ttl, now) {
            return Some(whole);
        }
        _ = cache.remove(slot);
        None
    }

    /// Keeps a file, unless it is too large.
    pub fn keep(&self, slot: Slot, whole: Arc<Whole>) {
        if let Some(cache) = &self.cache {
            cache.insert(slot, whole);
            metrics::gauge!("visavis_speech_memory_bytes").set(cache.weight() as f64);
        }
    }

    /// Bytes that are kept now, by an estimate.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.cache.as_ref().map_or(0, Cache::weight)
    }
}

/// Whether what was made then is not older than `ttl`. A file slightly ahead of the clock is
/// accepted, since the clock may have been set back a little. One further ahead is refused, since it would never expire.
pub(crate) fn is_fresh(made: SystemTime, ttl: Duration, now: SystemTime) -> bool {
    let apart = now.duration_since(made).unwrap_or_else(|ahead| ahead.duration());
    apart < ttl
}

#[cfg(test)]
mod tests {
    use visavis_containers::Format;

    use super::*;
    use crate::key::{Key, Voiced};
    use crate::script::Script;
    use crate::times::Times;

    const HOUR: Duration = Duration::from_secs(3600);

    fn slot(name: &str) -> Slot {
        let key = Key::of(&Script { voice: name.into(), ..Script::default() }, &Voiced::default());
        Slot { key, format: Format::Wav }
    }

    fn file(bytes: usize, made: SystemTime) -> Arc<Whole> {
        let (bytes, tag) = (vec![0; bytes].into(), "\"t\"".to_owned());
        Arc::new(Whole { bytes, times: Times::default(), samples: 1, tag, made })
    }

    #[test]
    fn files_are_kept_until_they_are_too_old() {
        let (memory, made) = (Memory::new(1 << 20, 24 * HOUR), SystemTime::UNIX_EPOCH + HOUR);
        memory.keep(slot("a"), file(100, made));
        assert!(memory.get(&slot("a"), made + 23 * HOUR).is_some());
        assert!(memory.get(&slot("a"), made - HOUR).is_some(), "the clock was set back");
        memory.keep(slot("ahead"), file(100, made + 25 * HOUR));
        assert!(memory.get(&slot("ahead"), made).is_none(), "it would never be old");
        assert!(memory.get(&slot("b"), made).is_none());
        assert!(memory.get(&slot("a"), made + 24 * HOUR).is_none());
        assert!(memory.get(&slot("a"), made).is_none(), "it is gone");
    }

    #[test]
    fn the_bound_holds_and_without_room_nothing_is_kept() {
        let now = SystemTime::UNIX_EPOCH;
        let memory = Memory::new(100_000, HOUR);
        for name in 0..50 {
            memory.keep(slot(&name.to_string()), file(10_000, now));
            assert!(memory.bytes() <= 100_000);
        }
        assert!(memory.bytes() > 0);
        let none = Memory::new(0, HOUR);
        none.keep(slot("a"), file(1, now));
        assert!(none.get(&slot("a"), now).is_none());
    }
}
