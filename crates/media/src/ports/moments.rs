//! The face of a call for those who watch it. Hardly a call is watched: the queue, some 36 KiB, is made for the first viewer.

use std::sync::{Arc, OnceLock};

use tokio::sync::{Notify, broadcast};

use super::FaceMoment;

/// Moments that a viewer may be late by; it misses older ones.
const MOMENT_QUEUE: usize = 128;

/// The moments of a call's face. Each viewer reads at its own pace; they end when the last clone of this is dropped.
#[derive(Debug, Clone, Default)]
pub struct Moments(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: OnceLock<broadcast::Sender<FaceMoment>>,
    come: Notify,
}

impl Moments {
    /// Watches the face from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<FaceMoment> {
        let queue = self.0.queue.get_or_init(|| broadcast::Sender::new(MOMENT_QUEUE));
        let viewer = queue.subscribe();
        self.0.come.notify_one();
        viewer
    }

    /// Whether anybody watches.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.0.queue.get().is_some_and(|queue| queue.receiver_count() > 0)
    }

    /// Returns when a viewer has come since it last returned. Only one task may wait. Cancel-safe.
    pub async fn viewer(&self) {
        self.0.come.notified().await;
    }

    /// Shows a moment to all who watch.
    pub fn send(&self, moment: FaceMoment) {
        if let Some(queue) = self.0.queue.get() {
            // Fails only when nobody watches any more.
            _ = queue.send(moment);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::broadcast::error::{RecvError, TryRecvError};
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::avatar::face::Face;

    fn moment(timestamp: u32) -> FaceMoment {
        FaceMoment { response: 1, timestamp, face: Face::default(), at: Instant::now() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_viewer_announces_itself_and_sees_what_follows_until_the_face_is_gone() {
        let moments = Moments::default();
        moments.send(moment(1));
        let waiting = timeout(Duration::from_secs(60), moments.viewer()).await;
        assert!(waiting.is_err() && !moments.is_watched(), "nobody has come");
        let mut viewer = moments.clone().subscribe();
        moments.viewer().await;
        assert!(moments.is_watched());
        moments.send(moment(2));
        assert_eq!(viewer.recv().await.map(|moment| moment.timestamp), Ok(2));
        assert_eq!(viewer.try_recv(), Err(TryRecvError::Empty));
        drop(moments);
        assert_eq!(viewer.recv().await, Err(RecvError::Closed));
    }

    #[test]
    fn a_face_that_nobody_watches_any_more_goes_on() {
        let moments = Moments::default();
        drop(moments.subscribe());
        assert!(!moments.is_watched());
        moments.send(moment(3));
    }
}
