//! What a folder of jobs keeps through kills, cut files and a disk without room.

use std::io::Write;

use super::*;
use crate::job::{Progress, Status};
use crate::spec::Spec;

const ROOM: u64 = 64 << 20;

fn spec() -> Spec {
    Spec { name: "same".into(), kind: Kind::Speech, created: 5, items: 0 }
}

fn job(store: &Store, items: &[&str]) -> JobId {
    let mut draft = store.draft().unwrap();
    items.iter().for_each(|item| draft.item(item).unwrap());
    draft.commit(spec()).unwrap().0
}

/// What the next server finds of a job.
fn found(folder: &Path, id: JobId) -> Progress {
    let (_, left) = Store::open(folder, ROOM).unwrap();
    left.iter().find(|left| left.id == id).unwrap().job.progress()
}

#[test]
fn a_job_is_found_again_with_its_items_results_and_failures() {
    let folder = tempfile::tempdir().unwrap();
    let (store, left) = Store::open(folder.path(), ROOM).unwrap();
    assert!(left.is_empty());
    let id = job(&store, &["a", "bb", "ccc"]);
    let line = |item| store.task(Place { job: id, item }, Kind::Speech).unwrap().line;
    assert_eq!([0, 1, 2].map(|item| line(item).trim_end().to_owned()), ["a", "bb", "ccc"]);
    assert!(store.task(Place { job: id, item: 3 }, Kind::Speech).is_err());
    store.keep(Place { job: id, item: 1 }, "mp3", b"sound").unwrap();
    store.record(id, &Fact::Failed { item: 2, reason: "no".into() }).unwrap();
    drop(store);
    let progress = found(folder.path(), id);
    assert_eq!((progress.done, progress.failed, progress.spec.items), (1, 1, 3));
    assert_eq!(progress.status, Status::Working);
}

#[test]
fn what_was_cut_off_never_happened_and_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), ROOM).unwrap();
    let id = job(&store, &["a", "b"]);
    store.record(id, &Fact::Failed { item: 0, reason: "no".into() }).unwrap();
    let own = folder.path().join(id.to_string());
    let mut journal = fs::OpenOptions::new().append(true).open(own.join(JOURNAL)).unwrap();
    journal.write_all(b"{\"fact\":\"failed\",\"it").unwrap();
    fs::write(own.join(RESULTS).join(".part-x"), b"half a sound").unwrap();
    fs::create_dir(folder.path().join(".new-half")).unwrap();
    drop(store);
    let (store, left) = Store::open(folder.path(), ROOM).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].job.progress().failed, 1);
    store.record(id, &Fact::Retried).unwrap();
    drop(store);
    let progress = found(folder.path(), id);
    assert_eq!((progress.failed, progress.status), (0, Status::Queued));
    assert!(!folder.path().join(".new-half").exists() && !own.join(RESULTS).join(".part-x").exists());
}

#[test]
fn a_draft_that_is_not_finished_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), ROOM).unwrap();
    let mut draft = store.draft().unwrap();
    draft.item("a").unwrap();
    drop(draft);
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names, [".lock"]);
    assert_eq!(store.room.used.load(Ordering::Relaxed), 0);
}

#[test]
fn a_folder_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let first = Store::open(folder.path(), ROOM).unwrap();
    assert!(matches!(Store::open(folder.path(), ROOM), Err(StoreError::Taken)));
    drop(first);
    assert!(Store::open(folder.path(), ROOM).is_ok());
}

#[test]
fn without_room_nothing_is_taken_until_there_is_some_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), 100 << 10).unwrap();
    let id = job(&store, &["a"]);
    let sound = vec![0; 60 << 10];
    let place = Place { job: id, item: 0 };
    let other = job(&store, &["b"]);
    store.keep(place, "mp3", &sound).unwrap();
    let full = store.keep(Place { job: other, item: 0 }, "mp3", &sound).unwrap_err();
    assert!(full.lacks_room() && full.to_string().contains("jobs.disk_mb"), "{full}");
    assert!(store.results(other).unwrap().is_empty());
    assert!(store.draft().is_err());
    store.remove(id).unwrap();
    store.keep(Place { job: other, item: 0 }, "mp3", &sound).unwrap();
    assert_eq!(store.results(other).unwrap().into_keys().collect::<Vec<_>>(), [0]);
}

#[test]
fn a_recording_is_kept_with_its_item() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), ROOM).unwrap();
    let mut recording = tempfile::tempfile().unwrap();
    recording.write_all(b"RIFF").unwrap();
    let mut draft = store.draft().unwrap();
    draft.recording("{}", recording).unwrap();
    let (id, _) = draft.commit(Spec { kind: Kind::Transcription, ..spec() }).unwrap();
    let task = store.task(Place { job: id, item: 0 }, Kind::Transcription).unwrap();
    let mut heard = String::new();
    task.recording.unwrap().read_to_string(&mut heard).unwrap();
    assert_eq!((heard.as_str(), task.line.trim_end()), ("RIFF", "{}"));
}
