//! Adversarial texts for espeak-ng, spoken in a child process so that the test can detect a crash.

use std::process::{Command, Stdio};

use super::Espeak;

/// Texts that crashed espeak-ng, as a unit and its number of repetitions.
const CRASHED: [(&str, usize); 8] = [
    ("'s", 119),
    ("’s", 119),
    ("a.b.", 100),
    ("A.B.C.D.", 60),
    ("un", 300),
    ("a.b. ", 100),
    ("..ё", 80),
    ("ω\u{93c} ", 40),
];
const ATOMS: [&str; 64] = [
    "'s", "a.b.", "'", "’", "`", ".", "..", "-", "--", "a", "B", "1", "é", "ж", "中", "م", "ก", "_", "/",
    "\\", "@", "#", "$", "€", "%", "&", "(", ")", "[[", "]]", "{", "<b>", "\"", "“", "^", "~", "*", "+", "=",
    ":", "!", "?", ",", "\u{301}", "\u{200d}", "\u{ad}", "\0", "n't", "un", "1.5", "1,000", "10:30",
    "http://", "XIV", "ß", "½", "😀", "한", "あ", "क", "\u{93c}", "©", "ω", " ",
];
const VOICES: [&str; 9] = ["en-us", "de", "fr", "es", "it", "ru", "en", "pt-br", "hi"];

/// A small random generator with a fixed seed: the same texts every time.
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

fn texts() -> impl Iterator<Item = String> {
    let mut rng = Rng(9);
    let made = std::iter::repeat_with(move || {
        let count = 1 + rng.below(4);
        let unit: String = (0..count).map(|_| ATOMS[rng.below(ATOMS.len())]).collect();
        unit.repeat([1, 3, 8, 20, 60, 150, 300][rng.below(7)])
    });
    CRASHED.iter().map(|(unit, times)| unit.repeat(*times)).chain(made.take(3000))
}

/// Runs in the child process.
#[test]
#[ignore = "run by the test below in a child process"]
fn speaks_all() {
    let mut espeak = Espeak::start(None).expect("the data are installed");
    for (text, voice) in texts().zip(VOICES.iter().cycle()) {
        espeak.select(voice).expect("the voice is installed");
        let ipa = espeak.phonemes(&text);
        assert!(!ipa.contains('\u{fffd}'), "{text:?}: {ipa}");
    }
    // Overwritten memory would show in later speech.
    espeak.select("en-us").expect("the voice is installed");
    assert_eq!(espeak.phonemes("hello"), "həlˈoʊ");
}

#[test]
fn no_text_crashes_the_process_or_corrupts_later_speech() {
    let own = std::env::current_exe().expect("the test program has a path");
    let child = Command::new(own)
        .args(["--exact", "espeak::adversarial::speaks_all", "--ignored"])
        .stdin(Stdio::null())
        .output()
        .expect("the test program starts");
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{}: {said}", child.status);
}
