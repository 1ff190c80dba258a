//! From the packets of a microphone to one frame every 20 ms. No I/O; time is passed in.

use std::time::Duration;

use bytes::Bytes;

use crate::audio::jitter::{JitterBuffer, JitterCounts, Playout};
use crate::audio::opus::{Decoder, OpusError, packet_ticks};
use crate::frame::{AudioFrame, MIC_FRAME};

/// Frames below this level (root mean square) are quiet whatever came before.
const QUIET_FLOOR: f32 = 60.0;
/// Frames this far below the voice are quiet.
const QUIET_SHARE: f32 = 0.05;
/// How slowly the voice's level is forgotten, per frame: about five seconds.
const LEVEL_DECAY: f32 = 0.996;
/// More pulls than this for one frame only happen with the shortest packets of Opus.
const MAX_PULLS: usize = 12;

/// The microphone's side of a call.
#[derive(Debug)]
pub(super) struct MicPath {
    jitter: JitterBuffer,
    decoder: Decoder,
    /// Decoded, not yet given out.
    samples: Vec<i16>,
    /// Whether the newest of `samples` were received.
    received: bool,
    level: f32,
    frames: u64,
    reported: JitterCounts,
}

impl MicPath {
    pub(super) fn new() -> Result<Self, OpusError> {
        Ok(Self {
            jitter: JitterBuffer::new(),
            decoder: Decoder::new()?,
            samples: Vec::with_capacity(8 * MIC_FRAME),
            received: false,
            level: 0.0,
            frames: 0,
            reported: JitterCounts::default(),
        })
    }

    /// Takes a packet as it arrives; false when it is not Opus.
    pub(super) fn packet(&mut self, now: Duration, sequence: u16, timestamp: u32, payload: Bytes) -> bool {
        let Some(ticks) = packet_ticks(&payload) else {
            return false;
        };
        self.jitter.insert(now, sequence, timestamp, ticks, payload);
        true
    }

    /// The next 20 ms.
    pub(super) fn tick(&mut self, now: Duration) -> AudioFrame {
        let mut pulls = 0;
        while self.samples.len() < MIC_FRAME && pulls < MAX_PULLS {
            pulls += 1;
            match self.jitter.pull(now) {
                Playout::Silence if self.samples.is_empty() => {
                    return AudioFrame { samples: vec![0; MIC_FRAME], received: false };
                }
                playout => self.sound(playout),
            }
        }
        self.samples.resize(self.samples.len().max(MIC_FRAME), 0);
        let rest = self.samples.split_off(MIC_FRAME);
        let samples = std::mem::replace(&mut self.samples, rest);
        AudioFrame { samples, received: self.received }
    }

    fn sound(&mut self, playout: Playout) {
        match playout {
            Playout::Packet { payload, droppable } => {
                let decoded = self.decoder.decode(&payload).unwrap_or(&[]);
                self.received = !decoded.is_empty();
                let quiet = is_quiet(decoded, &mut self.level);
                if !(droppable && quiet) {
                    self.samples.extend_from_slice(decoded);
                }
                self.jitter.heard(quiet);
            }
            Playout::Recover { next, ticks } => {
                let mended = self.decoder.recover(&next, samples_of(ticks)).unwrap_or(&[]);
                self.received = !mended.is_empty();
                self.samples.extend_from_slice(mended);
            }
            Playout::Conceal(ticks) => {
                self.received = false;
                self.samples.extend_from_slice(self.decoder.conceal(samples_of(ticks)).unwrap_or(&[]));
            }
            Playout::Silence => {
                self.received = false;
                self.samples.resize(self.samples.len().max(MIC_FRAME), 0);
            }
        }
    }

    /// Once a second of frames, tells the metrics what has happened since.
    pub(super) fn report(&mut self) {
        self.frames += 1;
        if !self.frames.is_multiple_of(50) {
            return;
        }
        let (now, before) = (self.jitter.counts(), self.reported);
        self.reported = now;
        for (name, count) in [
            ("visavis_jitter_lost_total", now.lost - before.lost),
            ("visavis_jitter_late_total", now.late - before.late),
            ("visavis_jitter_fec_total", now.fec - before.fec),
            ("visavis_jitter_plc_total", now.plc - before.plc),
        ] {
            if count > 0 {
                metrics::counter!(name).increment(count);
            }
        }
        metrics::histogram!("visavis_jitter_delay_ms")
            .record(self.jitter.target_delay().as_secs_f64() * 1000.0);
    }
}

fn samples_of(ticks: u32) -> usize {
    ticks as usize / 3
}

/// Whether nobody speaks in this frame, as far as its level tells.
fn is_quiet(samples: &[i16], level: &mut f32) -> bool {
    if samples.is_empty() {
        return true;
    }
    let energy: f32 = samples.iter().map(|&sample| f32::from(sample) * f32::from(sample)).sum();
    #[allow(clippy::cast_precision_loss)]
    let rms = (energy / samples.len() as f32).sqrt();
    *level = (*level * LEVEL_DECAY).max(rms);
    rms < QUIET_FLOOR.max(*level * QUIET_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(20);

    /// A second of a tone in packets of so many milliseconds.
    fn tone(ms: usize) -> Vec<Bytes> {
        let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
        let count = 48 * ms;
        #[allow(clippy::cast_possible_truncation)]
        let sample =
            |n: usize| ((n as f64 / 48_000.0 * 440.0 * std::f64::consts::TAU).sin() * 9_000.0) as i16;
        let mut packet = |at: usize| {
            let frame: Vec<i16> = (at * count..(at + 1) * count).map(sample).collect();
            Bytes::from(encoder.encode_vec(&frame, 1_000).unwrap())
        };
        (0..1_000 / ms).map(&mut packet).collect()
    }

    #[test]
    fn packets_of_any_length_become_one_whole_frame_for_each_tick() {
        for ms in [10, 20, 40, 60] {
            let packets = tone(ms);
            let mut path = MicPath::new().unwrap();
            let mut sent = 0;
            let mut sounding = 0;
            for tick in 0..60 {
                let now = STEP * tick;
                while sent < packets.len() && now.as_millis() >= ((sent + 1) * ms) as u128 {
                    let clock = u32::try_from(sent * ms * 48).unwrap();
                    assert!(path.packet(now, u16::try_from(sent).unwrap(), clock, packets[sent].clone()));
                    sent += 1;
                }
                let frame = path.tick(now);
                assert_eq!(frame.samples.len(), MIC_FRAME);
                sounding += usize::from(frame.received);
            }
            assert!((44..=50).contains(&sounding), "{ms} ms: {sounding} of 50 frames");
        }
    }

    #[test]
    fn what_is_not_opus_is_refused_and_what_does_not_decode_is_silence() {
        let mut path = MicPath::new().unwrap();
        assert!(!path.packet(STEP, 0, 0, Bytes::new()));
        path.packet(STEP, 1, 960, Bytes::from_static(&[0xff, 0xff, 0xff, 0xff]));
        for tick in 1..50 {
            assert_eq!(path.tick(STEP * tick).samples.len(), MIC_FRAME);
        }
    }
}
