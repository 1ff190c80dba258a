//! Disks, memory, processors, limits and buffers of this machine.

use std::fs::read_to_string;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};
use rustix::process::{Resource, getrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use visavis_config::Config;

use crate::judge::disk::Folder;
use crate::judge::machine::{self, Buffers, Container, Descriptors, Processors, Threads};

/// Requested by the server from the kernel, which grants at most `net.core.rmem_max`.
const SOCKET_BUFFER: usize = 4 << 20;

/// The room of a folder that may be still to be made.
pub(crate) fn folder(path: &Path) -> Result<Folder, String> {
    let path = std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let found = path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/")).to_owned();
    let told = |error: rustix::io::Errno| format!("{}: {error}", found.display());
    let about = statvfs(found.as_path()).map_err(told)?;
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    let may_write = access(found.as_path(), Access::WRITE_OK).is_ok();
    Ok(Folder { path, found: found.clone(), free, may_write })
}

/// Memory that programs may still take; none: the system does not tell.
pub(crate) fn available_memory() -> Option<u64> {
    let meminfo = read_to_string("/proc/meminfo").ok()?;
    let of_container = |name: &str| read_to_string(format!("/sys/fs/cgroup/{name}")).unwrap_or_default();
    let [limit, used, stat] = ["memory.max", "memory.current", "memory.stat"].map(of_container);
    machine::available(&meminfo, &Container { limit: &limit, used: &used, stat: &stat })
}

/// The total size of files; missing files count as empty.
pub(crate) fn size(files: &[PathBuf]) -> u64 {
    files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|about| about.len()).sum()
}

pub(crate) fn processors(config: &Config) -> Processors {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let all = [
        (config.stt.starts_own(), "stt.threads", config.stt.threads),
        (config.llm.starts_own(), "llm.threads", config.llm.threads),
        (config.tts.starts_own(), "tts.threads", config.tts.threads),
    ];
    let here = all.into_iter().filter(|(is_own, ..)| *is_own);
    let engines = here.map(|(_, key, threads)| Threads { key, count: threads as usize }).collect();
    Processors { count, engines }
}

pub(crate) fn descriptors(config: &Config) -> Descriptors {
    let most = getrlimit(Resource::Nofile).maximum;
    let relay =
        if config.turn.enabled { config.turn.max_connections + config.turn.max_allocations } else { 0 };
    Descriptors { most, connections: config.server.max_connections as u64, relay: relay as u64 }
}

/// What the kernel grants to a socket that asks as the server does.
pub(crate) fn buffers(config: &Config) -> io::Result<Buffers> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    Ok(Buffers {
        receive: socket.recv_buffer_size()? as u64,
        send: socket.send_buffer_size()? as u64,
        calls: config.server.max_calls as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_still_to_be_made_has_the_room_of_the_one_above_it() {
        let above = tempfile::tempdir().unwrap();
        let found = folder(&above.path().join("calls/of/today")).unwrap();
        assert_eq!(found.found, above.path());
        assert!(found.may_write && found.free > 0, "{found:?}");
    }

    #[test]
    fn the_machine_tells_its_limits() {
        let config = Config::default();
        assert!(processors(&config).count >= 1);
        assert!(buffers(&config).unwrap().receive > 0);
        assert_eq!(descriptors(&config).relay, 0);
    }
}
