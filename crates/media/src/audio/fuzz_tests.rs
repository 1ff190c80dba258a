//! Fuzz tests: WAV files of arbitrary bytes, and packets in arbitrary order.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;

use super::jitter::{JitterBuffer, Playout};
use super::wav;
use crate::frame::MIC_RATE;

/// Samples that the resampler may add.
const EDGE: usize = 4_096;

#[test]
fn a_wav_file_of_any_bytes_is_refused_or_read_within_its_length() {
    visavis_fuzz::run("wav", |input| {
        if let Ok(samples) = wav::read(input, MIC_RATE) {
            // The slowest rate is a quarter of ours, and a sample has at least one byte.
            assert!(samples.len() <= input.len() * 4 + EDGE, "{} of {} bytes", samples.len(), input.len());
        }
    });
}

/// The most outputs that one packet causes: itself, silence for a pause before it, and concealment of a loss.
const PULLS: usize = 1 + 50 + 81;

#[test]
fn packets_in_any_order_are_played_once_and_within_bounds() {
    visavis_fuzz::run("jitter", |input| {
        let mut buffer = JitterBuffer::new();
        let (mut now, mut sounded) = (Duration::ZERO, HashSet::new());
        let (mut inserted, mut pulled) = (0, 0);
        for packet in input.chunks_exact(8) {
            let [step, s0, s1, t0, t1, t2, t3, ticks] = *packet else { continue };
            now += Duration::from_millis(u64::from(step));
            inserted += 1;
            let payload =
                Bytes::copy_from_slice(&u64::to_le_bytes(inserted as u64)[..1 + usize::from(ticks >> 7) * 7]);
            let ticks = 120 * (u32::from(ticks) % 48 + 1);
            let clock = u32::from_le_bytes([t0, t1, t2, t3]);
            buffer.insert(now, u16::from_le_bytes([s0, s1]), clock, ticks, payload);
            assert!(buffer.held() <= Duration::from_millis(2_000), "{:?}", buffer.held());
            let target = buffer.target_delay();
            assert!((20..=120).contains(&target.as_millis()), "{target:?}");
            loop {
                pulled += 1;
                match buffer.pull(now) {
                    Playout::Wait => break,
                    Playout::Packet(payload) if payload.len() == 8 => assert!(sounded.insert(payload)),
                    Playout::Conceal(ticks) | Playout::Recover { ticks, .. } => {
                        assert!((120..=5_760).contains(&ticks) && ticks % 120 == 0, "{ticks}");
                    }
                    Playout::Packet(_) | Playout::Silence => {}
                }
                let passed = usize::try_from(now.as_millis()).unwrap() / 20;
                assert!(pulled <= inserted * (PULLS + 1) + passed + 2, "{pulled} for {inserted} packets");
            }
        }
    });
}
