//! Opus as calls use it: mono speech, 20 ms, with forward error correction.

use opus::{Application, Bitrate, Channels, ErrorCode, Signal};

use crate::frame::{MIC_RATE, OUT_RATE};

/// Room for any packet that we encode: 20 ms at Opus's highest bit rate.
pub const MAX_PACKET: usize = 1_276;

/// Half way between libopus's fastest and best: above this, speech at 24 kHz does not audibly improve.
const COMPLEXITY: i32 = 5;
/// Speech up to 12 kHz, with room for forward error correction.
const BITRATE: i32 = 28_000;
/// Expected packet loss in percent; with 0 the encoder writes no forward error correction.
const EXPECTED_LOSS: i32 = 10;
/// Opus's longest packet: 120 ms.
const MAX_SAMPLES: usize = MIC_RATE as usize * 120 / 1000;

/// Why libopus refused: a packet that is not Opus, or a frame of the wrong length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("opus: {}", .0.description())]
pub struct OpusError(ErrorCode);

impl From<opus::Error> for OpusError {
    fn from(error: opus::Error) -> Self {
        Self(error.code())
    }
}

/// Length of a packet in ticks of 48 kHz; `None` if it is not Opus.
#[must_use]
pub fn packet_ticks(packet: &[u8]) -> Option<u32> {
    if packet.is_empty() {
        return None;
    }
    let ticks = opus::packet::get_nb_samples(packet, 48_000).ok()?;
    u32::try_from(ticks).ok().filter(|ticks| (1..=5_760).contains(ticks))
}

/// Decodes packets directly to the microphone's rate, as nothing above 8 kHz is needed.
#[derive(Debug)]
pub struct Decoder {
    inner: opus::Decoder,
    buffer: Vec<i16>,
}

impl Decoder {
    /// A decoder to mono at [`MIC_RATE`].
    ///
    /// # Errors
    /// When libopus has no memory.
    pub fn new() -> Result<Self, OpusError> {
        Ok(Self { inner: opus::Decoder::new(MIC_RATE, Channels::Mono)?, buffer: vec![0; MAX_SAMPLES] })
    }

    /// Decodes a packet.
    ///
    /// # Errors
    /// When the packet is damaged.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[i16], OpusError> {
        let count = self.inner.decode(packet, &mut self.buffer, false)?;
        Ok(&self.buffer[..count])
    }

    /// Recovers the last `samples` before `next` from the copy in `next`; conceals them if it has none.
    ///
    /// # Errors
    /// When the packet is damaged.
    pub fn recover(&mut self, next: &[u8], samples: usize) -> Result<&[i16], OpusError> {
        let room = samples.clamp(1, MAX_SAMPLES);
        let count = self.inner.decode(next, &mut self.buffer[..room], true)?;
        Ok(&self.buffer[..count])
    }

    /// Conceals a loss of `samples`: the voice goes on and fades.
    ///
    /// # Errors
    /// When `samples` is not a multiple of 2.5 ms.
    pub fn conceal(&mut self, samples: usize) -> Result<&[i16], OpusError> {
        let room = samples.clamp(1, MAX_SAMPLES);
        let count = self.inner.decode(&[], &mut self.buffer[..room], false)?;
        Ok(&self.buffer[..count])
    }
}

/// Encodes responses: mono at [`OUT_RATE`].
#[derive(Debug)]
pub struct Encoder {
    inner: opus::Encoder,
}

impl Encoder {
    /// An encoder for speech with forward error correction.
    ///
    /// # Errors
    /// When libopus has no memory.
    pub fn new() -> Result<Self, OpusError> {
        let mut inner = opus::Encoder::new(OUT_RATE, Channels::Mono, Application::Voip)?;
        inner.set_complexity(COMPLEXITY)?;
        inner.set_bitrate(Bitrate::Bits(BITRATE))?;
        inner.set_signal(Signal::Voice)?;
        inner.set_inband_fec(true)?;
        inner.set_packet_loss_perc(EXPECTED_LOSS)?;
        Ok(Self { inner })
    }

    /// Encodes one frame into `packet`; returns its length in bytes.
    ///
    /// # Errors
    /// When the frame is not 2.5 to 60 ms long.
    pub fn encode(&mut self, frame: &[i16], packet: &mut [u8; MAX_PACKET]) -> Result<usize, OpusError> {
        Ok(self.inner.encode(frame, packet)?)
    }

    /// Resets the state, so that the end of one response does not affect the next.
    ///
    /// # Errors
    /// Never with the current libopus.
    pub fn reset(&mut self) -> Result<(), OpusError> {
        Ok(self.inner.reset_state()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{MIC_FRAME, OUT_FRAME};

    fn voice(frame: usize, level: f64) -> Vec<i16> {
        let at = |n: usize| (frame * OUT_FRAME + n) as f64 / f64::from(OUT_RATE);
        #[allow(clippy::cast_possible_truncation)]
        (0..OUT_FRAME).map(|n| ((at(n) * 300.0 * std::f64::consts::TAU).sin() * level) as i16).collect()
    }

    fn energy(samples: &[i16]) -> f64 {
        samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / samples.len() as f64
    }

    #[test]
    fn a_lost_burst_of_sound_is_recovered_from_the_following_packet() {
        let (mut encoder, mut decoder) = (Encoder::new().unwrap(), Decoder::new().unwrap());
        let mut packets = Vec::new();
        for frame in 0..30 {
            let mut packet = [0; MAX_PACKET];
            // Only frame 20 has sound, which concealment could not invent.
            let level = if frame == 20 { 12_000.0 } else { 20.0 };
            let length = encoder.encode(&voice(frame, level), &mut packet).unwrap();
            packets.push(packet[..length].to_vec());
        }
        for packet in &packets[..20] {
            assert_eq!(decoder.decode(packet).unwrap().len(), MIC_FRAME);
        }
        let mended = energy(decoder.recover(&packets[21], MIC_FRAME).unwrap());
        assert!(mended > 1_000_000.0, "{mended}");
    }

    #[test]
    fn a_damaged_packet_is_an_error_and_the_next_one_decodes() {
        let (mut encoder, mut decoder) = (Encoder::new().unwrap(), Decoder::new().unwrap());
        assert!(decoder.decode(&[0xff, 0xff, 0xff]).is_err());
        let mut packet = [0; MAX_PACKET];
        let length = encoder.encode(&voice(0, 8_000.0), &mut packet).unwrap();
        assert_eq!(decoder.decode(&packet[..length]).unwrap().len(), MIC_FRAME);
        assert_eq!(packet_ticks(&packet[..length]), Some(960));
        assert_eq!(packet_ticks(&[]), None);
    }
}
