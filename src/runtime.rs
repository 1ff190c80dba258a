//! The runtime of a command, and its end.

use std::time::Duration;

use tokio::runtime::Builder;

/// Longest wait for threads that are in a system call, such as those of the store's file, when all else has stopped.
const LAST_THREADS: Duration = Duration::from_secs(2);

/// Runs a command until it is done. A thread that a disk or a network's file system does not let go is left behind: the process
/// ends without it.
///
/// # Errors
/// If there can be no runtime, or as the command fails.
pub fn run<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(command);
    runtime.shutdown_timeout(LAST_THREADS);
    done
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_thread_that_hangs_in_a_file_system_does_not_keep_the_process() {
        let (release, held) = mpsc::channel::<()>();
        let (begun, began) = mpsc::channel();
        // If this fails, the thread lets go and the test ends all the same.
        let patience = Duration::from_secs(60);
        let before = Instant::now();
        let done = run(async move {
            tokio::task::spawn_blocking(move || {
                _ = begun.send(());
                _ = held.recv_timeout(patience);
            });
            Ok(began.recv()?)
        });
        assert!(done.is_ok() && before.elapsed() < patience / 2, "{:?}", before.elapsed());
        drop(release);
    }
}
