//! What a person hears of packets that come late, twice or never: a player that waits as long for each as for the latest that it
//! expects, recovers what it can, conceals the rest, and is silent after that. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use visavis_client::Packet;
use visavis_core::frame::{FRAME_TICKS, MEDIA_CLOCK, MIC_FRAME, MIC_RATE};
use visavis_media::audio::opus::{Decoder, OpusError};

/// Most frames that are concealed in a row.
const CONCEALED: i32 = 10;
/// Longest pause that is kept, in ticks of the media clock: 1 s.
const PAUSE: i64 = 48_000;
/// Ticks of the media clock to a sample.
const TICKS: i64 = 3;

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Played {
    /// The sound, at the recogniser's rate.
    pub samples: Vec<i16>,
    /// Frames between the first packet and the last.
    pub frames: usize,
    /// Those of them that never came, or too late.
    pub missing: usize,
}

/// A packet that came in time, by the stream's clock.
struct InTime<'a> {
    ticks: i64,
    packet: &'a Packet,
}

/// Plays packets at this delay after the quickest of them.
///
/// # Errors
/// When a packet is damaged.
pub fn play(packets: &[Packet], delay: Duration) -> Result<Played, OpusError> {
    let in_time = in_time(packets, delay);
    let (mut decoder, mut samples, mut missing) = (Decoder::new()?, Vec::new(), 0);
    let mut last: Option<(i32, i64)> = None;
    for (&index, InTime { ticks, packet }) in &in_time {
        let lost = last.map_or(0, |(last, _)| index - last - 1);
        let expected = i64::from(lost + 1) * i64::from(FRAME_TICKS);
        let pause = last.map_or(0, |(_, last)| (ticks - last - expected).clamp(0, PAUSE));
        samples.resize(samples.len() + (pause / TICKS) as usize, 0);
        for left in (0..lost).rev() {
            match left {
                0 => samples.extend_from_slice(decoder.recover(&packet.payload, MIC_FRAME)?),
                _ if lost - left <= CONCEALED => samples.extend_from_slice(decoder.conceal(MIC_FRAME)?),
                _ => samples.resize(samples.len() + MIC_FRAME, 0),
            }
        }
        samples.extend_from_slice(decoder.decode(&packet.payload)?);
        missing += lost as usize;
        last = Some((index, *ticks));
    }
    Ok(Played { samples, frames: in_time.len() + missing, missing })
}

/// The packets that come in time, by their number from that of the first on.
fn in_time(packets: &[Packet], delay: Duration) -> BTreeMap<i32, InTime<'_>> {
    let Some(first) = packets.first() else { return BTreeMap::new() };
    // Numbers and times wrap.
    let ticks = |packet: &Packet| i64::from(packet.timestamp.wrapping_sub(first.timestamp) as i32);
    let transit =
        |packet: &Packet| since(first.at, packet.at) - ticks(packet) as f64 / f64::from(MEDIA_CLOCK);
    let quickest = packets.iter().map(transit).fold(f64::INFINITY, f64::min);
    let mut kept = BTreeMap::new();
    for packet in packets {
        if transit(packet) <= quickest + delay.as_secs_f64() {
            let index = i32::from(packet.sequence.wrapping_sub(first.sequence) as i16);
            kept.entry(index).or_insert(InTime { ticks: ticks(packet), packet });
        }
    }
    kept
}

/// Seconds from one moment to another, negative if that is earlier.
fn since(one: Instant, other: Instant) -> f64 {
    let later = other.saturating_duration_since(one).as_secs_f64();
    later - one.saturating_duration_since(other).as_secs_f64()
}

/// The sound in pieces that a recogniser takes, cut where it is quietest.
#[must_use]
pub fn pieces(samples: &[i16]) -> Vec<&[i16]> {
    const LONGEST: usize = 20 * MIC_RATE as usize;
    const WINDOW: usize = MIC_RATE as usize / 10;
    let (mut rest, mut pieces) = (samples, Vec::new());
    while rest.len() > LONGEST {
        let windows = (LONGEST / 2 / WINDOW)..(LONGEST / WINDOW);
        let loudness = |window: &usize| -> i64 {
            let from = window * WINDOW;
            rest[from..from + WINDOW].iter().map(|&sample| i64::from(sample).pow(2)).sum()
        };
        let quietest = windows.min_by_key(loudness).unwrap_or(LONGEST / WINDOW - 1);
        let (piece, after) = rest.split_at(quietest * WINDOW + WINDOW / 2);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use visavis_media::audio::opus::{Encoder, MAX_PACKET};

    const FRAME: Duration = Duration::from_millis(20);

    /// A stream of a tone whose numbers wrap; each packet arrives when it is due.
    fn stream(count: u16) -> Vec<Packet> {
        let (began, mut encoder) = (Instant::now(), Encoder::new().unwrap());
        let tone = |n: usize| (((n as f64) * 0.05).sin() * 8_000.0) as i16;
        (0..count)
            .map(|number| {
                // At the encoder's rate.
                let from = usize::from(number) * 480;
                let frame: Vec<i16> = (from..from + 480).map(tone).collect();
                let mut packet = [0; MAX_PACKET];
                let length = encoder.encode(&frame, &mut packet).unwrap();
                Packet {
                    at: began + FRAME * u32::from(number),
                    sequence: 65_530_u16.wrapping_add(number),
                    timestamp: (u32::MAX - 2_000).wrapping_add(u32::from(number) * FRAME_TICKS),
                    payload: packet[..length].to_vec().into(),
                }
            })
            .collect()
    }

    #[test]
    fn packets_in_any_order_are_played_once_and_in_theirs() {
        let packets = stream(20);
        let whole = play(&packets, FRAME).unwrap();
        assert_eq!((whole.samples.len(), whole.frames, whole.missing), (20 * MIC_FRAME, 20, 0));
        let mut mixed = packets.clone();
        mixed.swap(3, 5);
        mixed.push(packets[7].clone());
        assert_eq!(play(&mixed, FRAME).unwrap(), whole);
        assert_eq!(play(&[], FRAME).unwrap(), Played::default());
    }

    #[test]
    fn what_is_lost_or_comes_too_late_is_bridged_at_its_length_and_counted() {
        let mut packets = stream(20);
        packets[4].at += Duration::from_millis(300);
        packets.remove(9);
        packets.remove(9);
        let patient = play(&packets, Duration::from_millis(400)).unwrap();
        assert_eq!((patient.samples.len(), patient.frames, patient.missing), (20 * MIC_FRAME, 20, 2));
        let hasty = play(&packets, Duration::from_millis(100)).unwrap();
        assert_eq!((hasty.samples.len(), hasty.frames, hasty.missing), (20 * MIC_FRAME, 20, 3));
    }

    #[test]
    fn a_pause_keeps_its_length() {
        let mut packets = stream(10);
        packets[5..].iter_mut().for_each(|packet| {
            packet.timestamp = packet.timestamp.wrapping_add(4_800);
            packet.at += Duration::from_millis(100);
        });
        let played = play(&packets, FRAME).unwrap();
        assert_eq!((played.samples.len(), played.missing), (10 * MIC_FRAME + 1_600, 0));
    }

    #[test]
    fn long_sound_is_cut_in_its_pauses_and_none_of_it_is_left_out() {
        let mut samples = vec![1_000; 50 * MIC_RATE as usize];
        samples[15 * MIC_RATE as usize..][..4_000].fill(0);
        let pieces = pieces(&samples);
        assert_eq!(pieces.iter().map(|piece| piece.len()).sum::<usize>(), samples.len());
        let cut = pieces[0].len();
        assert!((15 * 16_000..15 * 16_000 + 4_000).contains(&cut), "cut at {cut}");
        assert!(pieces.len() >= 3 && pieces.iter().all(|piece| piece.len() <= 20 * 16_000));
    }
}
