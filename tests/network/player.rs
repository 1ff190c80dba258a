//! What the person hears: plays frames at a fixed delay after the fastest of them, and conceals missing ones.

use std::collections::BTreeMap;
use std::time::Duration;

use visavis::audio::opus::Decoder;
use visavis_core::frame::{FRAME_TICKS, MEDIA_CLOCK, MIC_FRAME, ResponseId};

use super::tones::{self, Heard};

/// Most frames that are concealed in a row; then there is silence.
pub const CONCEALED: usize = 10;

/// A frame of a response in flight.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Number of this frame within the call, as in its sequence number.
    pub index: usize,
    /// On the media clock.
    pub timestamp: u32,
    pub response: ResponseId,
    pub payload: Vec<u8>,
}

/// A frame that is played.
#[derive(Debug, Clone)]
pub struct Played {
    pub sent: Sent,
    pub due: Duration,
}

/// The client's loudspeaker.
#[derive(Debug)]
pub struct Player {
    /// How much later than the fastest frame a frame may be.
    delay: Duration,
    /// When zero of the media clock would have arrived, judged by the fastest frame, in ns.
    zero: Option<i128>,
    /// The frames that are played, by their number within the call.
    pub played: BTreeMap<usize, Played>,
}

impl Player {
    pub fn new(delay: Duration) -> Self {
        Self { delay, zero: None, played: BTreeMap::new() }
    }

    /// Takes a frame; one that comes too late is not played.
    pub fn frame(&mut self, at: Duration, sent: Sent) {
        let nanos = |time: Duration| i128::try_from(time.as_nanos()).unwrap();
        let clock = i128::from(sent.timestamp) * 1_000_000_000 / i128::from(MEDIA_CLOCK);
        let zero = nanos(at) - clock;
        let quickest = *self.zero.insert(self.zero.map_or(zero, |known| known.min(zero)));
        let due = Duration::from_nanos(u64::try_from(quickest + clock).unwrap()) + self.delay;
        if due >= at {
            self.played.entry(sent.index).or_insert(Played { sent, due });
        }
    }

    /// Discards the unplayed rest of a response.
    pub fn interrupted(&mut self, now: Duration, response: ResponseId) {
        self.played.retain(|_, played| played.sent.response > response || played.due <= now);
    }

    /// When the first and last known frames of a response are played.
    pub fn span(&self, response: ResponseId) -> Option<(Duration, Duration)> {
        let mut dues =
            self.played.values().filter(|played| played.sent.response == response).map(|played| played.due);
        let first = dues.next()?;
        Some((first, dues.next_back().unwrap_or(first)))
    }

    /// The newest response that has begun to sound by `now`.
    pub fn newest(&self, now: Duration) -> Option<ResponseId> {
        self.played.values().filter(|played| played.due <= now).map(|played| played.sent.response).max()
    }

    /// The words of a response, and how many of its frames are missing between the first and the last.
    pub fn heard(&self, response: ResponseId) -> (Vec<Heard>, usize) {
        let frames = self.played.values().filter(|played| played.sent.response == response);
        let mut decoder = Decoder::new().unwrap();
        let (mut samples, mut missing) = (Vec::new(), 0);
        let mut last: Option<&Sent> = None;
        for Played { sent, .. } in frames {
            let lost = last.map_or(0, |last| sent.index - last.index - 1);
            // A pause: the encoder starts afresh after it.
            let stopped = last.is_some_and(|last| lost == 0 && sent.timestamp - last.timestamp > FRAME_TICKS);
            samples.resize(samples.len() + if stopped { MIC_FRAME } else { 0 }, 0);
            for gone in (0..lost).rev() {
                match gone {
                    0 => samples.extend_from_slice(decoder.recover(&sent.payload, MIC_FRAME).unwrap()),
                    _ if lost - gone <= CONCEALED => {
                        samples.extend_from_slice(decoder.conceal(MIC_FRAME).unwrap());
                    }
                    _ => samples.resize(samples.len() + MIC_FRAME, 0),
                }
            }
            samples.extend_from_slice(decoder.decode(&sent.payload).unwrap());
            missing += lost;
            last = Some(sent);
        }
        (tones::hear(&samples), missing)
    }
}
