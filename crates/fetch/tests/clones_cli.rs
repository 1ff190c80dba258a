//! `voices clone`, and cloned voices in the other `voices` commands, run from a command line.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod voices_command;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::tempdir;
use visavis_fetch::voices::{Other, Places};
use visavis_media::audio::wav;
use visavis_media::clip::Clip;
use visavis_models::clones;
use voices_command::run;

const CONSENT: &str = "Ada Lovelace, by mail, 2 May 2025";

/// Folders of voices and clones, and the profile's voice `joe`.
fn places(dir: &Path) -> Places {
    let joe = Other { file: dir.join("joe.onnx"), licence: None, from: "profile tiny".into() };
    Places { folder: dir.join("voices"), clones: dir.join("clones"), others: vec![joe] }
}

fn clone(places: &Places, name: &str, clip: &Path, consent: &str) -> Result<String, String> {
    run(places, &["clone", "--name", name, "--clip", clip.to_str().unwrap(), "--consent", consent])
}

/// A clip of a recorded question, repeated this many times; each takes 1.8 s.
fn clip(dir: &Path, times: usize) -> PathBuf {
    let question = include_bytes!("../../../tests/browser/question.wav");
    let samples = wav::read(&question[..], 22_050).unwrap().repeat(times);
    let file = dir.join(format!("asked-{times}.wav"));
    fs::write(&file, Clip { rate: 22_050, samples, warnings: Vec::new() }.wave()).unwrap();
    file
}

#[test]
fn a_voice_is_cloned_listed_with_its_consent_and_removed() {
    let dir = tempdir().unwrap();
    let places = places(dir.path());
    let clip = clip(dir.path(), 4);
    let told = clone(&places, "ada", &clip, CONSENT).unwrap();
    assert!(told.starts_with("Cloned ada (en, 7.1 s, 22050 Hz) to "), "{told}");
    let table = run(&places, &["list"]).unwrap();
    let row = table.lines().find(|line| line.starts_with("ada ")).unwrap_or_default();
    assert!(row.contains("22050") && row.contains("ada.wav") && row.ends_with(CONSENT), "{table}");
    let list: serde_json::Value = serde_json::from_str(&run(&places, &["list", "--json"]).unwrap()).unwrap();
    assert_eq!((&list["cloned"][0]["name"], &list["cloned"][0]["consent"]), (&"ada".into(), &CONSENT.into()));
    let told = run(&places, &["remove", "ada"]).unwrap();
    assert!(told.contains("Removed the cloned voice ada, its clip and its description"), "{told}");
    assert!(clones::list(&places.clones).is_empty() && !places.clones.join("ada.wav").exists());
    let refused = run(&places, &["remove", "ada"]).unwrap_err();
    assert!(refused.contains("there is no voice ada"), "{refused}");
}

#[test]
fn a_name_belongs_to_one_voice_of_any_kind() {
    let dir = tempdir().unwrap();
    let places = places(dir.path());
    let clip = clip(dir.path(), 4);
    clone(&places, "ada", &clip, CONSENT).unwrap();
    let refused = clone(&places, "ada", &clip, CONSENT).unwrap_err();
    assert!(refused.contains("ada is a cloned voice already"), "{refused}");
    let refused = clone(&places, "joe", &clip, CONSENT).unwrap_err();
    assert!(refused.contains("joe is a voice of profile tiny already"), "{refused}");
    let refused = run(&places, &["add", "/nowhere/ada.onnx"]).unwrap_err();
    assert!(refused.contains("ada is a cloned voice already"), "{refused}");
}

#[test]
fn what_cannot_be_cloned_is_refused_with_what_to_do_and_nothing_is_kept() {
    let dir = tempdir().unwrap();
    let places = places(dir.path());
    let (good, short) = (clip(dir.path(), 4), clip(dir.path(), 2));
    let page = dir.path().join("page.wav");
    fs::write(&page, "<!DOCTYPE html>").unwrap();
    let large = dir.path().join("large.wav");
    fs::File::create(&large).unwrap().set_len(200 << 20).unwrap();
    for (name, file, consent, told) in [
        ("ada", &good, "yes", "consent: has 3 characters, at least 8"),
        ("../ada", &good, CONSENT, "cannot be a voice's name"),
        ("ada", &short, CONSENT, "s long; make it 6 to 20 s"),
        ("ada", &page, CONSENT, "not a WAV file"),
        ("ada", &large, CONSENT, "larger than 8 MiB"),
        ("ada", &dir.path().join("none.wav"), CONSENT, "none.wav cannot be read"),
    ] {
        let refused = clone(&places, name, file, consent).unwrap_err();
        assert!(refused.contains(told), "{told}: {refused}");
    }
    let refused = run(&places, &["clone", "--name", "ada", "--clip", good.to_str().unwrap()]).unwrap_err();
    assert!(refused.contains("--consent"), "{refused}");
    assert!(!places.clones.exists());
}

#[test]
fn a_voice_that_is_not_whole_is_listed_with_what_to_do() {
    let dir = tempdir().unwrap();
    let places = places(dir.path());
    clone(&places, "ada", &clip(dir.path(), 4), CONSENT).unwrap();
    fs::write(places.clones.join("ada.wav"), "other").unwrap();
    let table = run(&places, &["list"]).unwrap();
    assert!(table.contains("ada.wav: it is not the clip that was checked; remove the voice"), "{table}");
    run(&places, &["remove", "ada"]).unwrap();
    assert!(clones::scan(&places.clones).faults.is_empty());
}
