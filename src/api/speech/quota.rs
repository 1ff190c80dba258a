//! How many requests each client makes within an hour. Pure.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

const HOUR: u64 = 3600;
/// Most clients that are counted; further ones are not, until the next hour.
const MOST_CLIENTS: usize = 100_000;

/// The requests of this hour.
#[derive(Debug)]
pub(super) struct Quota<K> {
    /// 0: any number.
    most: u32,
    hour: u64,
    taken: HashMap<K, u32>,
}

impl<K: Eq + Hash + Clone> Quota<K> {
    /// Each client may make this many requests an hour; 0: any number.
    pub(super) fn new(most: u32) -> Self {
        Self { most, hour: 0, taken: HashMap::new() }
    }

    /// Counts a request at a time since 1970.
    ///
    /// # Errors
    /// If it is one too many: the seconds until the next hour.
    pub(super) fn take(&mut self, client: &K, now: Duration) -> Result<(), u32> {
        if self.most == 0 {
            return Ok(());
        }
        let hour = now.as_secs() / HOUR;
        if hour != self.hour {
            self.hour = hour;
            self.taken.clear();
        }
        if let Some(taken) = self.taken.get_mut(client) {
            if *taken >= self.most {
                return Err(u32::try_from(HOUR - now.as_secs() % HOUR).unwrap_or(u32::MAX));
            }
            *taken += 1;
        } else if self.taken.len() < MOST_CLIENTS {
            self.taken.insert(client.clone(), 1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_count_which_begins_anew_each_hour() {
        let mut quota = Quota::new(2);
        let at = |seconds| Duration::from_secs(10 * HOUR + seconds);
        assert_eq!(quota.take(&"a", at(0)), Ok(()));
        assert_eq!(quota.take(&"a", at(10)), Ok(()));
        assert_eq!(quota.take(&"a", at(3000)), Err(600));
        assert_eq!(quota.take(&"b", at(3000)), Ok(()));
        assert_eq!(quota.take(&"a", at(3600)), Ok(()));
        let mut none = Quota::new(0);
        assert!((0..1000).all(|_| none.take(&"a", at(0)).is_ok()));
    }
}
