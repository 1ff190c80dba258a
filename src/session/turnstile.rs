//! Lets those who come back to a call pass one after another: of two at once the later one takes the call from the earlier one.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};
use visavis_store::CallId;

/// The calls to which somebody comes back now.
#[derive(Default)]
pub(super) struct Turnstile(Mutex<HashMap<CallId, Weak<Gate<()>>>>);

impl Turnstile {
    /// Waits for those who came to the call before. Until what is returned is dropped, those who come later wait.
    pub(super) async fn pass(&self, call: &CallId) -> OwnedMutexGuard<()> {
        let gate = {
            let mut gates = self.0.lock();
            gates.retain(|_, gate| gate.strong_count() > 0);
            let gate = gates.get(call).and_then(Weak::upgrade).unwrap_or_default();
            gates.insert(call.clone(), Arc::downgrade(&gate));
            gate
        };
        gate.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_to_the_same_call_waits_and_who_comes_to_another_does_not() {
        let turnstile = Turnstile::default();
        let [a, b] = ["a", "b"].map(|id| CallId::new(id).unwrap());
        let first = turnstile.pass(&a).await;
        let other = turnstile.pass(&b).await;
        let waits = timeout(Duration::from_secs(5), turnstile.pass(&a)).await;
        assert!(waits.is_err());
        drop((first, other));
        let second = turnstile.pass(&a).await;
        assert_eq!(turnstile.0.lock().len(), 1, "those whom nobody comes to are forgotten");
        drop(second);
    }
}
