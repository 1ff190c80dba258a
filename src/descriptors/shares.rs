//! How the descriptors of the process are shared out: each connection takes one, and each relayed address. Pure.

use crate::config::Config;

/// Descriptors for all else: engines, UDP, recordings, tools, and connections in the reserve.
const OTHER: usize = 192;
/// What each part gets at least, if it wants as much.
const LEAST: usize = 8;

/// How many of what takes a descriptor there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shares {
    /// Connections of the HTTP listener.
    pub connections: usize,
    /// Relayed addresses.
    pub allocations: usize,
    /// Connections of the relay.
    pub relay_connections: usize,
}

impl Shares {
    /// What a server wants.
    #[must_use]
    pub fn of_server(config: &Config) -> Self {
        let relay = if config.turn.enabled { Self::of_relay(config) } else { Self::default() };
        Self { connections: config.server.max_connections, ..relay }
    }

    /// What a relay without a server wants.
    #[must_use]
    pub fn of_relay(config: &Config) -> Self {
        let turn = &config.turn;
        Self { connections: 0, allocations: turn.max_allocations, relay_connections: turn.max_connections }
    }

    fn sum(&self) -> usize {
        self.connections + self.allocations + self.relay_connections
    }

    /// As much of each as so many descriptors allow: where they are too few, all get less.
    #[must_use]
    pub fn within(self, descriptors: usize) -> Self {
        let (most, wanted) = (descriptors.saturating_sub(OTHER), self.sum());
        if wanted <= most {
            return self;
        }
        let share = |part: usize| part.min((part * most / wanted).max(LEAST));
        let Self { connections, allocations, relay_connections } = self;
        Self {
            connections: share(connections),
            allocations: share(allocations),
            relay_connections: share(relay_connections),
        }
    }

    /// What to tell whoever runs the server if so many descriptors are too few.
    #[must_use]
    pub fn warning(&self, descriptors: usize) -> Option<String> {
        let granted = self.within(descriptors);
        if granted == *self {
            return None;
        }
        let parts = [
            ("server.max_connections", self.connections, granted.connections),
            ("turn.max_allocations", self.allocations, granted.allocations),
            ("turn.max_connections", self.relay_connections, granted.relay_connections),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, wanted, _)| *wanted > 0)
            .map(|(setting, wanted, granted)| format!("{setting}: {granted} instead of {wanted}"))
            .collect();
        let (parts, needed) = (parts.join(", "), self.sum() + OTHER);
        Some(format!(
            "the limit of open files is {descriptors}, and {needed} are needed; until it is raised (ulimit -n, LimitNOFILE= of \
             systemd) or less is set, there are fewer of: {parts}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Shares = Shares { connections: 1024, allocations: 1000, relay_connections: 512 };

    #[test]
    fn the_relay_is_counted_where_it_runs() {
        let mut config = Config::default();
        assert_eq!(Shares::of_server(&config), Shares { connections: 1024, ..Shares::default() });
        config.turn.enabled = true;
        assert_eq!(Shares::of_server(&config), WANTED);
        assert_eq!(Shares::of_relay(&config), Shares { connections: 0, ..WANTED });
    }

    #[test]
    fn too_few_descriptors_are_shared_out_and_the_settings_are_named() {
        assert_eq!((WANTED.within(2728), WANTED.warning(2728)), (WANTED, None));
        for descriptors in [0, 200, 1024, 2727] {
            let granted = WANTED.within(descriptors);
            let told = WANTED.warning(descriptors).unwrap();
            assert!(granted.sum() + OTHER <= descriptors.max(OTHER + 3 * LEAST), "{granted:?}");
            assert!(granted.connections >= LEAST && granted.relay_connections >= LEAST, "{granted:?}");
            let allocations = format!("turn.max_allocations: {} instead of 1000", granted.allocations);
            assert!(told.contains(&allocations) && told.contains("2728 are needed"), "{told}");
            assert!(
                told.contains("server.max_connections") && told.contains("turn.max_connections"),
                "{told}"
            );
        }
        let alone = Shares { connections: 1024, ..Shares::default() };
        assert_eq!(alone.within(1024).connections, 832);
        let told = alone.warning(1024).unwrap();
        assert!(
            told.contains("server.max_connections: 832 instead of 1024") && !told.contains("turn."),
            "{told}"
        );
    }
}
