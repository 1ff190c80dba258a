//! Networks that people call from.

use super::net::Profile;

/// A perfect wire, and clocks that agree: the baseline.
pub const PERFECT: Profile = Profile {
    name: "perfect",
    delay: 0,
    jitter: 0,
    lost: 0.0,
    bursts: 0.0,
    burst: 0,
    overtaken: 0.0,
    twice: 0.0,
    drift: 0,
    handover: 0,
    tunnel: 0,
    dtx: false,
};

/// At home, a room away.
pub const WIFI: Profile = Profile {
    name: "wifi",
    delay: 12,
    jitter: 25,
    lost: 0.005,
    bursts: 0.002,
    burst: 3,
    overtaken: 0.005,
    twice: 0.001,
    drift: 30,
    ..PERFECT
};

/// In the garden, at the edge of coverage.
pub const FAR_WIFI: Profile = Profile {
    name: "far wifi",
    jitter: 60,
    lost: 0.08,
    bursts: 0.005,
    overtaken: 0.05,
    twice: 0.05,
    drift: -80,
    ..WIFI
};

/// A phone on the move, with cell handovers.
pub const LTE: Profile = Profile {
    name: "lte",
    delay: 45,
    jitter: 50,
    lost: 0.003,
    bursts: 0.003,
    burst: 4,
    overtaken: 0.01,
    twice: 0.002,
    drift: -50,
    handover: 300,
    ..PERFECT
};

/// Somebody else uploads: the router's queue fills and drains.
pub const FULL_UPLINK: Profile =
    Profile { name: "full uplink", delay: 20, jitter: 180, lost: 0.01, bursts: 0.002, burst: 2, ..PERFECT };

/// Over a geostationary satellite.
pub const SATELLITE: Profile = Profile {
    name: "satellite",
    delay: 290,
    jitter: 30,
    lost: 0.01,
    bursts: 0.002,
    burst: 3,
    drift: 80,
    ..PERFECT
};

/// A phone on a train: long handovers, and a tunnel.
pub const TRAIN: Profile = Profile {
    name: "train",
    delay: 60,
    jitter: 90,
    lost: 0.01,
    bursts: 0.006,
    burst: 5,
    overtaken: 0.01,
    twice: 0.01,
    drift: 300,
    handover: 600,
    tunnel: 2_500,
    dtx: false,
};
