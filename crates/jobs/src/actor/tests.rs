//! Jobs with scripted workers, through kills, cancellations and a disk without room.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::*;
use crate::job::Status;
use crate::worker::{Fault, Product, Task};

/// Does what a line says: "later N" is not begun N times, "fail" fails once, "hang" never ends; all else becomes its own result.
#[derive(Default)]
struct Scripted {
    asked: Mutex<Vec<String>>,
    faults: AtomicUsize,
}

impl Scripted {
    fn times(&self, line: &str) -> usize {
        self.asked.lock().iter().filter(|asked| *asked == line).count()
    }
}

#[async_trait]
impl Worker for Scripted {
    async fn work(&self, task: Task) -> Result<Product, Fault> {
        let line = task.line.trim_end().to_owned();
        self.asked.lock().push(line.clone());
        match line.as_str() {
            "hang" => std::future::pending().await,
            "panic" => panic!("as the script says"),
            "always" => return Err(Fault::Again("busy".into())),
            "fail" if self.faults.fetch_add(1, Ordering::Relaxed) == 0 => {
                return Err(Fault::Failed("no".into()));
            }
            "later" if self.times("later") < 20 => return Err(Fault::Later("it loads".into())),
            _ => {}
        }
        Ok(Product { bytes: Bytes::from(line), ending: "txt" })
    }
}

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn settings(folder: &std::path::Path, most: u64) -> Settings {
    let bounds = Bounds { speech: 2, transcription: 1, keep: 1_000_000 };
    Settings { folder: folder.to_owned(), most, bounds }
}

/// A server: jobs with somebody who works.
struct Server {
    jobs: Arc<Jobs>,
    worker: Arc<Scripted>,
    runs: JoinHandle<()>,
}

impl Server {
    fn start(folder: &std::path::Path, most: u64) -> Self {
        let (jobs, runner) = Jobs::open(&settings(folder, most)).unwrap();
        let worker = Arc::new(Scripted::default());
        let runs = tokio::spawn(runner.run(worker.clone()));
        Self { jobs, worker, runs }
    }

    async fn kill(self) {
        self.runs.abort();
        _ = self.runs.await;
        let store = Arc::downgrade(self.jobs.store());
        drop(self.jobs);
        // A write that has begun holds the folder until it has ended.
        while store.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn add(&self, items: &[&str]) -> JobId {
        let mut draft = self.jobs.store().draft().unwrap();
        items.iter().for_each(|item| draft.item(item).unwrap());
        let spec = Spec { name: "same".into(), kind: Kind::Speech, created: now(), items: 0 };
        self.jobs.add(draft, spec).await.unwrap()
    }

    async fn until(&self, id: JobId, is_so: impl FnMut(&Progress) -> bool) -> Progress {
        self.jobs.watch(id).unwrap().wait_for(is_so).await.unwrap().clone()
    }

    async fn until_over(&self, id: JobId) -> Progress {
        self.until(id, |progress| progress.status.is_over()).await
    }
}

#[tokio::test]
async fn every_item_has_its_result_or_its_reason_and_a_retry_takes_the_failed_ones_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["one", "fail", "panic", "two"]).await;
    let progress = server.until_over(id).await;
    assert_eq!((progress.done, progress.failed, progress.status), (2, 2, Status::Ended));
    assert_eq!(progress.failures[&1], "no");
    assert_eq!(progress.failures[&2], item::BROKEN);
    let results = server.jobs.store().results(id).unwrap();
    assert_eq!(std::fs::read_to_string(&results[&3]).unwrap(), "two");
    assert_eq!(server.jobs.retry(id).await.unwrap().failed, 0);
    let progress = server.until_over(id).await;
    assert_eq!((progress.done, progress.failed), (3, 1));
    assert_eq!((server.worker.times("one"), server.worker.times("fail")), (1, 2));
    assert!(matches!(server.jobs.retry(JobId::random()).await, Err(Refusal::Unknown)));
}

#[tokio::test]
async fn a_killed_server_goes_on_at_the_item() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..40).map(|at| format!("item {at}")).collect();
    let items: Vec<&str> = names.iter().map(String::as_str).collect();
    let first = Server::start(folder.path(), 1 << 30);
    let id = first.add(&items).await;
    first.until(id, |progress| progress.done >= 10).await;
    first.kill().await;
    let second = Server::start(folder.path(), 1 << 30);
    let found = second.jobs.progress(id).unwrap();
    assert!(found.done >= 10, "{found:?}");
    let progress = second.until_over(id).await;
    assert_eq!((progress.done, progress.failed), (40, 0));
    let made = second.worker.asked.lock().len();
    assert_eq!(made, 40 - found.done as usize, "an item with a result was made anew");
    let results = second.jobs.store().results(id).unwrap();
    for (item, path) in results {
        assert_eq!(std::fs::read_to_string(path).unwrap(), names[item as usize]);
    }
}

#[tokio::test]
async fn a_cancelled_job_stops_at_once_stays_so_and_keeps_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["one", "hang", "hang", "never"]).await;
    server.until(id, |progress| progress.done == 1 && progress.working == 2).await;
    let other = server.add(&["two"]).await;
    let progress = server.jobs.cancel(id).await.unwrap();
    assert_eq!((progress.status, progress.done, progress.working), (Status::Cancelled, 1, 0));
    assert_eq!(server.until_over(other).await.done, 1, "the cancelled items hold their places");
    assert!(matches!(server.jobs.retry(id).await, Err(Refusal::Cancelled)));
    assert_eq!(server.jobs.cancel(id).await.unwrap().status, Status::Cancelled);
    server.kill().await;
    let again = Server::start(folder.path(), 1 << 30);
    assert_eq!(again.jobs.progress(id).unwrap().status, Status::Cancelled);
    // What is left over is begun before this.
    let later = again.add(&["three"]).await;
    let done = tokio::time::timeout(PATIENCE, again.until_over(later)).await;
    assert_eq!(done.expect("the cancelled items have no places").done, 1);
    assert_eq!((again.worker.times("hang"), again.worker.times("never")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_not_ready_is_waited_for_and_one_that_always_fails_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["later", "always"]).await;
    server.until(id, |progress| progress.hindered.is_some()).await;
    let progress = server.until_over(id).await;
    assert_eq!((progress.done, progress.failed), (1, 1));
    assert_eq!(progress.failures[&1], "busy");
    assert_eq!((server.worker.times("later"), server.worker.times("always")), (20, 8));
}

#[tokio::test(start_paused = true)]
async fn a_disk_without_room_is_waited_for_and_nothing_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 80 << 10);
    let old = server.add(&["x".repeat(20 << 10).as_str()]).await;
    server.until_over(old).await;
    let large = "y".repeat(6 << 10);
    let id = server.add(&[large.as_str()]).await;
    let waits = server.until(id, |progress| progress.hindered.is_some()).await;
    let why = waits.hindered.unwrap();
    assert!(why.contains("jobs.disk_mb"), "{why}");
    server.jobs.store().remove(old).unwrap();
    assert_eq!(server.until_over(id).await.done, 1);
    assert_eq!(server.worker.times(&large), 1);
}

#[tokio::test]
async fn ten_thousand_items_are_one_job() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let items = vec!["hang"; 10_000];
    let id = server.add(&items).await;
    let progress = server.until(id, |progress| progress.working == 2).await;
    assert_eq!((progress.spec.items, progress.done), (10_000, 0));
}
