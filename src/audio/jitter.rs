//! The jitter buffer: packets in as the network brings them, sound out as the ear needs it. Pure: time is passed in.
//!
//! It waits 20 to 120 ms, as the network's jitter demands. When it runs dry it lets the voice fade out and waits, so that
//! late speech is delayed, not lost; the delay is then paid back in silent frames. A lost packet is mended from the copy
//! that its successor carries, or concealed. A pause of the sender (DTX) is silence, and the place where the delay is
//! set anew.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::jitter_delay::DelayEstimate;

/// 20 ms in ticks of 48 kHz.
pub(super) const FRAME: i64 = 960;
/// The shortest delay to aim at.
pub(super) const MIN_TARGET: i64 = FRAME;
/// The longest delay to aim at.
pub(super) const MAX_TARGET: i64 = 6 * FRAME;
/// More sound than this is never held: the oldest goes.
const MAX_HELD: i64 = 24 * FRAME;
/// After so much concealment the voice has faded out: what follows is a pause.
const MAX_FADE: i64 = 5 * FRAME;
/// A longer hole is a pause, not a loss.
const MAX_HOLE: i64 = 10 * FRAME;
/// Sequence numbers further away belong to another stream.
const MAX_STEP: i64 = 1_000;
/// Timestamps further away than ten seconds are another clock.
const MAX_LEAP: i64 = 10 * 48_000;
/// The finest step of Opus, 2.5 ms.
const STEP: i64 = 120;
/// However short they are, no more packets than this are held.
const MAX_PACKETS: usize = 200;
/// A packet no longer than this says that a pause begins.
const PAUSE_BYTES: usize = 2;

/// What to sound next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playout {
    /// Decode this packet. When `droppable` and it turns out quiet, leave it out and ask again: the delay is too long.
    Packet {
        /// The packet.
        payload: Bytes,
        /// The delay may be shortened here.
        droppable: bool,
    },
    /// A packet of `ticks` is lost: mend it from the copy in `next`, which is sounded afterwards.
    Recover {
        /// The packet after the lost one.
        next: Bytes,
        /// How much is lost, in ticks of 48 kHz.
        ticks: u32,
    },
    /// Conceal this many ticks.
    Conceal(u32),
    /// 20 ms of silence.
    Silence,
}

/// What has happened since the buffer was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JitterCounts {
    /// Packets that never came, or came too late.
    pub lost: u64,
    /// Packets that came after their turn.
    pub late: u64,
    /// Losses mended by forward error correction.
    pub fec: u64,
    /// Frames concealed.
    pub plc: u64,
}

#[derive(Debug)]
struct Packet {
    sequence: i64,
    timestamp: i64,
    ticks: i64,
    payload: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing sounds; the next packet waits until its delay is the target.
    Paused,
    /// Sound is due with every pull; so many ticks were concealed for want of packets.
    Playing { faded: i64 },
}

/// Packets of one sender, ordered and timed.
#[derive(Debug)]
pub struct JitterBuffer {
    packets: VecDeque<Packet>,
    state: State,
    /// The first sequence number and timestamp that have not been played.
    next: Option<(i64, i64)>,
    /// The highest sequence number and the newest timestamp, unwrapped.
    newest: Option<(i64, i64)>,
    /// Which of the 64 sequence numbers up to the newest have come.
    seen: u64,
    delay: DelayEstimate,
    quiet: bool,
    dropped_last: bool,
    last_ticks: i64,
    ends_in_pause: bool,
    counts: JitterCounts,
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
            state: State::Paused,
            next: None,
            newest: None,
            seen: 0,
            delay: DelayEstimate::new(),
            quiet: false,
            dropped_last: false,
            last_ticks: FRAME,
            ends_in_pause: false,
            counts: JitterCounts::default(),
        }
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> JitterCounts {
        self.counts
    }

    /// The delay that the buffer aims at.
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

    /// Tells whether what was pulled last sounded quiet: the delay is changed only there.
    pub fn heard(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// Takes a packet of `ticks` as it arrives.
    pub fn insert(&mut self, now: Duration, sequence: u16, timestamp: u32, ticks: u32, payload: Bytes) {
        let (sequence, timestamp) = self.unwrap(sequence, timestamp);
        if !self.first_sight(sequence, timestamp) {
            return;
        }
        self.delay.arrived(ticks_of(now), timestamp);
        if self.next.is_some_and(|(next, _)| sequence < next) {
            self.counts.late += 1;
            return;
        }
        let place = self.packets.iter().rposition(|held| held.sequence < sequence).map_or(0, |at| at + 1);
        self.packets.insert(place, Packet { sequence, timestamp, ticks: i64::from(ticks), payload });
        self.limit();
    }

    /// The stream's numbers without their wrapping around. A jump starts a new stream.
    fn unwrap(&mut self, sequence: u16, timestamp: u32) -> (i64, i64) {
        if let Some((newest, clock)) = self.newest {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]
            let (step, leap) = (
                i64::from(sequence.wrapping_sub(newest as u16) as i16),
                i64::from(timestamp.wrapping_sub(clock as u32) as i32),
            );
            if step.abs() <= MAX_STEP && leap.abs() <= MAX_LEAP {
                return (newest + step, clock + leap);
            }
            self.restart();
        }
        (i64::from(sequence), i64::from(timestamp))
    }

    fn restart(&mut self) {
        self.counts.lost += self.packets.len() as u64;
        self.packets.clear();
        self.state = State::Paused;
        self.next = None;
        self.newest = None;
        self.ends_in_pause = false;
        self.delay.forget_clock();
    }

    /// False for a duplicate, as far as the last 64 packets tell.
    fn first_sight(&mut self, sequence: i64, timestamp: i64) -> bool {
        let Some((newest, _)) = self.newest.filter(|&(newest, _)| sequence <= newest) else {
            let step = self.newest.map_or(64, |(newest, _)| sequence - newest);
            self.seen =
                u32::try_from(step).ok().and_then(|step| self.seen.checked_shl(step)).unwrap_or(0) | 1;
            self.newest = Some((sequence, timestamp));
            return true;
        };
        let age = u32::try_from(newest - sequence).unwrap_or(u32::MAX);
        match 1_u64.checked_shl(age) {
            Some(bit) => {
                let new = self.seen & bit == 0;
                self.seen |= bit;
                new
            }
            None => self.packets.iter().all(|held| held.sequence != sequence),
        }
    }

    /// Lets the oldest go when too much is held.
    fn limit(&mut self) {
        while let (Some(first), Some(last)) = (self.packets.front(), self.packets.back())
            && (last.timestamp + last.ticks - first.timestamp > MAX_HELD || self.packets.len() > MAX_PACKETS)
            && self.packets.len() > 1
        {
            self.packets.pop_front();
            self.counts.lost += 1;
            self.next = self.packets.front().map(|first| (first.sequence, first.timestamp));
        }
    }

    /// What to sound at `now`. Asked again for every 20 ms, or sooner when the last answer was shorter.
    pub fn pull(&mut self, now: Duration) -> Playout {
        let now = ticks_of(now);
        match (self.state, self.next) {
            (State::Playing { faded }, Some((sequence, timestamp))) => {
                self.go_on(now, faded, sequence, timestamp)
            }
            _ => self.begin(now),
        }
    }

    /// Ends a pause once the first packet has waited long enough.
    fn begin(&mut self, now: i64) -> Playout {
        self.state = State::Paused;
        let Some(first) = self.packets.front() else {
            return Playout::Silence;
        };
        if self.delay.delay(now, first.timestamp) + FRAME < self.delay.target() {
            return Playout::Silence;
        }
        let missing = self.next.map_or(0, |(next, _)| first.sequence - next);
        self.counts.lost += u64::try_from(missing).unwrap_or(0);
        self.play(now)
    }

    fn go_on(&mut self, now: i64, faded: i64, sequence: i64, timestamp: i64) -> Playout {
        let Some(first) = self.packets.front() else {
            return self.starve(faded);
        };
        let (missing, hole) = (first.sequence - sequence, first.timestamp - timestamp);
        if hole > MAX_HOLE || (missing == 0 && hole >= FRAME) {
            return self.begin(now);
        }
        if missing == 0 {
            let short = self.delay.delay(now, first.timestamp) + FRAME + FRAME / 2 <= self.delay.target();
            return if short && self.quiet { Playout::Silence } else { self.play(now) };
        }
        self.mend(now, faded, missing, hole)
    }

    /// The packets before the first one are lost; concealment has already stood in for `faded` of the hole.
    fn mend(&mut self, now: i64, faded: i64, missing: i64, hole: i64) -> Playout {
        let Some(first) = self.packets.front() else {
            return self.starve(faded);
        };
        let (sequence, timestamp) = (first.sequence, first.timestamp);
        self.delay.lost();
        // When the delay is short, what has faded makes it longer, and the next loss is mended in time.
        let short = self.delay.delay(now, timestamp) + hole - faded + FRAME < self.delay.target();
        let left = if short { hole } else { hole - faded };
        if left < STEP {
            self.counts.lost += u64::try_from(missing).unwrap_or(0);
            return self.play(now);
        }
        self.state = State::Playing { faded: 0 };
        if missing > 1 && left > self.last_ticks {
            self.counts.lost += 1;
            self.counts.plc += 1;
            self.next = Some((sequence - missing + 1, timestamp - left + self.last_ticks));
            return Playout::Conceal(ticks_u32(self.last_ticks));
        }
        self.counts.lost += u64::try_from(missing).unwrap_or(0);
        self.counts.fec += 1;
        let next = first.payload.clone();
        self.next = Some((sequence, timestamp));
        Playout::Recover { next, ticks: ticks_u32(left) }
    }

    /// Nothing is there: the voice fades out, and what comes late is still played.
    fn starve(&mut self, faded: i64) -> Playout {
        if self.ends_in_pause || faded >= MAX_FADE {
            self.state = State::Paused;
            return Playout::Silence;
        }
        self.state = State::Playing { faded: faded + FRAME };
        self.counts.plc += 1;
        Playout::Conceal(ticks_u32(FRAME))
    }

    fn play(&mut self, now: i64) -> Playout {
        let Some(packet) = self.packets.pop_front() else {
            return Playout::Silence;
        };
        self.state = State::Playing { faded: 0 };
        self.next = Some((packet.sequence + 1, packet.timestamp + packet.ticks));
        self.last_ticks = packet.ticks;
        self.ends_in_pause = packet.payload.len() <= PAUSE_BYTES;
        let long = self.delay.delay(now, packet.timestamp) > self.delay.target() + FRAME;
        let followed = self.packets.front().is_some_and(|next| next.sequence == packet.sequence + 1);
        let droppable = long && followed && self.quiet && !self.dropped_last;
        self.dropped_last = droppable;
        Playout::Packet { payload: packet.payload, droppable }
    }
}

fn ticks_of(now: Duration) -> i64 {
    i64::try_from(now.as_micros() * 48 / 1000).unwrap_or(i64::MAX)
}

/// Opus knows steps of 2.5 ms, up to 120 ms.
fn ticks_u32(ticks: i64) -> u32 {
    let ticks = ticks.clamp(STEP, 48 * STEP);
    u32::try_from(ticks - ticks % STEP).unwrap_or(0)
}
