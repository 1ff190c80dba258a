//! Sound that a client kept while it had no connection. It hands it over by its data channel, since its track carries what is said now.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::allowance::{Allowance, Verdict};
use crate::ear::Ear;
use crate::frame::AudioFrame;
use crate::protocol::{Protocol, Sound};

/// Frames of 20 ms that wait for the microphone; the client's messages wait when there are more.
const WAITING: usize = 64;
/// Time from the connection's beginning in which all must have come.
const WITHIN: Duration = Duration::from_secs(30);

/// Takes such sound.
pub(super) struct KeptSound {
    frames: mpsc::Sender<AudioFrame>,
    /// Whoever connects next comes back to the call.
    comes_back: bool,
    /// None: the client has not connected yet, or begins its call and has nothing to hand over.
    open: Option<Open>,
}

/// A connection by which a client has come back.
struct Open {
    since: Instant,
    allowance: Allowance,
    ear: Ear,
}

impl KeptSound {
    /// Of a call whose first client `comes_back` to it, or begins it; returns what the microphone hears first as well.
    pub(super) fn new(comes_back: bool) -> (Self, mpsc::Receiver<AudioFrame>) {
        let (frames, first) = mpsc::channel(WAITING);
        (Self { frames, comes_back, open: None }, first)
    }

    /// The client has another connection.
    pub(super) fn connected(&mut self) {
        let comes_back = std::mem::replace(&mut self.comes_back, true);
        self.open = comes_back.then(|| Open {
            since: Instant::now(),
            allowance: Allowance::new(true),
            ear: Ear::new(),
        });
    }

    /// Passes on a piece of it; false: it is refused.
    pub(super) async fn take(&mut self, sound: &Sound, protocol: &dyn Protocol) -> bool {
        let Some(Open { since, allowance, ear }) = &mut self.open else { return false };
        let now = since.elapsed();
        if now > WITHIN || allowance.frame(now, sound.seconds()) != Verdict::Heard {
            return false;
        }
        let Ok(samples) = protocol.samples(sound) else { return false };
        for frame in ear.take(sound.rate, &samples) {
            // Fails only when the call has ended.
            _ = self.frames.send(frame).await;
        }
        true
    }
}

#[cfg(test)]
mod tests;
