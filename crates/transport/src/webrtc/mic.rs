//! Turns the microphone's packets into frames of 20 ms. No I/O; time is passed in.

use std::time::Duration;

use bytes::Bytes;

use super::rest::Rest;
use crate::audio::jitter::{JitterBuffer, JitterCounts, Playout};
use crate::audio::opus::{Decoder, OpusError, packet_ticks};
use crate::bucket::Bucket;
use crate::frame::{AudioFrame, MIC_FRAME, MIC_RATE};
use crate::stutter::Stutter;

/// Seconds of sound accepted per second: a client's clock may be fast, and late sound catches up.
const PACE: f64 = 1.05;
/// Seconds of late sound that may catch up at once.
const CATCHING_UP: f64 = 2.0;
/// Most frames returned by one tick: other tasks run between two bursts.
const FRAMES_PER_TICK: usize = 5;
/// Time between two additions to the metrics.
const REPORT: Duration = Duration::from_secs(1);

/// The microphone's side of a call.
#[derive(Debug)]
pub struct MicPath {
    jitter: JitterBuffer,
    decoder: Decoder,
    /// Decoded, not returned yet.
    samples: Vec<i16>,
    /// Whether the newest of `samples` were received.
    received: bool,
    entitled: Bucket,
    stutter: Stutter,
    rest: Rest,
    faults: u64,
    reported: JitterCounts,
    reported_at: Duration,
}

impl MicPath {
    /// A microphone that has received nothing.
    ///
    /// When libopus runs out of memory.
    pub fn new() -> Result<Self, OpusError> {
        Ok(Self {
            jitter: JitterBuffer::new(),
            decoder: Decoder::new()?,
            samples: Vec::with_capacity(8 * MIC_FRAME),
            received: false,
            entitled: Bucket::new(PACE, CATCHING_UP),
            stutter: Stutter::default(),
            rest: Rest::default(),
            faults: 0,
            reported: JitterCounts::default(),
            reported_at: Duration::ZERO,
        })
    }

    /// Takes a packet as it arrives; false when it is not Opus.
    pub fn packet(&mut self, now: Duration, sequence: u16, timestamp: u32, payload: Bytes) -> bool {
        let Some(ticks) = packet_ticks(&payload) else {
            return false;
        };
        self.jitter.insert(now, sequence, timestamp, ticks, payload);
        true
    }

    /// The frames available at `now`: usually one per 20 ms; none while packets are late, several once they arrive, or at rest.
    pub fn tick(&mut self, now: Duration) -> Vec<AudioFrame> {
        let mut frames = Vec::with_capacity(1);
        while frames.len() < FRAMES_PER_TICK && self.has_frame(now) {
            let rest = self.samples.split_off(MIC_FRAME);
            let samples = std::mem::replace(&mut self.samples, rest);
            frames.push(AudioFrame { samples, received: self.received });
        }
        let held = frames.len() == FRAMES_PER_TICK || !self.jitter.held().is_zero();
        self.rest.hear(now, &frames, held);
        frames
    }

    /// Whether each packet is to be followed by a tick at once, because the next one is not due soon.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.rest.has_begun()
    }

    /// Time from the last tick to the next one: 20 ms, and more after some seconds of quiet.
    #[must_use]
    pub fn pause(&self) -> Duration {
        self.rest.pause()
    }

    /// Decodes until a whole frame is available, if the packets suffice.
    fn has_frame(&mut self, now: Duration) -> bool {
        while self.samples.len() < MIC_FRAME {
            if self.entitled.owe(now, 0.0) > Duration::ZERO {
                return false;
            }
            let before = self.samples.len();
            match self.jitter.pull(now) {
                Playout::Wait => return false,
                playout => self.sound(playout),
            }
            let added = self.samples.len() - before;
            self.entitled.owe(now, added as f64 / f64::from(MIC_RATE));
        }
        true
    }

    fn sound(&mut self, playout: Playout) {
        match playout {
            Playout::Packet(payload) => {
                let decoded = self.decoder.decode(&payload).unwrap_or(&[]);
                self.received = !decoded.is_empty();
                self.samples.extend_from_slice(decoded);
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
                self.samples.resize(self.samples.len() + MIC_FRAME, 0);
            }
            Playout::Wait => {}
        }
    }

    /// Whether to tell the person about gaps and about losses that could not be repaired.
    pub fn stutters(&mut self, now: Duration) -> bool {
        let counts = self.jitter.counts();
        let before = std::mem::replace(&mut self.faults, counts.gaps + counts.plc);
        self.stutter.faults(now, self.faults - before)
    }

    /// Once a second, adds the counts since the last report to the metrics.
    pub(super) fn report(&mut self, now: Duration) {
        if now < self.reported_at + REPORT {
            return;
        }
        self.reported_at = now;
        let counts = self.jitter.counts();
        let before = std::mem::replace(&mut self.reported, counts);
        for (name, count) in [
            ("visavis_jitter_lost_total", counts.lost - before.lost),
            ("visavis_jitter_late_total", counts.late - before.late),
            ("visavis_jitter_fec_total", counts.fec - before.fec),
            ("visavis_jitter_plc_total", counts.plc - before.plc),
            ("visavis_jitter_gaps_total", counts.gaps - before.gaps),
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

#[cfg(test)]
mod dtx_tests;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(20);

    /// A second of a tone in packets of `ms`.
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

    /// Ticks `count` times, while packets of `ms` arrive as `arrives` says; returns the frames of each tick.
    fn ticks(count: u32, ms: usize, arrives: impl Fn(usize) -> u128) -> Vec<Vec<AudioFrame>> {
        let packets = tone(ms);
        let mut path = MicPath::new().unwrap();
        let mut sent = 0;
        let mut hear = |tick: u32| {
            let now = STEP * tick;
            while now.as_millis() >= arrives(sent) {
                let (sequence, clock) =
                    (u16::try_from(sent).unwrap(), u32::try_from(sent * ms * 48).unwrap());
                assert!(path.packet(now, sequence, clock, packets[sent % packets.len()].clone()));
                sent += 1;
            }
            path.tick(now)
        };
        (0..count).map(&mut hear).collect()
    }

    #[test]
    fn packets_of_any_length_become_whole_frames_without_invented_ones() {
        for ms in [10, 20, 40, 60] {
            let frames = ticks(120, ms, |sent| ((sent + 1) * ms) as u128).concat();
            assert!(frames.iter().all(|frame| frame.samples.len() == MIC_FRAME));
            assert!(frames.iter().skip_while(|frame| !frame.received).all(|frame| frame.received), "{ms} ms");
            assert!((116..=121).contains(&frames.len()), "{ms} ms: {} of 120 frames", frames.len());
        }
    }

    #[test]
    fn late_speech_sounds_the_same_as_speech_on_time() {
        let samples = |arrives: &dyn Fn(usize) -> u128| -> Vec<i16> {
            let frames = ticks(110, 20, arrives).concat();
            frames
                .into_iter()
                .filter(|frame| frame.received)
                .take(50)
                .flat_map(|frame| frame.samples)
                .collect()
        };
        let in_time = samples(&|sent| sent as u128 * 20);
        let stalled =
            samples(&|sent| if sent < 20 { sent as u128 * 20 } else { 1_100.max(sent as u128 * 20) });
        // A sound device that stops for 30 ms now and then, and continues where it stopped.
        let stuttering = samples(&|sent| (sent * 20 + sent / 3 * 30) as u128);
        assert!(in_time == stalled && in_time == stuttering);
    }

    #[test]
    fn late_frames_catch_up_within_15_ticks() {
        let late = ticks(200, 20, |sent| if (50..100).contains(&sent) { 2_000 } else { sent as u128 * 20 });
        assert_eq!(late.iter().map(Vec::len).max(), Some(FRAMES_PER_TICK), "other tasks run in between");
        let after: usize = late[115..].iter().map(Vec::len).sum();
        assert_eq!(after, 85, "one frame for each tick again");
        let received = late.concat().iter().filter(|frame| frame.received).count();
        assert_eq!(received, 200, "and all was heard");
    }

    #[test]
    fn losses_that_cannot_be_repaired_are_told_once_and_those_that_can_are_not() {
        let packets = tone(20);
        for (lost, told) in [(0, 0), (1, 0), (2, 1)] {
            let mut path = MicPath::new().unwrap();
            let mut hear = |sent: usize| {
                let now = STEP * u32::try_from(sent).unwrap();
                // Twice a second so many packets are lost in a row.
                if sent % 25 >= lost {
                    let clock = u32::try_from(sent * 960).unwrap();
                    let sequence = u16::try_from(sent).unwrap();
                    assert!(path.packet(now, sequence, clock, packets[sent % packets.len()].clone()));
                }
                path.tick(now);
                path.stutters(now)
            };
            assert_eq!((0..500).filter(|sent| hear(*sent)).count(), told, "{lost} in a row");
        }
    }

    #[test]
    fn a_client_that_sends_too_fast_is_heard_at_the_pace_of_speech() {
        let frames = ticks(500, 20, |sent| sent as u128 * 20 / 8).concat().len();
        assert!((500..=635).contains(&frames), "{frames} frames in 10 s");
    }

    #[test]
    fn packets_that_are_not_opus_are_refused_and_undecodable_ones_are_silence() {
        let mut path = MicPath::new().unwrap();
        assert!(!path.packet(STEP, 0, 0, Bytes::new()));
        path.packet(STEP, 1, 960, Bytes::from_static(&[0xff, 0xff, 0xff, 0xff]));
        for tick in 1..50 {
            assert!(path.tick(STEP * tick).iter().all(|frame| frame.samples.len() == MIC_FRAME));
        }
    }
}
