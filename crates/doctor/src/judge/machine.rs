//! Whether the machine has what the configuration needs: memory, processors, descriptors, buffers of sockets. Pure.

use visavis_models::human;

use crate::finding::{Finding, Problem};

/// Memory of the server and its engines besides their models: some 500 MB with the profile `cpu` (docs/measured.md).
const BASE: u64 = 500_000_000;
/// Memory of a call that speaks, at most.
const PER_CALL: u64 = 2_000_000;
/// Descriptors of the server besides its clients'.
const OTHER_DESCRIPTORS: u64 = 192;
/// Fewer are not enough for a handful of calls.
const FEWEST_DESCRIPTORS: u64 = 256;
/// Bytes that the packets of a call take in the kernel within 0.1 s: five packets with their bookkeeping.
const BUFFER_PER_CALL: u64 = 4096;

/// Memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// What programs may still take, the limit of a container included.
    pub(crate) available: u64,
    /// The model files that engines here load.
    pub(crate) models: u64,
    pub(crate) calls: u64,
}

pub(crate) fn memory(facts: &Memory) -> Finding {
    let Memory { available, models, calls } = *facts;
    // A language model's caches and a recogniser's buffers add about a half.
    let needed = (models + models / 2) + BASE + calls * PER_CALL;
    let told =
        format!("{} are free, and engines with {calls} calls take about {}", human(available), human(needed));
    let fix = "stop other programs, choose a smaller profile, or run engines elsewhere (llm.url)";
    let problem = if available < models + BASE / 2 {
        Some(Problem::failed(told.clone(), fix))
    } else if available < needed {
        Some(Problem::warning(told.clone(), fix))
    } else {
        None
    };
    Finding::of("memory", told, problem.into_iter().collect())
}

/// The texts of a container's limit, its use and what that is made of; empty without a container.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Container<'a> {
    pub(crate) limit: &'a str,
    pub(crate) used: &'a str,
    pub(crate) stat: &'a str,
}

impl Container<'_> {
    /// Bytes in use, without the page cache, which the kernel frees when programs need memory: models that were just read count
    /// as use otherwise.
    fn held(&self) -> u64 {
        let used: u64 = self.used.trim().parse().unwrap_or_default();
        let of = |name: &str| {
            self.stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
        };
        let files: u64 = ["inactive_file ", "active_file "].into_iter().filter_map(of).sum();
        used.saturating_sub(files)
    }
}

/// What is available, of the text of `/proc/meminfo` and of a container's.
pub(crate) fn available(meminfo: &str, container: &Container<'_>) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let of_host = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024;
    let limit = container.limit.trim().parse::<u64>().ok();
    let of_container = limit.map(|limit| limit.saturating_sub(container.held()));
    Some(of_container.map_or(of_host, |left| left.min(of_host)))
}

/// The threads of an engine that runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threads {
    /// The setting.
    pub(crate) key: &'static str,
    pub(crate) count: usize,
}

/// Processors, and the engines that share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Processors {
    pub(crate) count: usize,
    pub(crate) engines: Vec<Threads>,
}

pub(crate) fn processors(facts: &Processors) -> Finding {
    let Processors { count, engines } = facts;
    let mut problems = Vec::new();
    if *count < 2 && !engines.is_empty() {
        problems.push(Problem::warning(
            "there is one processor: recognition, model and voice wait for each other, and responses are late",
            "give this machine two or more, or run engines elsewhere",
        ));
    }
    for Threads { key, count: asked } in engines.iter().filter(|engine| engine.count > *count) {
        problems.push(Problem::warning(
            format!("{key} is {asked}, and there are {count} processors"),
            format!("set {key} to {count} at most: more threads are slower"),
        ));
    }
    Finding::of("processors", format!("{count} processors"), problems)
}

/// Descriptors that the process may have, and clients that it is to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// The hard limit, to which the server raises its own; none: there is no limit.
    pub(crate) most: Option<u64>,
    /// `server.max_connections`.
    pub(crate) connections: u64,
    /// Connections and allocations of the server's own relay.
    pub(crate) relay: u64,
}

pub(crate) fn descriptors(facts: &Descriptors) -> Finding {
    let Descriptors { most, connections, relay } = *facts;
    let needed = connections + relay + OTHER_DESCRIPTORS;
    let Some(most) = most else {
        return Finding::ok("descriptors", format!("no limit of open files; {needed} are needed at most"));
    };
    let told = format!("{most} open files are allowed, and {needed} are needed at most");
    let fix = format!(
        "raise the limit (ulimit -Hn {needed}, LimitNOFILE={needed} in a systemd unit), or lower server.max_connections"
    );
    let problem = if most < FEWEST_DESCRIPTORS {
        Some(Problem::failed(told.clone(), fix))
    } else if most < needed {
        Some(Problem::warning(format!("{told}: the server takes fewer connections"), fix))
    } else {
        None
    };
    Finding::of("descriptors", told, problem.into_iter().collect())
}

/// The buffer that the kernel grants to a UDP socket, as it counts, and the calls that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buffers {
    pub(crate) receive: u64,
    pub(crate) send: u64,
    pub(crate) calls: u64,
}

pub(crate) fn buffers(facts: &Buffers) -> Finding {
    let Buffers { receive, send, calls } = *facts;
    let needed = calls * BUFFER_PER_CALL;
    let fix =
        "as root: sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304; keep it in /etc/sysctl.d";
    let short = |name: &str, granted: u64| {
        let message = format!(
            "the kernel grants {} to {name} UDP, less than a tenth of a second of {calls} calls ({}): sound is lost when the machine is busy",
            human(granted),
            human(needed)
        );
        (granted < needed).then(|| Problem::warning(message, fix))
    };
    let problems = [short("receive", receive), short("send", send)].into_iter().flatten().collect();
    let fine = format!("{} to receive, {} to send", human(receive), human(send));
    Finding::of("udp-buffers", fine, problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn memory_is_compared_with_what_the_models_and_calls_take() {
        let models = 600_000_000;
        for (available, state) in
            [(8_000_000_000, State::Ok), (1_200_000_000, State::Warning), (500_000_000, State::Failed)]
        {
            let found = memory(&Memory { available, models, calls: 32 });
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.message.contains("1.4 GB"), "{found:?}");
        }
    }

    #[test]
    fn the_limit_of_a_container_counts_if_it_is_lower() {
        let meminfo = "MemTotal: 9 kB\nMemAvailable:    4000 kB\n";
        let stat = "anon 300000\ninactive_file 600000\nactive_file 100000\nworkingset_refault_file 7\n";
        for (limit, used, stat, expected) in [
            ("", "", "", 4_096_000),
            ("max\n", "5\n", "", 4_096_000),
            ("3000000\n", "1000000\n", "", 2_000_000),
            ("3000000\n", "1000000\n", stat, 2_700_000),
            ("1000\n", "5000\n", "", 0),
        ] {
            let container = Container { limit, used, stat };
            assert_eq!(available(meminfo, &container), Some(expected), "{container:?}");
        }
        assert_eq!(available("nothing", &Container::default()), None);
    }

    #[test]
    fn threads_beyond_the_processors_and_a_single_one_are_warned_of() {
        for (count, asked, state) in [(4, 4, State::Ok), (2, 4, State::Warning), (1, 1, State::Warning)] {
            let engines = vec![Threads { key: "llm.threads", count: asked }];
            let found = processors(&Processors { count, engines });
            assert_eq!(found.state, state, "{found:?}");
        }
        assert_eq!(processors(&Processors { count: 1, engines: Vec::new() }).state, State::Ok);
    }

    #[test]
    fn descriptors_suffice_for_connections_and_relay() {
        for (most, relay, state) in [
            (None, 0, State::Ok),
            (Some(4096), 0, State::Ok),
            (Some(1024), 0, State::Warning),
            (Some(1300), 512, State::Warning),
            (Some(64), 0, State::Failed),
        ] {
            let found = descriptors(&Descriptors { most, connections: 1024, relay });
            assert_eq!(found.state, state, "{found:?}");
        }
    }

    #[test]
    fn buffers_hold_a_tenth_of_a_second_of_all_calls() {
        let granted = 425_984;
        for (calls, state) in [(32, State::Ok), (500, State::Warning)] {
            let found = buffers(&Buffers { receive: granted, send: 8_388_608, calls });
            assert_eq!(found.state, state, "{found:?}");
        }
    }
}
