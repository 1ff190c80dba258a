//! A network as a call's packets meet it: pure, and the same for the same seed.

use std::collections::BTreeMap;
use std::time::Duration;

/// A packet that is overtaken comes later by up to this.
pub const OVERTAKEN: Duration = Duration::from_millis(60);
/// A packet's copy comes later by up to this.
const COPY: Duration = Duration::from_millis(100);
/// How far the queue on the way grows or shrinks from packet to packet, as a share of its room.
const SWING: f64 = 0.5;

/// What a network does to packets; shares are of all packets.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Profile {
    /// Of the network.
    pub name: &'static str,
    /// The fastest way, one way, in ms.
    pub delay: u64,
    /// The room of the queue on the way, in ms.
    pub jitter: u64,
    /// Lost one by one.
    pub lost: f64,
    /// Share of packets at which a burst of losses begins, and its mean length in packets.
    pub bursts: f64,
    pub burst: u32,
    /// Overtaken by those behind them.
    pub overtaken: f64,
    /// Coming twice.
    pub twice: f64,
    /// How much faster the client's clock is than the server's, in millionths.
    pub drift: i32,
    /// In the middle of a question nothing comes through for so long, in ms, and then all at once.
    pub handover: u64,
    /// In the middle of an answer all is lost for so long, in ms.
    pub tunnel: u64,
}

impl Profile {
    /// The longest that a packet is on its way while nothing stalls.
    pub fn worst(&self) -> Duration {
        Duration::from_millis(self.delay) + self.spread()
    }

    /// By how much the ways of two packets may differ while nothing stalls.
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

/// A time in which nothing comes through.
#[derive(Debug, Clone, Copy)]
struct Stall {
    from: Duration,
    until: Duration,
    /// What was sent in it is lost; otherwise it comes at its end.
    lost: bool,
}

/// One direction of a network, with what is on its way.
#[derive(Debug)]
pub struct Link<T> {
    profile: Profile,
    random: Random,
    /// When the last packet arrives that kept its place.
    last: Duration,
    /// How long the queue is, in ms.
    queue: f64,
    /// Packets of a burst that are still to be lost.
    burst: u32,
    stalls: Vec<Stall>,
    flying: BTreeMap<(Duration, u64), T>,
    serial: u64,
    /// When each packet was sent, and when it arrived first.
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

    /// From `from` on nothing comes through for so long.
    pub fn stall(&mut self, from: Duration, length: Duration, lost: bool) {
        self.stalls.push(Stall { from, until: from + length, lost });
    }

    /// Sends the next packet.
    pub fn send(&mut self, at: Duration, packet: T) {
        // Always as many, so that one rate says nothing of the other ones' luck.
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
        // Who is behind another waits for it.
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

    /// When what is sent again until it arrives, such as a message, is there.
    pub fn reliable(&self, at: Duration) -> Duration {
        self.stall_at(at).map_or(at, |stall| stall.until) + self.profile.worst()
    }

    /// The next packet that has arrived by `now`, and when it did.
    pub fn arrived(&mut self, now: Duration) -> Option<(Duration, T)> {
        let next = self.flying.first_entry().filter(|next| next.key().0 <= now)?;
        let ((at, _), packet) = next.remove_entry();
        Some((at, packet))
    }

    /// How many of these packets did not come in time: `due` says when that would have been.
    pub fn missing(&self, packets: std::ops::Range<usize>, late: Duration) -> usize {
        let fates = &self.fates[packets.start.min(self.fates.len())..packets.end.min(self.fates.len())];
        fates.iter().filter(|(sent, arrived)| arrived.is_none_or(|at| at > *sent + late)).count()
    }
}
