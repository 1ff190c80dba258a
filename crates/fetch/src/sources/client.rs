//! Runs a package client in its own scratch directory, and derives progress from that directory's growth.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::keep;
use visavis_models::FetchError;

const POLL: Duration = Duration::from_millis(100);

/// The user's package client.
pub(super) struct Client<'a> {
    /// The command and its first arguments.
    pub(super) command: &'a [String],
    /// Its name in messages.
    pub(super) tool: &'static str,
    /// How to install it.
    pub(super) install: &'static str,
}

/// The result of running a client.
struct Run {
    /// The file it downloaded, or `None` if it failed.
    file: Option<PathBuf>,
    /// Everything it printed.
    log: String,
    // Removes the scratch directory.
    _scratch: tempfile::TempDir,
}

/// Kills the client if its fetch ends first.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

impl Client<'_> {
    /// Downloads the file of one package to `target`; `args` is given the directory that the client must download into.
    pub(super) fn download(
        &self,
        package: &str,
        args: impl FnOnce(&Path) -> Vec<String>,
        scratch: &Path,
        target: &Path,
        on_bytes: &dyn Fn(u64),
    ) -> Result<(), FetchError> {
        let run = self.run(args, scratch, on_bytes)?;
        match &run.file {
            Some(file) => keep(file, target),
            None => Err(self.explain(package, &run.log, scratch)),
        }
    }

    fn run(
        &self,
        args: impl FnOnce(&Path) -> Vec<String>,
        scratch: &Path,
        on_bytes: &dyn Fn(u64),
    ) -> Result<Run, FetchError> {
        let failed = |source| FetchError::writing(scratch, source);
        let scratch = tempfile::TempDir::new_in(scratch).map_err(failed)?;
        let (out, temporary, log) =
            (scratch.path().join("out"), scratch.path().join("tmp"), scratch.path().join("log"));
        for dir in [&out, &temporary] {
            fs::create_dir(dir).map_err(failed)?;
        }
        let log_file = File::create(&log).map_err(failed)?;
        let (program, first) = self.command.split_first().ok_or_else(|| self.missing())?;
        let spawned = Command::new(program)
            .args(first)
            .args(args(&out))
            // Clients first download to a temporary file: in this directory it counts as progress and is on the right disk.
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(log_file.try_clone().map_err(failed)?)
            .stderr(log_file)
            .spawn();
        let mut child = match spawned {
            Ok(child) => Running(child),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(self.missing()),
            Err(source) => return Err(FetchError::Io { path: program.into(), source }),
        };
        let status = loop {
            if let Some(status) = child.0.try_wait().map_err(failed)? {
                break status;
            }
            on_bytes(largest_file(scratch.path()));
            std::thread::sleep(POLL);
        };
        let log = fs::read(&log).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        let file = fs::read_dir(&out).ok().and_then(|mut dir| dir.next()?.ok()).map(|entry| entry.path());
        if let Some(meta) = file.as_ref().and_then(|file| fs::metadata(file).ok()) {
            on_bytes(meta.len());
        }
        Ok(Run { file: file.filter(|_| status.success()), log, _scratch: scratch })
    }

    fn missing(&self) -> FetchError {
        FetchError::MissingTool { tool: self.tool, install: self.install }
    }

    /// Puts a failed run's output into one of our sentences.
    fn explain(&self, what: &str, log: &str, scratch: &Path) -> FetchError {
        let has = |marks: &[&str]| marks.iter().any(|mark| log.contains(mark));
        if has(&["No module named pip", "No module named 'pip'"]) {
            return self.missing();
        }
        if has(&["No space left on device", "ENOSPC", "Disk quota exceeded", "EDQUOT"]) {
            return FetchError::DiskFull { path: scratch.to_owned() };
        }
        let (what, detail) = (format!("{} package {what}", self.tool), last_error(log));
        if has(&UNREACHABLE) {
            FetchError::Network { what, detail: "no response from the package index".to_owned() }
        } else if has(&["IncompleteRead", "Connection broken", "DO NOT MATCH THE HASHES", "EINTEGRITY"]) {
            FetchError::Damaged { what, detail }
        } else {
            FetchError::Refused { what, detail }
        }
    }
}

/// What pip and npm print if they cannot reach the index.
const UNREACHABLE: [&str; 15] = [
    "NewConnectionError",
    "NameResolutionError",
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "Max retries exceeded",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
];

/// The client's last error message, without its prefix.
fn last_error(log: &str) -> String {
    let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().rfind(|line| line.starts_with("ERROR:")).or_else(|| {
        // npm ends with the path of its log; the error comes before.
        lines().find(|line| line.starts_with("npm") && !line.contains("code "))
    });
    let line = error.or_else(|| lines().next_back()).unwrap_or("it gave no reason");
    let text =
        ["ERROR:", "npm error", "npm ERR!"].iter().fold(line, |line, prefix| line.trim_start_matches(prefix));
    text.trim().chars().take(200).collect()
}

/// The size of the largest file below `dir`: the download, rather than a client's small files.
fn largest_file(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => largest_file(&entry.path()),
        Ok(_) => entry.metadata().map_or(0, |meta| meta.len()),
        Err(_) => 0,
    });
    sizes.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Client<'_> = Client { command: &[], tool: "pip", install: "install pip" };

    #[test]
    fn a_missing_network_is_told_from_a_missing_package() {
        let offline = "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n\
            ERROR: Could not find a version that satisfies the requirement x==1\n\
            ERROR: No matching distribution found for x==1";
        let error = CLIENT.explain("x==1", offline, Path::new("d"));
        assert!(matches!(error, FetchError::Network { .. }), "{error}");
        let unknown = "ERROR: No matching distribution found for x==1";
        let error = CLIENT.explain("x==1", unknown, Path::new("d"));
        assert!(
            matches!(&error, FetchError::Refused { detail, .. } if detail.starts_with("No matching")),
            "{error}"
        );
    }

    #[test]
    fn a_full_disk_reported_by_a_client_is_recognised() {
        let log = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device";
        assert!(matches!(CLIENT.explain("x", log, Path::new("d")), FetchError::DiskFull { .. }));
    }
}
