//! Estimates the network's jitter, to decide how long to wait for a missing packet. Pure.

/// 20 ms in ticks of 48 kHz.
pub(super) const FRAME: i64 = 960;
/// Shortest wait for a missing packet.
const MIN_TARGET: i64 = FRAME;
/// Longest wait for a missing packet.
const MAX_TARGET: i64 = 6 * FRAME;
const BUCKET: i64 = FRAME / 2;
const BUCKETS: usize = 32;
/// Decay of the histogram per packet: a memory of about two seconds of speech.
const FORGET: f32 = 0.99;
/// Share of packets to wait for; the rest is concealed.
const IN_TIME: f32 = 0.95;
/// Decay of a loss per packet: it counts for twelve seconds of speech.
const FORGET_LOSS: f32 = 0.998;
const LOSSY: f32 = 0.3;
/// The fastest transit through the network is measured in windows of five seconds.
const WINDOW: i64 = 5 * 48_000;

/// Learns from every packet's transit time. All times are in ticks of 48 kHz.
#[derive(Debug)]
pub(super) struct DelayEstimate {
    histogram: [f32; BUCKETS],
    window_started: i64,
    window_fastest: i64,
    last_fastest: i64,
    loss: f32,
    target: i64,
}

impl DelayEstimate {
    pub(super) fn new() -> Self {
        let mut histogram = [0.0; BUCKETS];
        histogram[0] = 1.0;
        Self {
            histogram,
            window_started: 0,
            window_fastest: i64::MAX,
            last_fastest: i64::MAX,
            loss: 0.0,
            target: MIN_TARGET,
        }
    }

    /// The sender's clock jumped: forgets earlier times, but keeps the network's jitter.
    pub(super) fn forget_clock(&mut self) {
        self.window_fastest = i64::MAX;
        self.last_fastest = i64::MAX;
    }

    /// Takes a packet recorded at `timestamp` that arrived at `now`.
    pub(super) fn arrived(&mut self, now: i64, timestamp: i64) {
        if now - self.window_started > WINDOW {
            self.last_fastest = self.window_fastest;
            self.window_fastest = i64::MAX;
            self.window_started = now;
        }
        let transit = now - timestamp;
        self.window_fastest = self.window_fastest.min(transit);
        let late = transit - self.fastest();
        let bucket = usize::try_from(late / BUCKET).map_or(0, |bucket| bucket.min(BUCKETS - 1));
        for weight in &mut self.histogram {
            *weight *= FORGET;
        }
        self.histogram[bucket] += 1.0 - FORGET;
        self.loss *= FORGET_LOSS;
        self.set_target();
    }

    /// Packets get lost: from now on, wait for the following packet, which contains a copy.
    pub(super) fn lost(&mut self) {
        self.loss = 1.0;
        self.set_target();
    }

    fn set_target(&mut self) {
        let least = if self.loss > LOSSY { MIN_TARGET + FRAME } else { MIN_TARGET };
        self.target = self.quantile().max(least);
    }

    fn fastest(&self) -> i64 {
        self.window_fastest.min(self.last_fastest)
    }

    fn quantile(&self) -> i64 {
        let mut sum = 0.0;
        for (bucket, weight) in (0_i64..).zip(self.histogram) {
            sum += weight;
            if sum >= IN_TIME {
                return (MIN_TARGET + bucket * BUCKET).min(MAX_TARGET);
            }
        }
        MAX_TARGET
    }

    /// How long to wait.
    pub(super) fn target(&self) -> i64 {
        self.target
    }
}
