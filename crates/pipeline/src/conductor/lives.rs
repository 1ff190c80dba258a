//! Restarts of the language model's process: each loses everything the model had read.

use tokio::sync::watch;

use crate::engine::status::Life;

/// Follows the process's lives for one call.
pub(super) struct Lives {
    /// None: the process is not supervised, or runs elsewhere.
    now: Option<watch::Receiver<Life>>,
    down: bool,
}

impl Lives {
    /// Follows the process from now on.
    pub(super) fn of(mut now: Option<watch::Receiver<Life>>) -> Self {
        let down = now.as_mut().is_some_and(|now| *now.borrow_and_update() == Life::Down);
        Self { now, down }
    }

    /// Waits until a process has ended; returns once for each.
    pub(super) async fn lost(&mut self) {
        while let Some(now) = &mut self.now {
            if now.changed().await.is_err() {
                self.now = None;
                break;
            }
            let down = *now.borrow_and_update() == Life::Down;
            let was_down = std::mem::replace(&mut self.down, down);
            // Up before and up now: it is another process, and the end of the first was missed.
            if down || !was_down {
                return;
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn each_end_of_the_process_is_reported_once() {
        let (life, now) = watch::channel(Life::Up(1));
        let mut lives = Lives::of(Some(now));
        assert!(lives.lost().now_or_never().is_none());
        life.send_replace(Life::Down);
        assert!(lives.lost().now_or_never().is_some());
        life.send_replace(Life::Up(2));
        assert!(lives.lost().now_or_never().is_none(), "its end was already reported");
        life.send_replace(Life::Down);
        life.send_replace(Life::Up(3));
        assert!(lives.lost().now_or_never().is_some(), "its end was missed");
        drop(life);
        assert!(lives.lost().now_or_never().is_none());
    }
}
