//! The kinds of work that clients may request, and the limits of each. Pure. Add a new kind or limit here.

use super::Principal;
use crate::config;
use crate::ports::Presence;

/// Animations at once; each holds its sound and its faces in memory.
pub const ANIMATIONS: usize = 2;
/// Samples of voices at once; each is a few seconds of speech, with lower priority than calls.
pub const SAMPLES: usize = 4;
/// Samples at once per address: another one may be requested before the last has ended.
pub const SAMPLES_PER_ADDRESS: usize = 2;
/// Measurements of the network at once; each carries at most a mebibyte one way.
pub const MEASUREMENTS: usize = 16;
/// Measurements at once per address: a page does one after the other, and a second page may be open.
pub const MEASUREMENTS_PER_ADDRESS: usize = 2;
/// Streams at once of how far jobs are; each is a connection that stays open for as long as its job lasts.
pub const FOLLOWINGS: usize = 256;
/// The same per address: a page follows a few jobs, and further ones are asked for.
pub const FOLLOWINGS_PER_ADDRESS: usize = 16;

/// A kind of work. Each is counted separately, and refused at once if there is no room: nothing is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A call, over WebRTC or WebSocket.
    Call,
    /// A text or a recording turned into audio and faces, without a call.
    Animation,
    /// A sample sentence in a voice.
    Sample,
    /// Bytes sent or received, by which a page measures the network.
    Measurement,
    /// A request of a program to an engine, beside calls: text, speech or a transcript.
    Request,
    /// A stream of how far a job is, which lasts as long as the job.
    Following,
}

impl Kind {
    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Call => "calls",
            Self::Animation => "animations",
            Self::Sample => "samples of voices",
            Self::Measurement => "measurements of the network",
            Self::Request => "requests beside calls",
            Self::Following => "streams of jobs",
        }
    }

    /// The client's presence at first: it has yet to connect to a call, but holds other requests open. Only work
    /// whose client is absent gives way to other work.
    pub(super) fn presence(self) -> Presence {
        match self {
            Self::Call => Presence::Awaited,
            Self::Animation | Self::Sample | Self::Measurement | Self::Request | Self::Following => {
                Presence::Here
            }
        }
    }

    /// Whether a stopping server refuses it. All but calls end with their connection; a program's request goes to another server instead.
    pub(super) fn is_refused_while_stopping(self) -> bool {
        match self {
            Self::Call | Self::Request | Self::Following => true,
            Self::Animation | Self::Sample | Self::Measurement => false,
        }
    }

    /// Whether it is counted by the metrics of calls.
    pub(super) fn counts_as_call(self) -> bool {
        match self {
            Self::Call => true,
            Self::Animation | Self::Sample | Self::Measurement | Self::Request | Self::Following => false,
        }
    }

    /// Whether its number is bounded by what is measured as well, and the last ones are left to principals with fewer.
    pub(super) fn is_measured(self) -> bool {
        match self {
            Self::Call => true,
            Self::Animation | Self::Sample | Self::Measurement | Self::Request | Self::Following => false,
        }
    }

    /// The reason, as clients know it, when there is no room in all; none where the protocol has none.
    pub(super) fn full_reason(self) -> Option<&'static str> {
        match self {
            Self::Call => Some("server-full"),
            Self::Animation | Self::Sample | Self::Measurement | Self::Request | Self::Following => None,
        }
    }
}

/// How much of one kind there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// In all.
    pub in_all: usize,
    /// Per principal; none: no limit of its own.
    pub per_principal: Option<usize>,
}

/// The limits of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of calls.
    pub calls: Limit,
    /// Of animations.
    pub animations: Limit,
    /// Of samples of voices.
    pub samples: Limit,
    /// Of measurements of the network.
    pub measurements: Limit,
    /// Of requests of programs.
    pub requests: Limit,
    /// Of streams of jobs.
    pub followings: Limit,
}

impl Limits {
    /// The limit of this kind for this principal.
    #[must_use]
    pub fn of(&self, principal: &Principal, kind: Kind) -> Limit {
        let limit = match kind {
            Kind::Call => self.calls,
            Kind::Animation => self.animations,
            Kind::Sample => self.samples,
            Kind::Measurement => self.measurements,
            Kind::Request => self.requests,
            Kind::Following => self.followings,
        };
        match principal {
            Principal::Anonymous => Limit { per_principal: None, ..limit },
            Principal::Address(_) => limit,
        }
    }
}

impl From<&config::Server> for Limits {
    fn from(server: &config::Server) -> Self {
        let share = |of_address: usize| (of_address > 0).then_some(of_address);
        Self {
            calls: Limit { in_all: server.max_calls, per_principal: share(server.calls_per_address) },
            animations: Limit { in_all: ANIMATIONS, per_principal: None },
            samples: Limit { in_all: SAMPLES, per_principal: Some(SAMPLES_PER_ADDRESS) },
            measurements: Limit { in_all: MEASUREMENTS, per_principal: Some(MEASUREMENTS_PER_ADDRESS) },
            requests: Limit {
                in_all: server.max_requests,
                per_principal: share(server.requests_per_address),
            },
            followings: Limit { in_all: FOLLOWINGS, per_principal: Some(FOLLOWINGS_PER_ADDRESS) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_as_configured_and_anonymous_callers_have_no_share() {
        let address = Principal::from(Some([192, 0, 2, 1].into()));
        for (calls_per_address, share) in [(0, None), (2, Some(2))] {
            let server = config::Server { max_calls: 8, calls_per_address, ..Default::default() };
            let limits = Limits::from(&server);
            let calls = |per_principal| Limit { in_all: 8, per_principal };
            assert_eq!(limits.of(&address, Kind::Call), calls(share));
            assert_eq!(limits.of(&Principal::Anonymous, Kind::Call), calls(None));
            let animations = Limit { in_all: ANIMATIONS, per_principal: None };
            assert_eq!(limits.of(&address, Kind::Animation), animations);
            let samples = |per_principal| Limit { in_all: SAMPLES, per_principal };
            assert_eq!(limits.of(&address, Kind::Sample), samples(Some(SAMPLES_PER_ADDRESS)));
            assert_eq!(limits.of(&Principal::Anonymous, Kind::Sample), samples(None));
            let measurements = |per_principal| Limit { in_all: MEASUREMENTS, per_principal };
            let share = Some(MEASUREMENTS_PER_ADDRESS);
            assert_eq!(limits.of(&address, Kind::Measurement), measurements(share));
            assert_eq!(limits.of(&Principal::Anonymous, Kind::Measurement), measurements(None));
            let followings = |per_principal| Limit { in_all: FOLLOWINGS, per_principal };
            assert_eq!(limits.of(&address, Kind::Following), followings(Some(FOLLOWINGS_PER_ADDRESS)));
            assert_eq!(limits.of(&Principal::Anonymous, Kind::Following), followings(None));
        }
    }

    #[test]
    fn requests_have_limits_of_their_own_as_configured() {
        let address = Principal::from(Some([192, 0, 2, 1].into()));
        for (requests_per_address, share) in [(0, None), (3, Some(3))] {
            let server = config::Server { max_requests: 5, requests_per_address, ..Default::default() };
            let limits = Limits::from(&server);
            let requests = |per_principal| Limit { in_all: 5, per_principal };
            assert_eq!(limits.of(&address, Kind::Request), requests(share));
            assert_eq!(limits.of(&Principal::Anonymous, Kind::Request), requests(None));
        }
    }
}
