//! The client's encoder. With DTX it sends nothing in a pause, as browsers do: the first packet without sound, and then none
//! until there is sound again or 400 ms have passed.

use bytes::Bytes;
use visavis::audio::opus::{Encoder, MAX_PACKET};
use visavis_core::frame::OUT_RATE;

use super::call::encode;

/// A packet of at most this size has no sound.
const EMPTY: usize = 2;

enum Codec {
    Steady(Encoder),
    /// `pauses`: the last packet had no sound.
    Sparse {
        encoder: opus::Encoder,
        pauses: bool,
    },
}

pub struct Microphone {
    codec: Codec,
    /// Frames encoded so far, sent or not.
    pub frames: u32,
}

impl Microphone {
    pub fn new(dtx: bool) -> Self {
        let codec = if dtx {
            Codec::Sparse { encoder: sparse(), pauses: false }
        } else {
            Codec::Steady(Encoder::new().unwrap())
        };
        Self { codec, frames: 0 }
    }

    /// The packet of the next frame, if it is sent.
    pub fn packet(&mut self, samples: &[i16]) -> Option<Bytes> {
        self.frames += 1;
        match &mut self.codec {
            Codec::Steady(encoder) => Some(encode(encoder, samples)),
            Codec::Sparse { encoder, pauses } => {
                let packet = encoder.encode_vec(samples, MAX_PACKET).unwrap();
                let paused = std::mem::replace(pauses, packet.len() <= EMPTY);
                (packet.len() > EMPTY || !paused).then(|| packet.into())
            }
        }
    }
}

/// An encoder as browsers on computers have it: complex enough to know speech from other sound by itself.
fn sparse() -> opus::Encoder {
    let mut encoder = opus::Encoder::new(OUT_RATE, opus::Channels::Mono, opus::Application::Voip).unwrap();
    encoder.set_complexity(9).unwrap();
    encoder.set_bitrate(opus::Bitrate::Bits(28_000)).unwrap();
    encoder.set_signal(opus::Signal::Voice).unwrap();
    encoder.set_inband_fec(true).unwrap();
    encoder.set_packet_loss_perc(10).unwrap();
    encoder.set_dtx(true).unwrap();
    encoder
}
