//! What only the embedded store can meet: a file that is damaged, another program's, a newer version's, in use or not to be
//! written, and a wall clock that is set back.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod support;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use support::{
    FileStore, HandClock, KEEP, NOW, PATIENCE, TTL, call, context, node, saver, until, vault, words,
};
use tempfile::TempDir;
use visavis_store::{
    Binding, Claim, Embedded, Extended, FILE, FileFault, RedeemError, ResumeToken, State, Store, StoreError,
    TOKEN_REMEMBERED, TokenRefusal,
};

const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
/// The user who owns nothing.
const NOBODY: u32 = 65_534;
const HOUR: Duration = Duration::from_secs(3600);

/// A folder with a store in which a call has said something.
async fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), "hello").await.unwrap();
    folder
}

/// Stores something in a folder as a process would that ends then.
async fn keep(folder: &Path, said: &str) -> Result<(), StoreError> {
    let store = Arc::new(Embedded::new(folder));
    let lease = store.acquire(&call("a"), &node("one"), TTL, Claim::Free).await?;
    vault(store).save(&lease, 1, &context(said)).await
}

async fn kept(folder: &Path) -> Result<Option<String>, StoreError> {
    let context = vault(Arc::new(Embedded::new(folder))).load(&call("a")).await?;
    Ok(words(context.as_ref()).map(str::to_owned))
}

fn fault(error: StoreError) -> FileFault {
    match error {
        StoreError::File { path, fault } => {
            assert!(path.ends_with(FILE), "{}", path.display());
            fault
        }
        other => panic!("{other}"),
    }
}

/// Runs this test of this file once more, as a user who may not write every file; says so where that cannot be done.
fn as_nobody(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    // A copy: the folder in which it was built may be closed to that user.
    let program = folder.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for path in [folder.path(), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(&program);
    command.args(["--exact", test, "--nocapture"]).current_dir("/").env_remove("TMPDIR");
    match command.uid(NOBODY).gid(NOBODY).output() {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            eprintln!("SKIPPED: this user may write every file, and may not become another one: {error}");
        }
        ran => {
            let Output { status, stdout, stderr } = ran.unwrap();
            let [said, why] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            assert!(status.success() && said.contains("1 passed"), "{said}{why}");
            assert!(!why.contains("SKIPPED"), "{why}");
        }
    }
}

#[tokio::test]
async fn what_was_kept_is_there_for_the_next_process_and_for_no_other_user() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("store");
    keep(&inner, "hello").await.unwrap();
    assert_eq!(kept(&inner).await.unwrap().as_deref(), Some("hello"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&inner), mode(&inner.join(FILE))), (0o700, 0o600));
}

#[tokio::test]
async fn a_lease_of_a_process_that_died_keeps_nobody_out_and_fences_grow_over_a_restart() {
    let folder = filled().await;
    let first = Embedded::with_clock(folder.path(), HandClock::at(5));
    let one = first.acquire(&call("a"), &node("one"), TTL, Claim::Free).await.unwrap();
    vault(Arc::new(first.clone())).save(&one, 1, &context("more")).await.unwrap();
    drop(first);
    // The clock of the next process is far behind.
    let second = Embedded::with_clock(folder.path(), HandClock::at(1));
    let two = second.acquire(&call("a"), &node("two"), TTL, Claim::Free).await.unwrap();
    assert!(two.fence > one.fence, "{two:?}, {one:?}");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_with_what_to_do_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    let diary = "my diary ".repeat(1_000);
    fs::write(&file, &diary).unwrap();
    assert_eq!(fault(keep(folder.path(), "x").await.unwrap_err()), FileFault::Foreign);
    assert_eq!(fs::read_to_string(&file).unwrap(), diary);

    let folder = tempfile::tempdir().unwrap();
    let theirs: TableDefinition<'_, &str, u64> = TableDefinition::new("theirs");
    let database = Database::create(folder.path().join(FILE)).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(theirs).unwrap().insert("x", 1).unwrap();
    write.commit().unwrap();
    drop(database);
    assert_eq!(fault(keep(folder.path(), "x").await.unwrap_err()), FileFault::Foreign);
}

#[tokio::test]
async fn a_file_that_was_damaged_is_told_from_a_whole_one_and_one_in_its_place_is_taken_without_a_restart() {
    let folder = filled().await;
    let file = folder.path().join(FILE);
    let whole = fs::read(&file).unwrap();
    // Everything behind the head of the file, in which the pages lie.
    let damaged: Vec<u8> =
        whole.iter().enumerate().map(|(at, byte)| if at < 4096 { *byte } else { byte ^ 0x55 }).collect();
    fs::write(&file, damaged).unwrap();
    let store = Arc::new(Embedded::new(folder.path()));
    let saver = saver(store);
    saver.begin(&call("b"), None);
    saver.save(&call("b"), Arc::new(context("said while it was damaged")));
    until("it says so", async || saver.health().state == State::Degraded).await;
    let told = saver.health().message;
    assert!(told.contains("is damaged") && told.contains("move it away"), "{told}");
    assert!(matches!(
        saver.load(&call("a")).await,
        Err(StoreError::File { fault: FileFault::Corrupt(_), .. })
    ));
    fs::remove_file(&file).unwrap();
    until("the context is written", async || saver.health().waiting == 0).await;
    assert_eq!(saver.health().state, State::Ok);
    assert_eq!(
        words(saver.vault().load(&call("b")).await.unwrap().as_ref()),
        Some("said while it was damaged")
    );
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_with_both_versions_and_keeps_its_contents() {
    let folder = filled().await;
    let file = folder.path().join(FILE);
    let set = |schema: u64| {
        let database = Database::create(&file).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(ABOUT).unwrap().insert("schema", schema).unwrap();
        write.commit().unwrap();
    };
    set(2);
    let error = kept(folder.path()).await.unwrap_err();
    assert_eq!(error.to_string().matches("schema 2, this program reads 1").count(), 1, "{error}");
    assert_eq!(fault(error), FileFault::Newer { found: 2, reads: 1 });
    assert!(keep(folder.path(), "x").await.is_err());
    let database = Database::create(&file).unwrap();
    let about = database.begin_read().unwrap().open_table(ABOUT).unwrap();
    assert_eq!(about.get("schema").unwrap().unwrap().value(), 2);
    drop((about, database));
    set(1);
    assert_eq!(kept(folder.path()).await.unwrap().as_deref(), Some("hello"));
}

#[tokio::test]
async fn a_second_server_on_the_file_is_refused_until_the_first_has_gone() {
    let folder = filled().await;
    let first = Embedded::new(folder.path());
    first.sweep().await.unwrap();
    assert_eq!(fault(kept(folder.path()).await.unwrap_err()), FileFault::InUse);
    let second = saver(Arc::new(Embedded::new(folder.path())));
    second.begin(&call("b"), None);
    second.save(&call("b"), Arc::new(context("waits")));
    until("it waits", async || second.health().state == State::Degraded).await;
    assert!(second.health().message.contains("is used by another server"), "{:?}", second.health());
    drop(first);
    until("it is written", async || second.health().waiting == 0).await;
    assert_eq!(second.stop(PATIENCE).await, 0);
}

#[tokio::test]
async fn a_store_that_nobody_asked_for_is_done_without_where_its_file_cannot_be_used() {
    let by_default = visavis_config::Store::default();
    let asked_for = visavis_config::Store { is_asked_for: true, ..by_default.clone() };
    let folder = tempfile::tempdir().unwrap();
    let first = visavis_store::open(&by_default, folder.path(), node("one")).await.unwrap();
    assert!(first.is_some(), "it can be used");
    let second = visavis_store::open(&by_default, folder.path(), node("two")).await.unwrap();
    assert!(second.is_none(), "it is another server's");

    let file = folder.path().join("diary").join(FILE);
    fs::create_dir(file.parent().unwrap()).unwrap();
    let diary = "my diary ".repeat(1_000);
    fs::write(&file, &diary).unwrap();
    let below_a_file = file.join("store");
    for unusable in [file.parent().unwrap(), below_a_file.as_path()] {
        let none = visavis_store::open(&by_default, unusable, node("one")).await.unwrap();
        assert!(none.is_none(), "{}", unusable.display());
        let some = visavis_store::open(&asked_for, unusable, node("one")).await.unwrap();
        let saver = some.expect("it was asked for");
        until("it says why", async || saver.health().state == State::Degraded).await;
        assert!(saver.health().message.contains(FILE), "{:?}", saver.health());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), diary);
    let off = visavis_config::Store { enabled: false, ..asked_for };
    assert!(visavis_store::open(&off, folder.path(), node("one")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_told_with_what_to_do() {
    let folder = filled().await;
    let file = folder.path().join(FILE);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    if fs::OpenOptions::new().write(true).open(&file).is_ok() {
        // It is root.
        return as_nobody("a_file_that_may_not_be_written_is_told_with_what_to_do");
    }
    let error = keep(folder.path(), "x").await.unwrap_err();
    assert!(error.to_string().contains("give the server's user the right to"), "{error}");
    assert!(matches!(fault(error), FileFault::ReadOnly(_)));
}

#[tokio::test]
async fn a_wall_clock_that_is_set_back_an_hour_makes_nothing_live_longer() {
    let FileStore { store, clock, folder } = FileStore::empty();
    let vault = vault(store.clone());
    let tokens = [(); 2].map(|()| ResumeToken::generate().unwrap());
    let minute = Duration::from_secs(60);
    let first = store.acquire(&call("a"), &node("one"), minute, Claim::Free).await.unwrap();
    for token in &tokens {
        vault.put_token(&token.hash(), &Binding::of(&call("a"), "anna"), minute).await.unwrap();
    }
    clock.set_back(HOUR);
    clock.pass(minute);
    let expired = Err(RedeemError::Refused(TokenRefusal::Expired));
    assert_eq!(vault.redeem(&tokens[0], &call("a"), "anna").await, expired);
    let second = store.acquire(&call("a"), &node("two"), minute, Claim::Free).await.unwrap();
    assert!(second.fence > first.fence);
    drop((vault, store));
    // The process is started anew, an hour before it ended.
    let store = Arc::new(Embedded::with_clock(folder.path(), HandClock::at(NOW - 3_600_000)));
    assert_eq!(support::vault(store).redeem(&tokens[1], &call("a"), "anna").await, expired);
}

#[tokio::test]
async fn extended_tokens_count_at_once_and_outlive_a_process_that_dies_between_two_extensions() {
    let FileStore { store, clock, folder } = FileStore::empty();
    let vault = vault(store.clone());
    let tokens = [(); 5].map(|()| ResumeToken::generate().unwrap());
    let minute = Duration::from_secs(60);
    for token in &tokens {
        vault.put_token(&token.hash(), &Binding::of(&call("a"), "anna"), minute).await.unwrap();
    }
    // Each is extended every 10 s, a second after the one before.
    for _ in 0..12 {
        for token in &tokens {
            clock.pass(Duration::from_secs(1));
            assert_eq!(store.extend_token(&token.hash(), minute).await, Ok(Extended::Longer));
        }
        clock.pass(Duration::from_secs(5));
    }
    for token in &tokens {
        assert_eq!(vault.check(token, &call("a"), "anna").await, Ok(()));
    }
    drop((vault, store));
    // 120 s after the beginning, and 30 s more. What was written last was said at most 20 s before.
    let store = Arc::new(Embedded::with_clock(folder.path(), HandClock::at(NOW + 150_000)));
    for token in &tokens {
        assert_eq!(support::vault(store.clone()).check(token, &call("a"), "anna").await, Ok(()));
    }
}

#[tokio::test]
async fn what_is_too_old_is_swept_from_the_file() {
    let FileStore { store, clock, folder } = FileStore::empty();
    let vault = vault(store.clone());
    for id in ["a", "b"] {
        let lease = store.acquire(&call(id), &node("one"), TTL, Claim::Free).await.unwrap();
        vault.save(&lease, 1, &context("hello")).await.unwrap();
        clock.pass(KEEP / 2);
    }
    let token = ResumeToken::generate().unwrap();
    vault.put_token(&token.hash(), &Binding::of(&call("a"), "anna"), TTL).await.unwrap();
    clock.pass(TTL + TOKEN_REMEMBERED);
    store.sweep().await.unwrap();
    drop((vault, store));
    let database = Database::create(folder.path().join(FILE)).unwrap();
    let read = database.begin_read().unwrap();
    let contexts: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("contexts");
    let contexts = read.open_table(contexts).unwrap();
    let names: Vec<String> = contexts.iter().unwrap().map(|row| row.unwrap().0.value().to_owned()).collect();
    assert_eq!(names, ["b"]);
    let tokens: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("tokens");
    assert!(read.open_table(tokens).unwrap().get(token.hash().bytes()).unwrap().is_none());
}
