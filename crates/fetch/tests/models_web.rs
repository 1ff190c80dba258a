//! Fetches models from a web server that misbehaves.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod models_support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use models_support::{Response, Server, bytes, files, from_url, get, manifest, sha256, wheel_bytes};
use tempfile::tempdir;
use visavis_fetch::{FetchFailure, Options, Outcome};
use visavis_models::{FetchError, Manifest, State, state, verify};

fn get_url(dir: &Path, manifest: &Manifest) -> Result<Outcome, FetchFailure> {
    get(dir, manifest, &Options::default())
}

#[test]
fn a_broken_transfer_resumes_where_it_stopped() {
    let body = bytes(300_000);
    let server =
        Server::start(&body, &[Response::BreakAfter(200_000), Response::BreakAfter(50_000), Response::Whole]);
    let (dir, manifest) = (tempdir().unwrap(), manifest(Some(&sha256(&body)), &from_url(&server.url)));
    assert_eq!(get_url(dir.path(), &manifest).unwrap(), Outcome { present: 0, fetched: 1 });
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), body);
    assert_eq!(server.requests(), [0, 200_000, 250_000]);
    assert_eq!(files(dir.path()), [dir.path().join("m.bin")]);
}

#[test]
fn a_fetch_that_gave_up_is_resumed_by_the_next_one() {
    let body = bytes(100_000);
    let server = Server::start(&body, &[Response::BreakAfter(60_000), Response::HangUp]);
    let (dir, manifest) = (tempdir().unwrap(), manifest(Some(&sha256(&body)), &from_url(&server.url)));
    let failure = get_url(dir.path(), &manifest).unwrap_err();
    assert!(matches!(failure.error, FetchError::Network { .. }), "{failure}");
    assert!(failure.to_string().contains("check the network connection"), "{failure}");
    assert!(!dir.path().join("m.bin").exists());
    server.script.lock().unwrap().responses = vec![Response::Whole];
    get_url(dir.path(), &manifest).unwrap();
    assert_eq!(server.requests().last(), Some(&60_000));
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), body);
}

#[test]
fn a_file_that_changed_on_the_server_is_not_appended_to_the_old_part() {
    let (old, new) = (bytes(100_000), vec![9; 120_000]);
    let server = Server::start(&old, &[Response::BreakAfter(60_000), Response::HangUp]);
    let (dir, manifest) = (tempdir().unwrap(), manifest(None, &from_url(&server.url)));
    get_url(dir.path(), &manifest).unwrap_err();
    {
        let mut script = server.script.lock().unwrap();
        (script.body, script.etag, script.responses) = (new.clone(), "\"2\"".into(), vec![Response::Whole]);
    }
    get_url(dir.path(), &manifest).unwrap();
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), new);
}

#[test]
fn a_wrong_checksum_leaves_nothing_behind() {
    let server = Server::start(&bytes(5_000), &[Response::Whole]);
    let (dir, manifest) = (tempdir().unwrap(), manifest(Some(&"0".repeat(64)), &from_url(&server.url)));
    let failure = get_url(dir.path(), &manifest).unwrap_err();
    assert!(matches!(failure.error, FetchError::Checksum { .. }), "{failure}");
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());
}

#[test]
fn the_next_source_is_tried_if_one_provides_the_wrong_bytes() {
    let body = bytes(5_000);
    let (bad, good) = (Server::start(b"wrong", &[Response::Whole]), Server::start(&body, &[Response::Whole]));
    let sources = format!("{}, {}", from_url(&bad.url), from_url(&good.url));
    let (dir, manifest) = (tempdir().unwrap(), manifest(Some(&sha256(&body)), &sources));
    get_url(dir.path(), &manifest).unwrap();
    assert_eq!((bad.requests().len(), good.requests().len()), (1, 1));
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), body);
}

#[test]
fn two_concurrent_fetches_download_once() {
    let body = bytes(2_000_000);
    let server = Server::start(&body, &[Response::Whole]);
    let (dir, manifest) = (tempdir().unwrap(), manifest(Some(&sha256(&body)), &from_url(&server.url)));
    let mut fetched: Vec<usize> = std::thread::scope(|scope| {
        let one = || get_url(dir.path(), &manifest).unwrap().fetched;
        [scope.spawn(one), scope.spawn(one)].map(|thread| thread.join().unwrap()).into()
    });
    fetched.sort_unstable();
    assert_eq!(fetched, [0, 1]);
    assert_eq!(server.requests(), [0]);
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), body);
}

#[test]
fn a_checked_model_is_not_read_again_by_fetch_but_is_by_verify() {
    let body = bytes(5_000);
    let server = Server::start(&body, &[Response::Whole]);
    let (dir, manifest) = (tempdir().unwrap(), manifest(Some(&sha256(&body)), &from_url(&server.url)));
    get_url(dir.path(), &manifest).unwrap();
    let (path, model) = (dir.path().join("m.bin"), manifest.model("m").unwrap());
    assert_eq!(verify(dir.path(), model).unwrap(), Some(State::Verified));
    // Damage that changes neither size nor modification time.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all(b"damage").unwrap();
    file.set_modified(modified).unwrap();
    assert_eq!(get_url(dir.path(), &manifest).unwrap(), Outcome { present: 1, fetched: 0 });
    let error = verify(dir.path(), model).unwrap_err();
    assert!(matches!(error, FetchError::Checksum { .. }), "{error}");
}

#[test]
fn a_model_without_a_checksum_is_unverified_and_checked_for_changes() {
    let server = Server::start(&bytes(5_000), &[Response::Whole]);
    let (dir, manifest) = (tempdir().unwrap(), manifest(None, &from_url(&server.url)));
    get_url(dir.path(), &manifest).unwrap();
    let model = manifest.model("m").unwrap();
    assert_eq!(state(dir.path(), model), State::NoChecksum);
    assert!(State::NoChecksum.as_str().contains("not verified: the manifest has no checksum"));
    fs::write(dir.path().join("m.bin"), bytes(4_999)).unwrap();
    assert!(matches!(verify(dir.path(), model), Err(FetchError::Checksum { .. })));
}

#[test]
fn a_file_put_there_by_hand_is_accepted_if_right_and_replaced_if_wrong() {
    let body = bytes(5_000);
    let server = Server::start(&body, &[Response::Whole]);
    let (dir, manifest) = (tempdir().unwrap(), manifest(Some(&sha256(&body)), &from_url(&server.url)));
    fs::write(dir.path().join("m.bin"), &body).unwrap();
    assert_eq!(get_url(dir.path(), &manifest).unwrap().present, 1);
    assert_eq!(server.requests().len(), 0);
    fs::write(dir.path().join("m.bin"), b"something else").unwrap();
    assert_eq!(get_url(dir.path(), &manifest).unwrap().fetched, 1);
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), body);
}

#[test]
fn a_truncated_archive_is_reported_as_damaged_and_deleted() {
    let archive = wheel_bytes("demo", "demo/data.bin", &bytes(50_000));
    let server = Server::start(&archive[..archive.len() / 2], &[Response::Whole]);
    let url = server.url.replace("model.bin", "demo.zip");
    let source = format!("{{ parts = [{{ url = {url:?}, member = \"demo/data.bin\" }}] }}");
    let (dir, manifest) = (tempdir().unwrap(), manifest(None, &source));
    let failure = get_url(dir.path(), &manifest).unwrap_err();
    assert!(matches!(failure.error, FetchError::Damaged { .. }), "{failure}");
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());
}
