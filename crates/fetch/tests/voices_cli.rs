//! The `voices` commands, run from a command line.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod voices_command;
mod voices_support;

use std::fs;
use std::path::Path;

use tempfile::tempdir;
use visavis_fetch::voices::{Other, Places};
use voices_command::run;
use voices_support::{Site, json, onnx, put};

/// A folder of models with the profile's voice `joe`, and a voices folder in it.
fn places(dir: &Path) -> Places {
    put(dir, "joe", &json("en", 1));
    let joe =
        Other { file: dir.join("joe.onnx"), licence: Some("CC0-1.0".into()), from: "profile tiny".into() };
    Places { folder: dir.join("voices"), clones: dir.join("clones"), others: vec![joe] }
}

/// Names of the files in the voices folder, but for the lock.
fn installed(places: &Places) -> Vec<String> {
    let Ok(entries) = fs::read_dir(&places.folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}

#[test]
fn a_voice_is_added_from_a_file_listed_and_removed() {
    let (dir, from) = (tempdir().unwrap(), tempdir().unwrap());
    let places = places(dir.path());
    put(from.path(), "mls", &json("nl", 52));
    let file = from.path().join("mls.onnx");
    let told = run(&places, &["add", file.to_str().unwrap()]).unwrap();
    assert!(told.contains("Added mls (nl_XX, 22050 Hz, 52 speakers)"), "{told}");
    assert_eq!(installed(&places), ["mls.onnx", "mls.onnx.json"]);

    let table = run(&places, &["list"]).unwrap();
    let row = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(row("joe")[..6], ["joe", "en", "en_XX", "22050", "1", "CC0-1.0"]);
    assert_eq!(row("mls")[..6], ["mls", "nl", "nl_XX", "22050", "52", "-"]);
    let list: serde_json::Value = serde_json::from_str(&run(&places, &["list", "--json"]).unwrap()).unwrap();
    assert_eq!(list["voices"][1]["speakers"], 52);
    assert!(list["voices"][1]["licence"].is_null());

    let told = run(&places, &["remove", "mls"]).unwrap();
    assert!(told.contains("mls.onnx.json"), "{told}");
    assert!(installed(&places).is_empty());
}

#[test]
fn a_voice_is_added_from_the_web_under_a_name_of_choice() {
    let dir = tempdir().unwrap();
    let places = places(dir.path());
    let site = Site::start(&[("/v/a.onnx", onnx(1)), ("/v/a.onnx.json", json("ru", 1).into_bytes())]);
    let address = site.address("/v/a.onnx?download=true");
    run(&places, &["add", &address, "--name", "irina", "--quiet"]).unwrap();
    assert_eq!(installed(&places), ["irina.onnx", "irina.onnx.json"]);
    assert!(run(&places, &["list"]).unwrap().contains("irina"));
}

#[test]
fn a_voice_that_is_there_is_replaced_only_by_force() {
    let (dir, from) = (tempdir().unwrap(), tempdir().unwrap());
    let places = places(dir.path());
    let file = from.path().join("mls.onnx");
    let file = file.to_str().unwrap();
    put(from.path(), "mls", &json("nl", 1));
    run(&places, &["add", file]).unwrap();
    put(from.path(), "mls", &json("de", 1));
    let refused = run(&places, &["add", file]).unwrap_err();
    assert!(refused.contains("there already") && refused.contains("--force"), "{refused}");
    run(&places, &["add", file, "--force"]).unwrap();
    let description = fs::read_to_string(places.folder.join("mls.onnx.json")).unwrap();
    assert_eq!(description, json("de", 1));
    let refused = run(&places, &["add", file, "--name", "joe", "--force"]).unwrap_err();
    assert!(refused.contains("joe is a voice of profile tiny already"), "{refused}");
}

#[test]
fn a_command_waits_for_another_and_then_looks_again() {
    let (dir, from) = (tempdir().unwrap(), tempdir().unwrap());
    let places = places(dir.path());
    put(from.path(), "mls", &json("nl", 1));
    let file = from.path().join("mls.onnx");
    fs::create_dir(&places.folder).unwrap();
    let lock = fs::File::create(places.folder.join(".lock")).unwrap();
    lock.lock().unwrap();
    let other = places.clone();
    let adding = std::thread::spawn(move || run(&other, &["add", file.to_str().unwrap(), "--quiet"]));
    let other = places.clone();
    let removing = std::thread::spawn(move || run(&other, &["remove", "old"]));
    std::thread::sleep(std::time::Duration::from_millis(300));
    for name in ["mls", "old"] {
        put(&places.folder, name, &json("de", 1));
    }
    drop(lock);
    let refused = adding.join().unwrap().unwrap_err();
    assert!(refused.contains("there already"), "{refused}");
    assert!(removing.join().unwrap().is_ok());
    assert_eq!(installed(&places), ["mls.onnx", "mls.onnx.json"]);
}

#[test]
fn a_replacement_that_breaks_off_leaves_no_network_beside_a_description_of_another() {
    let (dir, from) = (tempdir().unwrap(), tempdir().unwrap());
    let places = places(dir.path());
    put(from.path(), "mls", &json("nl", 1));
    // A folder in place of the description, which is installed first, makes the installation fail.
    fs::create_dir_all(places.folder.join("mls.onnx.json").join("x")).unwrap();
    fs::write(places.folder.join("mls.onnx"), "old").unwrap();
    let file = from.path().join("mls.onnx");
    let failed = run(&places, &["add", file.to_str().unwrap(), "--force", "--quiet"]).unwrap_err();
    assert!(failed.contains("cannot add mls"), "{failed}");
    assert!(!places.folder.join("mls.onnx").exists());
}

#[test]
fn links_that_lead_nowhere_are_replaced_only_by_force_and_can_be_removed() {
    let (dir, from) = (tempdir().unwrap(), tempdir().unwrap());
    let places = places(dir.path());
    put(from.path(), "mls", &json("nl", 1));
    let file = from.path().join("mls.onnx");
    fs::create_dir(&places.folder).unwrap();
    let link = |name: &str| std::os::unix::fs::symlink("/nowhere", places.folder.join(name)).unwrap();
    link("mls.onnx");
    let refused = run(&places, &["add", file.to_str().unwrap()]).unwrap_err();
    assert!(refused.contains("there already"), "{refused}");
    run(&places, &["add", file.to_str().unwrap(), "--force"]).unwrap();
    assert!(places.folder.join("mls.onnx").is_file());
    run(&places, &["remove", "mls"]).unwrap();
    ["mls.onnx", "mls.onnx.json"].into_iter().for_each(link);
    run(&places, &["remove", "mls"]).unwrap();
    assert!(installed(&places).is_empty());
}

#[test]
fn the_voices_of_kokoro_are_listed_by_name_and_other_files_beside_a_network_are_no_voices() {
    let dir = tempdir().unwrap();
    let mut places = places(dir.path());
    let kokoro = dir.path().join("kokoro");
    fs::create_dir(&kokoro).unwrap();
    fs::write(kokoro.join("kokoro.onnx"), "").unwrap();
    let style =
        |folder: &Path, name: &str| fs::File::create(folder.join(name)).unwrap().set_len(522_240).unwrap();
    for name in ["bf_emma.bin", "pm_alex.bin", "jf_alpha.bin", "whisper-base.bin"] {
        style(&kokoro, name);
    }
    fs::write(dir.path().join("alone.onnx"), onnx(1)).unwrap();
    style(dir.path(), "whisper-base.bin");
    let other = |file: &str| Other { file: dir.path().join(file), licence: None, from: "tts.voices".into() };
    places.others.extend(["kokoro/kokoro.onnx", "alone.onnx"].map(other));
    let list: serde_json::Value = serde_json::from_str(&run(&places, &["list", "--json"]).unwrap()).unwrap();
    let voices: Vec<[&str; 3]> = list["voices"].as_array().unwrap()[1..]
        .iter()
        .map(|voice| ["name", "language", "locale"].map(|field| voice[field].as_str().unwrap()))
        .collect();
    assert_eq!(voices, [["bf_emma", "en", "en_GB"], ["pm_alex", "pt", "pt_BR"]]);
    let [unusable] = &list["unusable"].as_array().unwrap()[..] else { panic!("{list}") };
    assert!(unusable["message"].as_str().unwrap().contains("alone.onnx.json is not beside it"), "{unusable}");
}

#[test]
fn what_is_no_voice_is_refused_with_what_to_do_and_nothing_is_installed() {
    let (dir, from) = (tempdir().unwrap(), tempdir().unwrap());
    let places = places(dir.path());
    let model = |name: &str| from.path().join(format!("{name}.onnx"));
    for name in ["short", "other", "good"] {
        put(from.path(), name, &json("nl", 1));
    }
    fs::write(model("alone"), onnx(1)).unwrap();
    let whole = onnx(1);
    fs::write(model("short"), &whole[..whole.len() - 10]).unwrap();
    fs::write(from.path().join("other.onnx.json"), "{\"model\": 1}").unwrap();
    for (file, name, why) in [
        (model("alone"), "x", "alone.onnx.json is not beside it; put it there"),
        (model("short"), "x", "cut short"),
        (model("other"), "x", "does not describe a Piper voice"),
        (model("none"), "x", "there is no file"),
        (from.path().join("good.onnx.json"), "x", "name its .onnx"),
        (model("good"), "../x", "cannot be a voice's name"),
        (model("good"), "a#1", "cannot be a voice's name"),
    ] {
        let refused = run(&places, &["add", file.to_str().unwrap(), "--name", name]).unwrap_err();
        assert!(refused.contains(why), "{}: {refused}", file.display());
        let left = installed(&places);
        assert!(!left.iter().any(|name| name.contains("onnx")), "{left:?}");
    }
    let refused = run(&places, &["add", "voice.bin"]).unwrap_err();
    assert!(refused.contains("does not end in .onnx") && refused.contains("--name"), "{refused}");
}

#[test]
fn an_address_of_a_page_or_of_nothing_is_refused_with_what_to_do() {
    let dir = tempdir().unwrap();
    let places = places(dir.path());
    let page = b"<!DOCTYPE html><html><body>Sign in</body></html>".to_vec();
    let site = Site::start(&[
        ("/page.onnx", page.clone()),
        ("/page.onnx.json", page.clone()),
        ("/half.onnx", page),
        ("/half.onnx.json", json("nl", 1).into_bytes()),
        ("/only.onnx", onnx(1)),
    ]);
    for (path, why) in [
        ("/page.onnx", "page.onnx.json answers with a web page; name the address of the file itself"),
        ("/half.onnx", "half.onnx answers with a web page"),
        ("/only.onnx", "only.onnx.json was refused (404 Not Found); check the address"),
    ] {
        let refused = run(&places, &["add", &site.address(path), "--quiet"]).unwrap_err();
        assert!(refused.contains(why), "{path}: {refused}");
        let left = installed(&places);
        assert!(!left.iter().any(|name| name.ends_with("onnx") || name.ends_with("json")), "{left:?}");
    }
}

#[test]
fn only_voices_of_the_folder_are_removed() {
    let dir = tempdir().unwrap();
    let places = places(dir.path());
    for (name, why) in [
        ("joe", "joe is a voice of profile tiny"),
        ("bob", "`visavis voices list` shows"),
        ("../joe", "cannot be a voice's name"),
        ("/joe", "cannot be a voice's name"),
    ] {
        let refused = run(&places, &["remove", name]).unwrap_err();
        assert!(refused.contains(why), "{name}: {refused}");
    }
    assert!(dir.path().join("joe.onnx").exists());
}

#[test]
fn a_voice_of_the_profile_that_was_not_fetched_is_listed_with_how_to_fetch_it() {
    let dir = tempdir().unwrap();
    let places = places(dir.path());
    fs::remove_file(dir.path().join("joe.onnx")).unwrap();
    let table = run(&places, &["list"]).unwrap();
    assert!(table.contains("joe.onnx: it is not there; fetch it with `visavis models fetch`"), "{table}");
}

#[test]
fn files_that_cannot_be_used_are_listed_with_what_to_do() {
    let dir = tempdir().unwrap();
    let places = places(dir.path());
    fs::create_dir(&places.folder).unwrap();
    fs::write(places.folder.join("alone.onnx"), onnx(1)).unwrap();
    let table = run(&places, &["list"]).unwrap();
    assert!(table.contains("Not usable:") && table.contains("put it there, or remove"), "{table}");
    let list: serde_json::Value = serde_json::from_str(&run(&places, &["list", "--json"]).unwrap()).unwrap();
    assert!(list["unusable"][0]["file"].as_str().unwrap().ends_with("alone.onnx"), "{list}");
    run(&places, &["remove", "alone"]).unwrap();
    assert!(installed(&places).is_empty());
}
