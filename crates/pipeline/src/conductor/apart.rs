//! Runs what may take milliseconds of a processor without holding up other tasks.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `work` on this thread; the tasks that wait for the thread go on at another one meanwhile, those of other calls among
/// them. A runtime that has one thread alone, as in tests, has no other.
pub(super) fn apart<T>(work: impl FnOnce() -> T) -> T {
    if matches!(Handle::current().runtime_flavor(), RuntimeFlavor::MultiThread) {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn other_tasks_of_the_thread_go_on_during_the_work() {
        let (tell, told) = mpsc::channel();
        let works = tokio::spawn(async move {
            tokio::spawn(async move { tell.send("another call's sound") });
            // If this fails, the work ends all the same.
            apart(move || told.recv_timeout(Duration::from_secs(60)))
        });
        assert_eq!(works.await.unwrap(), Ok("another call's sound"));
    }

    #[tokio::test]
    async fn work_is_done_where_there_is_one_thread_alone() {
        assert_eq!(apart(|| 7), 7);
    }
}
