//! Lets those who come back to a call pass one after another: of two at once the later one takes the call from the earlier one.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};
use visavis_store::CallId;

/// Most that may come to one call at once, the one who passes included.
const MOST: usize = 8;

/// The calls to which somebody comes back now.
#[derive(Default)]
pub(super) struct Turnstile(Mutex<HashMap<CallId, Weak<Gate<()>>>>);

impl Turnstile {
    /// Waits for those who came to the call before. Until what is returned is dropped, those who come later wait; none: too many do.
    pub(super) async fn pass(&self, call: &CallId) -> Option<OwnedMutexGuard<()>> {
        let gate = {
            let mut gates = self.0.lock();
            gates.retain(|_, gate| gate.strong_count() > 0);
            let gate = gates.get(call).and_then(Weak::upgrade).unwrap_or_default();
            gates.insert(call.clone(), Arc::downgrade(&gate));
            gate
        };
        // Whoever waits or passes has one.
        if Arc::strong_count(&gate) > MOST {
            return None;
        }
        Some(gate.lock_owned().await)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_to_the_same_call_waits_and_who_comes_to_another_does_not() {
        let turnstile = Turnstile::default();
        let [a, b] = ["a", "b"].map(|id| CallId::new(id).unwrap());
        let first = turnstile.pass(&a).await;
        let other = turnstile.pass(&b).await;
        assert!(first.is_some() && other.is_some());
        let waits = timeout(Duration::from_secs(5), turnstile.pass(&a)).await;
        assert!(waits.is_err());
        let mut crowd =
            join_all((0..2 * MOST).map(|_| timeout(Duration::from_secs(5), turnstile.pass(&a)))).await;
        crowd.retain(Result::is_err);
        assert_eq!(crowd.len(), MOST - 1, "the others were sent away at once");
        drop((first, other));
        let second = turnstile.pass(&a).await;
        assert_eq!(turnstile.0.lock().len(), 1, "those whom nobody comes to are forgotten");
        drop(second);
    }
}
