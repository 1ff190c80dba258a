//! Jobs with scripted workers, through kills, cancellations and a disk without room.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::*;
use crate::fact::Fact;
use crate::job::Status;
use crate::queue::Place;
use crate::spec::Kind;
use crate::worker::{Fault, Product, Task, Worker};

/// Does what a line says: "later" is not begun 20 times and "down" never, "fail" fails once and "broken" always, "hang" never ends;
/// all else becomes its own result.
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
            "broken" => return Err(Fault::Failed("no ".repeat(1_000))),
            "down" => return Err(Fault::Later("it is down".into())),
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

    /// Fills 160 KiB up to less than 30; returns one of the jobs that have them.
    async fn full(&self) -> JobId {
        let text = "x".repeat(25 << 10);
        let jobs = [self.add(&[text.as_str()]).await, self.add(&[text.as_str()]).await];
        for id in jobs {
            self.until_over(id).await;
        }
        jobs[0]
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
    let server = Server::start(folder.path(), 160 << 10);
    let old = server.full().await;
    let large = "y".repeat(6 << 10);
    let id = server.add(&[large.as_str()]).await;
    let waits = server.until(id, |progress| progress.hindered.is_some()).await;
    let why = waits.hindered.unwrap();
    assert!(why.contains("jobs.disk_mb"), "{why}");
    server.jobs.delete(old).await.unwrap();
    assert_eq!(server.until_over(id).await.done, 1);
    assert_eq!(server.worker.times(&large), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_room_for_ever_and_what_waits_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 160 << 10);
    server.full().await;
    let large = "y".repeat(6 << 10);
    let cancelled = server.add(&[large.as_str()]).await;
    server.until(cancelled, |progress| progress.hindered.is_some()).await;
    assert_eq!(server.jobs.cancel(cancelled).await.unwrap().status, Status::Cancelled);
    server.jobs.delete(cancelled).await.unwrap();
    let id = server.add(&[large.as_str()]).await;
    let progress = server.until_over(id).await;
    assert_eq!((progress.done, progress.failed), (0, 1));
    assert!(progress.failures[&0].contains("jobs.disk_mb"), "{:?}", progress.failures);
    assert_eq!(server.worker.times(&large), 2);
    server.jobs.delete(id).await.unwrap();
    // Room that was short for so long is not waited for by each item anew.
    let began = tokio::time::Instant::now();
    let next = server.add(&[large.as_str()]).await;
    assert_eq!(server.until_over(next).await.failed, 1);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_result_that_its_job_can_never_have_room_for_fails_at_once_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 100 << 10);
    let large = "x".repeat(20 << 10);
    let id = server.add(&[large.as_str(), "small"]).await;
    let progress = server.until_over(id).await;
    assert_eq!((progress.done, progress.failed), (1, 1));
    assert!(progress.failures[&0].contains("at most half"), "{:?}", progress.failures);
}

#[tokio::test]
async fn a_job_whose_client_leaves_while_it_is_taken_is_done_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let mut draft = server.jobs.store().draft().unwrap();
    draft.item("one").unwrap();
    let spec = Spec { name: "same".into(), kind: Kind::Speech, created: now(), items: 0 };
    tokio::select! {
        biased;
        _ = server.jobs.add(draft, spec) => panic!("it writes to the disk"),
        () = std::future::ready(()) => {}
    }
    let done = async {
        while server.worker.times("one") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.expect("what is on the disk is in work");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_down_for_hours_fails_nothing_and_its_job_can_be_cancelled_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["down", "down"]).await;
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    let progress = server.jobs.progress(id).unwrap();
    assert_eq!((progress.failed, progress.working), (0, 2));
    assert_eq!(progress.hindered.as_deref(), Some("it is down"));
    let asked = server.worker.times("down");
    assert!((100..2_000).contains(&asked), "{asked}: it is asked again, at growing pauses");
    assert_eq!(server.jobs.cancel(id).await.unwrap().status, Status::Cancelled);
}

#[tokio::test]
async fn a_job_is_cancelled_and_deleted_also_where_its_journal_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["hang", "hang"]).await;
    server.until(id, |progress| progress.working == 2).await;
    let own = folder.path().join(id.to_string());
    let journal = own.join("journal.jsonl");
    std::fs::remove_file(&journal).unwrap();
    std::fs::create_dir(&journal).unwrap();
    assert_eq!(server.jobs.cancel(id).await.unwrap().status, Status::Cancelled);
    std::fs::remove_dir(&journal).unwrap();
    std::fs::write(&journal, b"").unwrap();
    server.kill().await;
    let again = Server::start(folder.path(), 1 << 30);
    assert_eq!(again.jobs.progress(id).unwrap().status, Status::Cancelled);
    assert_eq!(again.jobs.delete(id).await.unwrap().status, Status::Cancelled);
    assert!(again.jobs.progress(id).is_none() && !own.exists());
    assert!(matches!(again.jobs.delete(id).await, Err(Refusal::Unknown)));
    assert_eq!(again.worker.times("hang"), 0);
}

#[tokio::test]
async fn a_job_that_was_cancelled_when_its_server_was_killed_loses_its_texts_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["hang"]).await;
    server.until(id, |progress| progress.working == 1).await;
    server.jobs.store().record(id, &Fact::Cancelled).unwrap();
    server.kill().await;
    let items = folder.path().join(id.to_string()).join("items.jsonl");
    assert!(items.exists(), "the kill came before the deletion");
    let again = Server::start(folder.path(), 1 << 30);
    let deleted = async {
        while items.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, deleted).await.expect("the next start deletes them");
    assert_eq!(again.jobs.progress(id).unwrap().status, Status::Cancelled);
}

#[tokio::test]
async fn a_job_in_work_is_deleted_with_all_that_it_has_and_gives_its_places_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["one", "hang", "hang"]).await;
    server.until(id, |progress| progress.done == 1 && progress.working == 2).await;
    server.jobs.delete(id).await.unwrap();
    assert!(server.jobs.progress(id).is_none() && !folder.path().join(id.to_string()).exists());
    let other = server.add(&["two"]).await;
    assert_eq!(server.until_over(other).await.done, 1);
}

#[tokio::test]
async fn an_item_whose_result_comes_to_the_disk_just_before_its_job_is_cancelled_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["hang", "hang", "never"]).await;
    server.until(id, |progress| progress.working == 2).await;
    let store = server.jobs.store();
    // Nobody hears of this one.
    store.keep(Place { job: id, item: 1 }, "txt", b"late").unwrap();
    let progress = server.jobs.cancel(id).await.unwrap();
    assert_eq!((progress.status, progress.done, progress.working), (Status::Cancelled, 1, 0));
    let late = store.keep(Place { job: id, item: 0 }, "txt", b"too late");
    assert!(matches!(late, Err(StoreError::Gone)), "{late:?}");
    assert_eq!(store.results(id).unwrap().into_keys().collect::<Vec<_>>(), [1]);
    server.kill().await;
    let again = Server::start(folder.path(), 1 << 30);
    let found = again.jobs.progress(id).unwrap();
    assert_eq!((found.status, found.done), (Status::Cancelled, 1));
}

#[tokio::test]
async fn a_job_whose_last_results_stand_when_it_is_cancelled_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["fail", "hang"]).await;
    server.until(id, |progress| progress.failed == 1 && progress.working == 1).await;
    server.jobs.store().keep(Place { job: id, item: 1 }, "txt", b"late").unwrap();
    let progress = server.jobs.cancel(id).await.unwrap();
    assert_eq!((progress.status, progress.done, progress.failed), (Status::Ended, 1, 1));
    // It takes results again.
    server.jobs.retry(id).await.unwrap();
    assert_eq!(server.until_over(id).await.done, 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_deleted_is_deleted_later() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["one"]).await;
    server.until_over(id).await;
    let own = folder.path().join(id.to_string());
    let obstacle = folder.path().join(format!(".old-{id}"));
    std::fs::write(&obstacle, b"in the way").unwrap();
    server.jobs.delete(id).await.unwrap();
    assert!(server.jobs.progress(id).is_none() && own.exists());
    std::fs::remove_file(&obstacle).unwrap();
    let deleted = async {
        while own.exists() || obstacle.exists() {
            tokio::time::sleep(runner::TICK).await;
        }
    };
    tokio::time::timeout(10 * runner::TICK, deleted).await.expect("it is tried again");
}

#[tokio::test]
async fn failed_items_are_tried_again_a_bounded_number_of_times() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), 1 << 30);
    let id = server.add(&["broken"]).await;
    let journal = folder.path().join(id.to_string()).join("journal.jsonl");
    for _ in 0..MOST_RETRIES {
        let progress = server.until_over(id).await;
        assert!(progress.failures[&0].len() <= 300);
        server.jobs.retry(id).await.unwrap();
    }
    server.until_over(id).await;
    let refused = server.jobs.retry(id).await.unwrap_err();
    assert!(matches!(refused, Refusal::Retries(MOST_RETRIES)), "{refused}");
    assert!(std::fs::metadata(&journal).unwrap().len() < 4_000);
    assert_eq!(server.worker.times("broken"), 1 + MOST_RETRIES as usize);
    let facts = crate::fact::read(&std::fs::read(&journal).unwrap()).facts;
    assert_eq!(facts.iter().filter(|fact| **fact == Fact::Retried).count(), MOST_RETRIES as usize);
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
