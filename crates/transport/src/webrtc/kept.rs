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
mod tests {
    use super::*;
    use crate::protocol::{Packet, Received, Rtvi};

    /// 20 ms as a client packs them.
    fn piece(protocol: &Rtvi) -> Sound {
        let mut bytes = vec![1_u8, 1];
        bytes.resize(12 + 640, 7);
        let Received::Sound(sound) = protocol.receive(Packet::from(bytes)) else { panic!("it is sound") };
        sound
    }

    /// How many of as many pieces are taken at four times the pace of speech.
    async fn taken(kept: &mut KeptSound, pieces: usize) -> usize {
        let protocol = Rtvi::default();
        let mut taken = 0;
        for _ in 0..pieces {
            taken += usize::from(kept.take(&piece(&protocol), &protocol).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_client_that_comes_back_hands_sound_over_and_a_bounded_amount() {
        let (mut kept, mut first) = KeptSound::new(false);
        let heard = tokio::spawn(async move {
            let mut heard = 0_usize;
            while first.recv().await.is_some() {
                heard += 1;
            }
            heard
        });
        assert_eq!(taken(&mut kept, 5).await, 0, "it has not connected");
        kept.connected();
        assert_eq!(taken(&mut kept, 5).await, 0, "it begins its call");
        kept.connected();
        assert_eq!(taken(&mut kept, 1_330).await, 1_330, "20 s, and what is said meanwhile");
        let much = taken(&mut kept, 4_000).await;
        assert!(much < 1_400, "it goes on at the pace of speech: {much}");
        tokio::time::sleep(WITHIN).await;
        assert_eq!(taken(&mut kept, 5).await, 0, "its time is over");
        drop(kept);
        assert_eq!(heard.await.unwrap(), 1_330 + much);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_goes_on_by_a_token_hands_over_on_its_first_connection() {
        let (mut kept, _first) = KeptSound::new(true);
        kept.connected();
        assert_eq!(taken(&mut kept, 5).await, 5);
    }
}
