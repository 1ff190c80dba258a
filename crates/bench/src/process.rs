//! CPU time and memory of processes, from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

/// Linux reports CPU time to user programs in hundredths of a second on every architecture.
const MS_PER_TICK: f64 = 10.0;
const MIB: f64 = 1_048_576.0;

/// A process at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its name.
    pub name: String,
    parent: u32,
    cpu_ms: f64,
    rss_mib: f64,
}

/// A process and all its descendants at one moment.
#[derive(Debug, Clone, Default)]
pub struct Tree(Vec<Process>);

/// What a process used over a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Usage {
    /// Its name.
    pub name: String,
    /// Its id.
    pub pid: u32,
    /// CPU time per second of a call.
    pub cpu_ms_per_call_second: f64,
    /// Memory at the start.
    pub rss_start_mib: f64,
    /// Memory at the end, with the calls still open.
    pub rss_end_mib: f64,
}

/// What a process holds at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// Its memory.
    pub rss_mib: f64,
}

/// The process and its descendants now; empty if it is gone.
#[must_use]
pub fn tree(pid: u32) -> Tree {
    let mut all: HashMap<u32, Process> = HashMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries {
        if let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(read) {
            all.insert(process.pid, process);
        }
    }
    let mut found: Vec<Process> = all.remove(&pid).into_iter().collect();
    let mut next = 0;
    while next < found.len() {
        let parent = found[next].pid;
        let mut children: Vec<Process> = all.values().filter(|one| one.parent == parent).cloned().collect();
        children.sort_by_key(|child| child.pid);
        found.extend(children);
        next += 1;
    }
    Tree(found)
}

/// This program alone.
#[must_use]
pub fn this_program() -> Tree {
    Tree(read(std::process::id()).into_iter().collect())
}

fn read(pid: u32) -> Option<Process> {
    let page = MIB / 4_096.0;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let (name, parent, cpu_ms) = parse_stat(&stat)?;
    let pages: f64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(Process { pid, name, parent, cpu_ms, rss_mib: pages / page })
}

/// Name, parent and CPU milliseconds. The name may contain spaces and brackets: it ends at the last bracket.
fn parse_stat(stat: &str) -> Option<(String, u32, f64)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((name, fields.get(1)?.parse().ok()?, (ticks(11)? + ticks(12)?) * MS_PER_TICK))
}

impl Tree {
    /// What its processes used since `before`. One that started in between counts from its start.
    #[must_use]
    pub fn since(&self, before: &Self, call_seconds: f64) -> Vec<Usage> {
        let usage = |now: &Process| {
            let then = before.0.iter().find(|process| process.pid == now.pid);
            let cpu_ms = now.cpu_ms - then.map_or(0.0, |process| process.cpu_ms);
            Usage {
                name: now.name.clone(),
                pid: now.pid,
                cpu_ms_per_call_second: cpu_ms / call_seconds.max(1e-3),
                rss_start_mib: then.map_or(0.0, |process| process.rss_mib),
                rss_end_mib: now.rss_mib,
            }
        };
        self.0.iter().map(usage).collect()
    }

    /// CPU seconds that all its processes used since `before`.
    #[must_use]
    pub fn cpu_seconds_since(&self, before: &Self) -> f64 {
        self.since(before, 1.0).iter().map(|usage| usage.cpu_ms_per_call_second).sum::<f64>() / 1_000.0
    }

    /// The id of the process with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|process| process.name == name).map(|process| process.pid)
    }

    /// The memory of each process.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        self.0.iter().map(|one| Held { name: one.name.clone(), rss_mib: one.rss_mib }).collect()
    }

    /// The memory of the first process.
    #[must_use]
    pub fn rss_mib(&self) -> Option<f64> {
        self.0.first().map(|process| process.rss_mib)
    }

    /// Current number of threads of the first process.
    #[must_use]
    pub fn threads(&self) -> Option<usize> {
        let pid = self.0.first()?.pid;
        Some(fs::read_dir(format!("/proc/{pid}/task")).ok()?.count())
    }

    /// Current number of open files and sockets of the first process.
    #[must_use]
    pub fn descriptors(&self) -> Option<usize> {
        let pid = self.0.first()?.pid;
        Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
    }
}

/// Whether the process runs. One that has ended and waits for its parent to notice does not.
#[must_use]
pub fn runs(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !has_ended(&stat))
}

fn has_ended(stat: &str) -> bool {
    let state = stat.rsplit_once(')').and_then(|(_, tail)| tail.split_whitespace().next());
    matches!(state, None | Some("Z" | "X"))
}

/// The process on this machine that listens on a TCP port.
#[must_use]
pub fn listener(port: u16) -> Option<u32> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| listening_inode(&fs::read_to_string(table).ok()?, port))?;
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(|pid| holds(*pid, &socket))
}

fn holds(pid: u32, socket: &str) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| target == Path::new(socket))
}

fn listening_inode(table: &str, port: u16) -> Option<String> {
    const LISTEN: &str = "0A";
    let local = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(1)?.ends_with(&local) && *fields.get(3)? == LISTEN;
        listens.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "42 (a (b) c) S 7 1 1 0 -1 0 0 0 0 0 12 3 9 9 20 0 1 0 100 0 0";
        assert_eq!(parse_stat(stat).unwrap(), ("a (b) c".to_owned(), 7, 150.0));
    }

    #[test]
    fn a_process_that_its_parent_has_not_taken_leave_of_does_not_run() {
        assert!(has_ended("42 (a) b) Z 7 1") && has_ended("42 (a) X 7 1") && has_ended(""));
        assert!(!has_ended("42 (Z) S 7 1"));
        assert!(runs(std::process::id()));
    }

    #[test]
    fn this_test_is_found_by_its_listening_port_and_uses_memory() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let pid = listener(socket.local_addr().unwrap().port()).unwrap();
        assert_eq!(pid, std::process::id());
        let tree = tree(pid);
        assert!(tree.rss_mib().unwrap() > 0.5);
        assert!(tree.descriptors().unwrap() >= 3, "standard streams and the socket");
    }

    #[test]
    fn a_child_process_is_part_of_the_tree() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let usage = tree(std::process::id()).since(&Tree::default(), 1.0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(usage.iter().any(|one| one.pid == child.id() && one.name == "sleep"), "{usage:?}");
    }
}
