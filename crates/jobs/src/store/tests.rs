//! What a folder of jobs keeps through kills, cut files and a disk without room.

use std::io::{Read, Write};

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
    assert_eq!(store.room.used(), 0);
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
    let (store, _) = Store::open(folder.path(), 160 << 10).unwrap();
    let (old, id) = (job(&store, &["a"]), job(&store, &["b"]));
    let sound = vec![0; 60 << 10];
    store.keep(Place { job: old, item: 0 }, "mp3", &sound).unwrap();
    let place = Place { job: id, item: 0 };
    store.keep(Place { item: 1, ..place }, "mp3", &sound[..20 << 10]).unwrap();
    let _third = job(&store, &["c"]);
    let full = store.keep(place, "mp3", &sound[..30 << 10]).unwrap_err();
    assert!(full.lacks_room() && full.to_string().contains("jobs.disk_mb"), "{full}");
    assert!(!store.results(id).unwrap().contains_key(&0));
    let _fourth = job(&store, &["d"]);
    assert!(store.draft().is_err());
    store.remove(old).unwrap();
    store.keep(place, "mp3", &sound[..30 << 10]).unwrap();
    assert_eq!(store.results(id).unwrap().into_keys().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_job_that_can_never_have_the_room_is_told_so_as_a_draft_and_by_its_results() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), 100 << 10).unwrap();
    let mut draft = store.draft().unwrap();
    let large = draft.item(&"x".repeat(50 << 10)).unwrap_err();
    assert!(large.is_too_large() && !large.lacks_room(), "{large}");
    drop(draft);
    let id = job(&store, &["a"]);
    let large = store.keep(Place { job: id, item: 0 }, "mp3", "x".repeat(40 << 10).as_bytes()).unwrap_err();
    assert!(large.is_too_large() && large.to_string().contains("jobs.disk_mb"), "{large}");
    store.remove(id).unwrap();
    assert_eq!(store.room.used(), 0);
}

#[test]
fn a_damaged_job_is_set_aside_and_the_others_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), ROOM).unwrap();
    let damaged: Vec<JobId> = (0..4).map(|_| job(&store, &["a"])).collect();
    let whole = job(&store, &["b"]);
    drop(store);
    let own = |at: usize| folder.path().join(damaged[at].to_string());
    fs::remove_dir(own(0).join(RESULTS)).unwrap();
    fs::write(own(1).join(SPEC), b"{\"name\":").unwrap();
    fs::remove_file(own(2).join(JOURNAL)).unwrap();
    let many = b"{\"name\":\"a\",\"kind\":\"speech\",\"created\":1,\"items\":4294967295}";
    fs::write(own(3).join(SPEC), many).unwrap();
    for _ in 0..2 {
        let (store, left) = Store::open(folder.path(), ROOM).unwrap();
        assert_eq!(left.iter().map(|left| left.id).collect::<Vec<_>>(), [whole]);
        assert_eq!(store.task(Place { job: whole, item: 0 }, Kind::Speech).unwrap().line, "b\n");
    }
    for (at, id) in damaged.iter().enumerate() {
        let aside = folder.path().join(format!("{DAMAGED}{id}"));
        assert!(aside.join(ITEMS).is_file() && !own(at).exists(), "{at}");
    }
}

#[test]
fn no_result_comes_to_a_job_that_is_closed_and_none_of_its_bytes_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), ROOM).unwrap();
    let id = job(&store, &["a", "b"]);
    let place = Place { job: id, item: 1 };
    store.keep(Place { item: 0, ..place }, "mp3", b"sound").unwrap();
    assert_eq!(store.close(id).unwrap(), [0]);
    let used = store.room.used();
    assert!(matches!(store.keep(place, "mp3", b"late"), Err(StoreError::Gone)));
    let names = fs::read_dir(folder.path().join(id.to_string()).join(RESULTS)).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!((names.len(), store.room.used()), (1, used));
    store.retry(id, &BTreeSet::new()).unwrap();
    store.keep(place, "mp3", b"again").unwrap();
    store.remove(id).unwrap();
    assert!(matches!(store.keep(place, "mp3", b"late"), Err(StoreError::Gone)));
    assert_eq!(store.room.used(), 0);
}

#[test]
fn a_cancelled_job_stays_so_by_its_missing_texts_where_its_journal_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), ROOM).unwrap();
    let mut draft = store.draft().unwrap();
    let mut recording = tempfile::tempfile().unwrap();
    recording.write_all(&[0; 1_000]).unwrap();
    draft.recording("{}", recording).unwrap();
    let (id, _) = draft.commit(Spec { kind: Kind::Transcription, ..spec() }).unwrap();
    let own = folder.path().join(id.to_string());
    fs::remove_file(own.join(JOURNAL)).unwrap();
    fs::create_dir(own.join(JOURNAL)).unwrap();
    let used = store.room.used();
    store.cancel(id).unwrap();
    assert!(!own.join(ITEMS).exists() && !own.join(RECORDINGS).join("0").exists());
    assert_eq!(used - store.room.used(), 1_003);
    store.cancel(id).unwrap();
    let after = store.room.used();
    drop(store);
    fs::remove_dir(own.join(JOURNAL)).unwrap();
    fs::write(own.join(JOURNAL), b"").unwrap();
    assert_eq!(found(folder.path(), id).status, Status::Cancelled);
    assert_eq!(Store::open(folder.path(), ROOM).unwrap().0.room.used(), after);
}

#[test]
fn a_journal_does_not_grow_with_retries_and_still_says_what_failed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), ROOM).unwrap();
    let id = job(&store, &["a", "b"]);
    for _ in 0..30 {
        for item in [0, 1] {
            store.record(id, &Fact::failed(item, &"no ".repeat(1_000))).unwrap();
        }
        store.record(id, &Fact::Ended { at: 5 }).unwrap();
        store.retry(id, &BTreeSet::new()).unwrap();
    }
    store.record(id, &Fact::failed(1, "at last")).unwrap();
    let journal = fs::metadata(folder.path().join(id.to_string()).join(JOURNAL)).unwrap().len();
    assert!(journal < 2_000, "{journal}");
    assert_eq!(store.failures(id).unwrap(), BTreeMap::from([(1, "at last".to_owned())]));
    drop(store);
    let (_store, left) = Store::open(folder.path(), ROOM).unwrap();
    let job = &left[0].job;
    assert_eq!((job.retries(), job.failures(), job.ended()), (30, 1, None));
}

#[test]
fn a_retry_keeps_why_an_item_failed_that_the_queue_still_has_in_work() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), ROOM).unwrap();
    let id = job(&store, &["a", "b"]);
    store.record(id, &Fact::failed(0, "before")).unwrap();
    store.record(id, &Fact::failed(1, "just now")).unwrap();
    store.retry(id, &BTreeSet::from([1])).unwrap();
    assert_eq!(store.failures(id).unwrap(), BTreeMap::from([(1, "just now".to_owned())]));
    drop(store);
    let progress = found(folder.path(), id);
    assert_eq!((progress.failed, progress.status), (1, Status::Working));
}

#[test]
fn what_could_not_be_deleted_can_be_deleted_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), ROOM).unwrap();
    let id = job(&store, &["a"]);
    let old = folder.path().join(format!("{OLD}{id}"));
    fs::write(&old, b"in the way").unwrap();
    assert!(store.remove(id).is_err());
    assert!(store.room.used() > 0, "what is there counts");
    fs::remove_file(&old).unwrap();
    store.remove(id).unwrap();
    store.remove(id).unwrap();
    assert!(!old.exists() && !folder.path().join(id.to_string()).exists());
    assert_eq!(store.room.used(), 0);
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
