use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use super::*;

/// A file that begins like a WAV file of 24 kHz.
fn wave(length: usize) -> Vec<u8> {
    let mut file = b"RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0".to_vec();
    file.resize(length, 7);
    file
}

fn fields(name: &str) -> Fields {
    Fields {
        name: name.into(),
        language: "de".into(),
        words: " Guten Morgen. ".into(),
        consent: "Ada Lovelace, by mail, 2 May 2025".into(),
    }
}

fn put(dir: &Path, name: &str) -> Result<ClonedVoice, Refused> {
    add(dir, fields(name), &wave(1_000), SystemTime::UNIX_EPOCH + Duration::from_secs(1_746_144_000))
}

fn files(dir: &Path) -> HashSet<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != ".lock").collect()
}

#[test]
fn a_voice_is_found_once_it_is_added_and_gone_once_it_is_removed() {
    let models = tempfile::tempdir().unwrap();
    let dir = models.path().join("deep/clones");
    assert!(list(&dir).is_empty() && find(&dir, "ada").is_none());
    let added = put(&dir, "ada").unwrap();
    assert_eq!((added.language.as_str(), added.words.as_str()), ("de", "Guten Morgen."));
    assert_eq!((&added.clip, added.added.as_str()), (&dir.join("ada.wav"), "2025-05-02T00:00:00Z"));
    assert_eq!((fs::read(&added.clip).unwrap(), sample_rate(&added.clip).unwrap()), (wave(1_000), 24_000));
    put(&dir, "Zoe").unwrap();
    assert_eq!(list(&dir).iter().map(|voice| voice.name.as_str()).collect::<Vec<_>>(), ["Zoe", "ada"]);
    assert_eq!(find(&dir, "ada"), Some(added));
    assert!(since(&dir, "ada").is_some() && since(&dir, "eve").is_none() && since(&dir, "../Zoe").is_none());
    assert_eq!(find(&dir, "../deep/clones/ada"), None);
    remove(&dir, "ada").unwrap();
    assert!(matches!(remove(&dir, "ada"), Err(Refused::Missing(_))));
    assert_eq!(since(&dir, "ada"), None);
    assert_eq!(files(&dir), HashSet::from(["Zoe.wav".to_owned(), "Zoe.json".to_owned()]));
}

#[test]
fn only_the_user_who_adds_a_voice_can_read_it() {
    let models = tempfile::tempdir().unwrap();
    let dir = models.path().join("clones");
    put(&dir, "ada").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!((mode(&dir.join("ada.wav")), mode(&dir.join("ada.json"))), (0o600, 0o600));
}

#[test]
fn of_voices_of_one_name_that_are_added_at_once_exactly_one_is_kept_whole() {
    let models = tempfile::tempdir().unwrap();
    let dir = models.path().join("clones");
    let one = |length: usize| add(&dir, fields("ada"), &wave(length), SystemTime::UNIX_EPOCH);
    let added: Vec<_> = std::thread::scope(|scope| {
        let adding: Vec<_> = (0..8).map(|n| scope.spawn(move || (n, one(1_000 + n)))).collect();
        adding.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (kept, refused): (Vec<_>, Vec<_>) = added.into_iter().partition(|(_, added)| added.is_ok());
    let [(winner, _)] = &kept[..] else { panic!("{kept:?}") };
    let told: Vec<String> = refused.into_iter().map(|(_, added)| added.unwrap_err().to_string()).collect();
    assert!(told.iter().all(|fault| fault.contains("ada is a cloned voice already")), "{told:?}");
    let Scan { voices, faults } = scan(&dir);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(fs::read(&voices[0].clip).unwrap(), wave(1_000 + winner));
    assert_eq!(files(&dir), HashSet::from(["ada.wav".to_owned(), "ada.json".to_owned()]));
}

#[test]
fn a_field_beyond_its_limit_is_refused_with_the_limit_and_nothing_is_written() {
    let models = tempfile::tempdir().unwrap();
    let dir = models.path().join("clones");
    let ada = || fields("ada");
    for (fields, told) in [
        (fields("../ada"), "name: \"../ada\" cannot be a voice's name"),
        (fields("a#1"), "name: \"a#1\" cannot be"),
        (
            Fields { consent: " yes ".into(), ..ada() },
            "consent: has 3 characters, at least 8: say who agreed",
        ),
        (Fields { consent: "a".repeat(501), ..ada() }, "consent: has 501 characters, at most 500"),
        (Fields { words: "a".repeat(2001), ..ada() }, "words: has 2001 characters, at most 2000"),
        (Fields { words: "a\u{1b}[1m".into(), ..ada() }, "words: holds a control character"),
        (Fields { language: "deu".into(), ..ada() }, "language: \"deu\" is not two letters"),
    ] {
        let refused = add(&dir, fields, &wave(1_000), SystemTime::UNIX_EPOCH).unwrap_err();
        assert!(matches!(refused, Refused::Field { .. }), "{refused:?}");
        assert!(refused.to_string().starts_with(told), "{told}: {refused}");
    }
    assert!(!dir.exists());
    assert!(remove(&dir, "../ada").unwrap_err().to_string().contains("cannot be a voice's name"));
}

#[test]
fn a_voice_that_is_not_whole_is_left_out_with_what_to_do_and_can_be_removed() {
    let models = tempfile::tempdir().unwrap();
    let dir = models.path().join("clones");
    for name in ["whole", "short", "swapped", "no-clip", "no-json", "other", "renamed"] {
        put(&dir, name).unwrap();
    }
    fs::write(dir.join("short.wav"), wave(999)).unwrap();
    fs::write(dir.join("swapped.wav"), vec![8; 1_000]).unwrap();
    fs::remove_file(dir.join("no-clip.wav")).unwrap();
    fs::remove_file(dir.join("no-json.json")).unwrap();
    fs::write(dir.join("other.json"), "[1, 2]").unwrap();
    fs::copy(dir.join("whole.json"), dir.join("renamed.json")).unwrap();
    fs::write(dir.join("a b.json"), "{}").unwrap();
    let Scan { voices, faults } = scan(&dir);
    assert_eq!(voices.iter().map(|voice| voice.name.as_str()).collect::<Vec<_>>(), ["whole"]);
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for (file, fix) in [
        ("short.wav", "not the clip that was checked; remove the voice"),
        ("swapped.wav", "not the clip that was checked"),
        ("no-clip.json", "its clip no-clip.wav is not beside it"),
        ("no-json.wav", "its description no-json.json is not beside it"),
        ("other.json", "does not describe a cloned voice"),
        ("renamed.json", "it names \"whole\""),
        ("a b.json", "cannot be a voice's name"),
    ] {
        let start = format!("{}: ", dir.join(file).display());
        let fault = told.iter().find(|fault| fault.starts_with(&start));
        assert!(fault.is_some_and(|fault| fault.contains(fix)), "{file}: {told:#?}");
    }
    assert_eq!(told.len(), 7, "{told:#?}");
    // Listing compares no checksums, because it is frequent.
    assert_eq!(list(&dir).len(), 2);
    for name in ["short", "no-clip", "no-json", "other"] {
        remove(&dir, name).unwrap();
        put(&dir, name).unwrap();
    }
}

#[test]
fn what_a_killed_process_left_is_no_voice_and_goes_with_the_next_change() {
    let models = tempfile::tempdir().unwrap();
    let dir = models.path().join("clones");
    put(&dir, "ada").unwrap();
    fs::write(dir.join(".adding-x1y2z3"), wave(500)).unwrap();
    assert_eq!((list(&dir).len(), scan(&dir).faults.len()), (1, 0));
    remove(&dir, "ada").unwrap();
    assert!(files(&dir).is_empty(), "{:?}", files(&dir));
}
