//! What may be asked for, and how much of it at once: pure. A new kind of work and a new limit begin here.

use super::Principal;
use crate::config;
use crate::ends::Presence;

/// Animations at once; each holds its sound and its faces in memory.
pub const ANIMATIONS: usize = 2;

/// What is asked for. Each kind is counted by itself, and refused at once when there is no room: none waits in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A call, over WebRTC or WebSocket.
    Call,
    /// A text or a recording as sound and faces, without a call.
    Animation,
}

impl Kind {
    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Call => "calls",
            Self::Animation => "animations",
        }
    }

    /// Whether the client is there at first: it has yet to connect to a call, and holds the request of an animation open.
    /// Only work whose client is not there gives way to others.
    pub(super) fn presence(self) -> Presence {
        match self {
            Self::Call => Presence::Awaited,
            Self::Animation => Presence::Here,
        }
    }

    /// Whether a server that stops refuses it. Animations end with their connection.
    pub(super) fn is_refused_while_stopping(self) -> bool {
        match self {
            Self::Call => true,
            Self::Animation => false,
        }
    }
}

/// How much of one kind there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// In all.
    pub in_all: usize,
    /// Of one principal; none: as many as in all.
    pub per_principal: Option<usize>,
}

/// The limits of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of calls.
    pub calls: Limit,
    /// Of animations.
    pub animations: Limit,
}

impl Limits {
    /// What this principal may have of this kind.
    #[must_use]
    pub fn of(&self, principal: &Principal, kind: Kind) -> Limit {
        let limit = match kind {
            Kind::Call => self.calls,
            Kind::Animation => self.animations,
        };
        match principal {
            Principal::Anonymous => Limit { per_principal: None, ..limit },
            Principal::Address(_) => limit,
        }
    }
}

impl From<&config::Server> for Limits {
    fn from(server: &config::Server) -> Self {
        let share = server.calls_per_address;
        Self {
            calls: Limit { in_all: server.max_calls, per_principal: (share > 0).then_some(share) },
            animations: Limit { in_all: ANIMATIONS, per_principal: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_as_configured_and_unnamed_callers_have_no_share() {
        let address = Principal::from(Some([192, 0, 2, 1].into()));
        for (calls_per_address, share) in [(0, None), (2, Some(2))] {
            let server = config::Server { max_calls: 8, calls_per_address, ..Default::default() };
            let limits = Limits::from(&server);
            let calls = |per_principal| Limit { in_all: 8, per_principal };
            assert_eq!(limits.of(&address, Kind::Call), calls(share));
            assert_eq!(limits.of(&Principal::Anonymous, Kind::Call), calls(None));
            let animations = Limit { in_all: ANIMATIONS, per_principal: None };
            assert_eq!(limits.of(&address, Kind::Animation), animations);
        }
    }
}
