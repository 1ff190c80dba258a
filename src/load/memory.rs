//! Memory that the server's machine or container has left.

use std::fs::read_to_string;

/// Bytes that may still be taken; none: the system does not tell.
pub fn available() -> Option<u64> {
    let meminfo = read_to_string("/proc/meminfo").ok()?;
    let of_host = kibibytes(&meminfo, "MemAvailable:")?;
    Some(of_group().map_or(of_host, |left| left.min(of_host)))
}

/// What the control group has left, if it has a limit (cgroup v2).
fn of_group() -> Option<u64> {
    let groups = read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let read = |name: &str| read_to_string(format!("/sys/fs/cgroup/{path}/{name}")).ok();
    left(&read("memory.max")?, &read("memory.current")?, &read("memory.stat")?)
}

/// What is left below a limit. Files that the kernel keeps in memory count as used, and make room when it is needed.
fn left(limit: &str, used: &str, statistics: &str) -> Option<u64> {
    let limit: u64 = limit.trim().parse().ok()?;
    let used: u64 = used.trim().parse().ok()?;
    let field = |name: &str| {
        let value = statistics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.trim().parse::<u64>().ok()).unwrap_or_default()
    };
    let files = field("active_file") + field("inactive_file");
    Some(limit.saturating_sub(used.saturating_sub(files)))
}

/// A field of `/proc/meminfo`, in bytes.
fn kibibytes(meminfo: &str, name: &str) -> Option<u64> {
    let value = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_limit_is_told_without_files_that_make_room() {
        let statistics = "anon 3000\nfile 2500\nactive_file 1500\ninactive_file 500\n";
        for (limit, used, expected) in [
            ("8000\n", "6000\n", Some(4000)),
            ("3000\n", "6000\n", Some(0)),
            ("max\n", "6000\n", None),
            ("8000\n", "", None),
        ] {
            assert_eq!(left(limit, used, statistics), expected, "{limit:?} {used:?}");
        }
        assert_eq!(left("8000", "6000", ""), Some(2000));
    }

    #[test]
    fn memory_of_the_host_is_told_in_bytes() {
        let meminfo = "MemTotal:       16000000 kB\nMemAvailable:   12000000 kB\n";
        assert_eq!(kibibytes(meminfo, "MemAvailable:"), Some(12_288_000_000));
        assert_eq!(kibibytes("", "MemAvailable:"), None);
    }

    #[test]
    fn this_machine_tells_its_memory() {
        assert!(available().is_some_and(|bytes| bytes > 0));
    }
}
