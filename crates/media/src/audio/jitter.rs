//! The jitter buffer of a microphone for machine listeners: takes packets as they arrive, and returns sound on the sender's
//! clock. Pure: time is passed in.
//!
//! A machine needs each sample once and in order, and can wait. So packets are returned as soon as possible, and nothing while
//! there are none: late speech is neither stretched nor dropped, and catches up by itself. Only after a while without packets
//! is silence returned for that time, so that an utterance can end. A packet missing before others is waited for, 20 to 120 ms
//! depending on the network's jitter; then it is recovered from the copy in its successor, or concealed. A pause of the sender
//! (DTX) becomes silence of its length.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::jitter_delay::{DelayEstimate, FRAME};

/// Most sound held; the oldest is dropped.
const MAX_HELD: i64 = 100 * FRAME;
/// Time without packets after which silence is returned: 800 ms. Sooner, it would split words whose packets are only late, and
/// "France" is heard as "friends".
const STALLED: i64 = 40 * FRAME;
/// Time between packets in the middle of sound that counts as a gap.
const GAP: i64 = 5 * FRAME;
/// Longest gap that counts as a loss; a longer one is a pause.
const MAX_HOLE: i64 = 10 * FRAME;
/// Most silence returned at once for a pause whose silence was not returned as it passed.
const MAX_FILL: i64 = 50 * FRAME;
/// Largest step of sequence numbers; a larger one means another stream.
const MAX_STEP: i64 = 1_000;
/// Largest step of timestamps, ten seconds; a larger one means another clock.
const MAX_LEAP: i64 = 10 * 48_000;
/// Opus's shortest frame, 2.5 ms.
const STEP: i64 = 120;
/// Most packets held, however short they are.
const MAX_PACKETS: usize = 200;
/// A packet of at most this size announces a pause.
const PAUSE_BYTES: usize = 2;

/// What to play next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playout {
    /// Decode this packet.
    Packet(Bytes),
    /// A packet of `ticks` is lost: recover it from the copy in `next`, which is itself played afterwards.
    Recover {
        /// The packet after the lost one.
        next: Bytes,
        /// Length of the loss, in ticks of 48 kHz.
        ticks: u32,
    },
    /// Conceal this many ticks.
    Conceal(u32),
    /// 20 ms of silence.
    Silence,
    /// Nothing yet: ask again later.
    Wait,
}

/// Counters since the buffer was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterCounts {
    /// Packets that never arrived, or arrived too late.
    pub lost: u64,
    /// Packets that arrived after their turn.
    pub late: u64,
    /// Losses recovered by forward error correction.
    pub fec: u64,
    /// Frames concealed.
    pub plc: u64,
    /// Times that nothing arrived for 100 ms or more in the middle of sound.
    pub gaps: u64,
}

#[derive(Debug)]
struct Packet {
    sequence: i64,
    timestamp: i64,
    ticks: i64,
    arrived: i64,
    payload: Bytes,
}

/// The next sound to return.
#[derive(Debug, Clone, Copy)]
struct Next {
    sequence: i64,
    timestamp: i64,
    /// Silence returned instead of it.
    silence: i64,
    /// The part of that silence that was returned at once.
    filled: i64,
}

/// Packets of one sender, ordered and timed.
#[derive(Debug)]
pub struct JitterBuffer {
    packets: VecDeque<Packet>,
    next: Option<Next>,
    /// The highest sequence number and the newest timestamp.
    newest: Option<Place>,
    /// Bit mask of the 64 sequence numbers up to the newest that have arrived.
    seen: u64,
    /// When the last packet arrived.
    arrived: i64,
    /// The sender is silent, and silence was returned until this time.
    silent_until: Option<i64>,
    delay: DelayEstimate,
    last_ticks: i64,
    ends_in_pause: bool,
    counts: JitterCounts,
}

/// A place in a stream, its numbers unwrapped.
#[derive(Debug, Clone, Copy)]
struct Place {
    sequence: i64,
    timestamp: i64,
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self {
            packets: VecDeque::with_capacity(32),
            next: None,
            newest: None,
            seen: 0,
            arrived: 0,
            silent_until: None,
            delay: DelayEstimate::new(),
            last_ticks: FRAME,
            ends_in_pause: false,
            counts: JitterCounts::default(),
        }
    }

    /// The counters so far.
    #[must_use]
    pub fn counts(&self) -> JitterCounts {
        self.counts
    }

    /// How long to wait for a missing packet.
    #[must_use]
    pub fn target_delay(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.delay.target() * 1000 / 48).unwrap_or(0))
    }

    /// Sound held, from the oldest packet to the end of the newest.
    #[must_use]
    pub fn held(&self) -> Duration {
        let ticks = match (self.packets.front(), self.packets.back()) {
            (Some(first), Some(last)) => last.timestamp + last.ticks - first.timestamp,
            _ => 0,
        };
        Duration::from_micros(u64::try_from(ticks * 1000 / 48).unwrap_or(0))
    }

    /// Takes a packet of `ticks` as it arrives.
    pub fn insert(&mut self, now: Duration, sequence: u16, timestamp: u32, ticks: u32, payload: Bytes) {
        let place = self.unwrap(sequence, timestamp);
        let Place { sequence, timestamp } = place;
        if !self.first_sight(place) {
            return;
        }
        let now = ticks_of(now);
        self.delay.arrived(now, timestamp);
        if self.next.is_some() && !self.ends_in_pause && now - self.arrived >= GAP {
            self.counts.gaps += 1;
        }
        self.arrived = now;
        if self.next.is_some_and(|next| sequence < next.sequence) {
            self.counts.late += 1;
            return;
        }
        let index = self.packets.iter().rposition(|held| held.sequence < sequence).map_or(0, |at| at + 1);
        if !self.fits_in_time(index, timestamp) {
            // Lost: counted when its successor is played.
            return;
        }
        let packet = Packet { sequence, timestamp, ticks: i64::from(ticks), arrived: now, payload };
        self.packets.insert(index, packet);
        self.limit();
    }

    /// Whether a packet at this index would be neither before the preceding packet nor after the following one. The amount of
    /// sound held is limited only in order of time.
    fn fits_in_time(&self, index: usize, timestamp: i64) -> bool {
        let before = index.checked_sub(1).and_then(|index| self.packets.get(index));
        let after = self.packets.get(index);
        before.is_none_or(|packet| packet.timestamp <= timestamp)
            && after.is_none_or(|packet| timestamp <= packet.timestamp)
    }

    /// Unwraps the stream's numbers. A jump starts a new stream.
    fn unwrap(&mut self, sequence: u16, timestamp: u32) -> Place {
        if let Some(newest) = self.newest {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]
            let (step, leap) = (
                i64::from(sequence.wrapping_sub(newest.sequence as u16) as i16),
                i64::from(timestamp.wrapping_sub(newest.timestamp as u32) as i32),
            );
            if step.abs() <= MAX_STEP && leap.abs() <= MAX_LEAP {
                return Place { sequence: newest.sequence + step, timestamp: newest.timestamp + leap };
            }
            self.restart();
        }
        Place { sequence: i64::from(sequence), timestamp: i64::from(timestamp) }
    }

    fn restart(&mut self) {
        self.counts.lost += self.packets.len() as u64;
        self.packets.clear();
        self.next = None;
        self.newest = None;
        self.ends_in_pause = false;
        self.delay.forget_clock();
    }

    /// False for a duplicate, as far as the last 64 packets show.
    fn first_sight(&mut self, place: Place) -> bool {
        let sequence = place.sequence;
        let Some(newest) = self.newest.filter(|newest| sequence <= newest.sequence) else {
            let step = self.newest.map_or(64, |newest| sequence - newest.sequence);
            self.seen =
                u32::try_from(step).ok().and_then(|step| self.seen.checked_shl(step)).unwrap_or(0) | 1;
            self.newest = Some(place);
            return true;
        };
        let age = u32::try_from(newest.sequence - sequence).unwrap_or(u32::MAX);
        match 1_u64.checked_shl(age) {
            Some(bit) => {
                let new = self.seen & bit == 0;
                self.seen |= bit;
                new
            }
            None => self.packets.iter().all(|held| held.sequence != sequence),
        }
    }

    /// Drops the oldest packets when too much is held.
    fn limit(&mut self) {
        while let (Some(first), Some(last)) = (self.packets.front(), self.packets.back())
            && (last.timestamp + last.ticks - first.timestamp > MAX_HELD || self.packets.len() > MAX_PACKETS)
            && self.packets.len() > 1
        {
            self.packets.pop_front();
            self.counts.lost += 1;
            self.next = self.packets.front().map(|first| Next::at(first.sequence, first.timestamp));
        }
    }

    /// What to play at `now`; to be called until it returns [`Playout::Wait`].
    pub fn pull(&mut self, now: Duration) -> Playout {
        let now = ticks_of(now);
        let Some(first) = self.packets.front() else {
            return self.idle(now);
        };
        let Some(next) = self.next else {
            return self.play();
        };
        let (missing, hole) = (first.sequence - next.sequence, first.timestamp - next.timestamp);
        if missing > 0 && now - first.arrived < self.delay.target() {
            return Playout::Wait;
        }
        if missing == 0 || hole > MAX_HOLE {
            return self.after_pause(next, missing, hole);
        }
        self.repair(next, missing, hole)
    }

    /// No packets: they may be late, or the sender is silent.
    fn idle(&mut self, now: i64) -> Playout {
        if self.next.is_some() && !self.ends_in_pause && now - self.arrived < STALLED {
            return Playout::Wait;
        }
        let silent =
            self.silent_until.unwrap_or(if self.next.is_some() { self.arrived + FRAME } else { now });
        if silent > now {
            return Playout::Wait;
        }
        self.silent_until = Some(silent + FRAME);
        if let Some(next) = &mut self.next {
            next.silence += FRAME;
        }
        Playout::Silence
    }

    /// The next packet follows the last one, perhaps after a pause, whose length is given by the sender's clock.
    fn after_pause(&mut self, next: Next, missing: i64, hole: i64) -> Playout {
        if hole - next.silence >= FRAME && next.filled < MAX_FILL {
            self.next = Some(Next { silence: next.silence + FRAME, filled: next.filled + FRAME, ..next });
            return Playout::Silence;
        }
        self.counts.lost += u64::try_from(missing).unwrap_or(0);
        self.play()
    }

    /// The packets before the first one are lost; silence may have been returned for some of the time.
    fn repair(&mut self, next: Next, missing: i64, hole: i64) -> Playout {
        let Some(first) = self.packets.front() else {
            return Playout::Wait;
        };
        let (sequence, timestamp) = (first.sequence, first.timestamp);
        self.delay.lost();
        let left = hole - next.silence;
        if left < STEP {
            self.counts.lost += u64::try_from(missing).unwrap_or(0);
            return self.play();
        }
        if missing > 1 && left > self.last_ticks {
            self.counts.lost += 1;
            self.counts.plc += 1;
            self.next = Some(Next::at(sequence - missing + 1, timestamp - left + self.last_ticks));
            return Playout::Conceal(ticks_u32(self.last_ticks));
        }
        self.counts.lost += u64::try_from(missing).unwrap_or(0);
        self.counts.fec += 1;
        let copy = first.payload.clone();
        self.next = Some(Next::at(sequence, timestamp));
        Playout::Recover { next: copy, ticks: ticks_u32(left) }
    }

    fn play(&mut self) -> Playout {
        let Some(packet) = self.packets.pop_front() else {
            return Playout::Wait;
        };
        self.next = Some(Next::at(packet.sequence + 1, packet.timestamp + packet.ticks));
        self.silent_until = None;
        self.last_ticks = packet.ticks;
        self.ends_in_pause = packet.payload.len() <= PAUSE_BYTES;
        Playout::Packet(packet.payload)
    }
}

impl Next {
    fn at(sequence: i64, timestamp: i64) -> Self {
        Self { sequence, timestamp, silence: 0, filled: 0 }
    }
}

fn ticks_of(now: Duration) -> i64 {
    i64::try_from(now.as_micros() * 48 / 1000).unwrap_or(i64::MAX)
}

/// Rounds to what Opus can conceal: steps of 2.5 ms, up to 120 ms.
fn ticks_u32(ticks: i64) -> u32 {
    let ticks = ticks.clamp(STEP, 48 * STEP);
    u32::try_from(ticks - ticks % STEP).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Bytes {
        Bytes::from_static(b"sound")
    }

    /// A buffer with packets of 20 ms, given by sequence number and timestamp, which all arrived at once.
    fn buffer(packets: &[(u16, u32)]) -> JitterBuffer {
        let mut buffer = JitterBuffer::new();
        for (sequence, timestamp) in packets {
            buffer.insert(Duration::ZERO, *sequence, *timestamp, 960, sound());
        }
        buffer
    }

    fn held(buffer: &JitterBuffer) -> Vec<i64> {
        buffer.packets.iter().map(|packet| packet.sequence).collect()
    }

    #[test]
    fn packets_of_equal_time_are_kept() {
        assert_eq!(held(&buffer(&[(1, 960), (2, 960), (3, 1920)])), [1, 2, 3]);
    }

    #[test]
    fn a_packet_whose_time_contradicts_its_number_is_dropped_and_counted_once() {
        assert_eq!(held(&buffer(&[(1, 960), (3, 2880), (2, 3840)])), [1, 3], "after its successor");
        let mut buffer = buffer(&[(1, 960), (2, 0), (3, 2880)]);
        assert_eq!(held(&buffer), [1, 3], "before its predecessor");
        assert_eq!(buffer.counts().lost, 0);
        let later = Duration::from_secs(1);
        assert_eq!(buffer.pull(later), Playout::Packet(sound()));
        assert_eq!(buffer.pull(later), Playout::Recover { next: sound(), ticks: 960 });
        assert_eq!(buffer.pull(later), Playout::Packet(sound()));
        assert_eq!(buffer.counts().lost, 1);
    }

    #[test]
    fn a_jump_of_time_over_a_pause_of_the_sender_is_kept() {
        assert_eq!(held(&buffer(&[(1, 0), (2, 48_000)])), [1, 2]);
    }
}
