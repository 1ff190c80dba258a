//! A simulated network: pure, and deterministic per seed.

use std::collections::BTreeMap;
use std::time::Duration;

/// Longest extra delay of an overtaken packet.
pub const OVERTAKEN: Duration = Duration::from_millis(60);
/// Longest extra delay of a duplicate.
const COPY: Duration = Duration::from_millis(100);
/// How far the queue grows or shrinks from packet to packet, as a share of its longest.
const SWING: f64 = 0.5;

/// What a network does to packets; shares are of all packets.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Profile {
    pub name: &'static str,
    /// Shortest one-way delay, in ms.
    pub delay: u64,
    /// Longest queue on the way, in ms.
    pub jitter: u64,
    /// Lost singly.
    pub lost: f64,
    /// Share of packets at which a burst of losses begins, and its mean length in packets.
    pub bursts: f64,
    pub burst: u32,
    /// Overtaken by later packets.
    pub overtaken: f64,
    /// Duplicated.
    pub twice: f64,
    /// How much faster the client's clock is than the server's, in millionths.
    pub drift: i32,
    /// Length of a stall in the middle of a question, in ms; then everything arrives at once.
    pub handover: u64,
    /// Length of an outage in the middle of a response, in ms; everything sent in it is lost.
    pub tunnel: u64,
    /// The client does not send silence.
    pub dtx: bool,
}

impl Profile {
    /// The longest transit time of a packet while nothing stalls.
    pub fn worst(&self) -> Duration {
        Duration::from_millis(self.delay) + self.spread()
    }

    /// The largest difference of two packets' transit times while nothing stalls.
    pub fn spread(&self) -> Duration {
        let overtaken = if self.overtaken > 0.0 { OVERTAKEN } else { Duration::ZERO };
        Duration::from_millis(self.jitter) + overtaken
    }
}

/// SplitMix64.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A period in which nothing comes through.
#[derive(Debug, Clone, Copy)]
struct Stall {
    from: Duration,
    until: Duration,
    /// Packets sent in it are lost; otherwise they arrive at its end.
    lost: bool,
}

/// One direction of a network, with the packets in flight.
#[derive(Debug)]
pub struct Link<T> {
    profile: Profile,
    random: Random,
    /// When the last packet that was not overtaken arrives.
    last: Duration,
    /// Length of the queue, in ms.
    queue: f64,
    /// Packets of a burst that are still to be lost.
    burst: u32,
    stalls: Vec<Stall>,
    flying: BTreeMap<(Duration, u64), T>,
    serial: u64,
    /// When each packet was sent, and when it first arrived.
    pub fates: Vec<(Duration, Option<Duration>)>,
}

impl<T: Clone> Link<T> {
    pub fn new(profile: &Profile, seed: u64) -> Self {
        Self {
            profile: *profile,
            random: Random(seed),
            last: Duration::ZERO,
            queue: 0.0,
            burst: 0,
            stalls: Vec::new(),
            flying: BTreeMap::new(),
            serial: 0,
            fates: Vec::new(),
        }
    }

    /// Nothing comes through from `from` on, for `length`.
    pub fn stall(&mut self, from: Duration, length: Duration, lost: bool) {
        self.stalls.push(Stall { from, until: from + length, lost });
    }

    /// Sends the next packet.
    pub fn send(&mut self, at: Duration, packet: T) {
        // Always six numbers, so that changing one rate does not change the outcomes of the others.
        let luck: [f64; 6] = std::array::from_fn(|_| self.random.share());
        let arrives = self.arrives(at, luck);
        self.fates.push((at, arrives));
        let Some(arrives) = arrives else { return };
        let [.., twice] = luck;
        if twice < self.profile.twice {
            self.fly(arrives + COPY.mul_f64(twice / self.profile.twice), packet.clone());
        }
        self.fly(arrives, packet);
    }

    fn arrives(&mut self, at: Duration, luck: [f64; 6]) -> Option<Duration> {
        let profile = self.profile;
        let [lost, begins, length, swing, overtaken, _] = luck;
        let room = profile.jitter as f64;
        self.queue = (self.queue + (swing - 0.5) * SWING * room).clamp(0.0, room);
        if self.burst == 0 && begins < profile.bursts {
            self.burst = 1 + (length * 2.0 * f64::from(profile.burst.saturating_sub(1))).round() as u32;
        }
        let in_burst = self.burst > 0;
        self.burst = self.burst.saturating_sub(1);
        let stall = self.stall_at(at);
        if in_burst || lost < profile.lost || stall.is_some_and(|stall| stall.lost) {
            return None;
        }
        let delay = Duration::from_millis(profile.delay);
        let free = stall.map_or(at, |stall| stall.until);
        // A packet waits for the one before it.
        self.last = self.last.max(free + delay + Duration::from_secs_f64(self.queue / 1000.0));
        if overtaken < profile.overtaken {
            return Some(self.last + OVERTAKEN.mul_f64(overtaken / profile.overtaken));
        }
        Some(self.last)
    }

    fn stall_at(&self, at: Duration) -> Option<Stall> {
        self.stalls.iter().copied().find(|stall| stall.from <= at && at < stall.until)
    }

    fn fly(&mut self, arrives: Duration, packet: T) {
        self.serial += 1;
        self.flying.insert((arrives, self.serial), packet);
    }

    /// When data that is resent until it arrives, such as a message, is there.
    pub fn reliable(&self, at: Duration) -> Duration {
        self.stall_at(at).map_or(at, |stall| stall.until) + self.profile.worst()
    }

    /// The next packet that has arrived by `now`, and when it did.
    pub fn arrived(&mut self, now: Duration) -> Option<(Duration, T)> {
        let next = self.flying.first_entry().filter(|next| next.key().0 <= now)?;
        let ((at, _), packet) = next.remove_entry();
        Some((at, packet))
    }

    /// How many of these packets arrived more than `late` after they were sent, or never.
    pub fn missing(&self, packets: std::ops::Range<usize>, late: Duration) -> usize {
        let fates = &self.fates[packets.start.min(self.fates.len())..packets.end.min(self.fates.len())];
        fates.iter().filter(|(sent, arrived)| arrived.is_none_or(|at| at > *sent + late)).count()
    }
}
