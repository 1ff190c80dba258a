//! Checks, by phonemes, that the normalised text of each golden case sounds like the words that people say.

use crate::espeak::Espeak;
use crate::say::say;
use crate::text::parts;
use crate::words::words;

/// The sounds of a text, without stress and spaces; vowels that espeak-ng confuses are made equal.
fn sounds(espeak: &mut Espeak, text: &str) -> String {
    let mut sounds = String::new();
    for part in parts(text) {
        for clause in part.clauses {
            let words = words(text, clause.range.clone());
            sounds += &espeak.phonemes(&say(text, clause.range, &words).text);
        }
    }
    let same = |c: char| match c {
        'o' => 'ɔ',
        'ᵻ' | 'i' => 'ɪ',
        'e' => 'ɛ',
        'u' => 'ʊ',
        c => c,
    };
    // Length is ignored: "duemila" is long in one text and short in the other.
    sounds.chars().filter(|c| !matches!(c, 'ˈ' | 'ˌ' | ' ' | 'ː')).map(same).collect()
}

fn voice(language: &str) -> &str {
    match language {
        "en" => "en-us",
        language => language,
    }
}

#[test]
fn every_field_case_sounds_like_its_words() {
    let mut espeak = Espeak::start(None).expect("espeak-ng's data is installed");
    let mut wrong = String::new();
    let cases = include_str!("../../../tests/golden/speakable/field.txt");
    for line in cases.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let (language, rest) = line.split_once(" | ").expect("language | written");
        let (_, rest) = rest.split_once(" => ").expect("written => spoken");
        let (spoken, in_words) = rest.rsplit_once(" ~ ").expect("spoken ~ in words");
        espeak
            .select(voice(language.split('-').next().unwrap_or(language)))
            .expect("espeak-ng has the voice");
        let (said, wanted) = (sounds(&mut espeak, spoken), sounds(&mut espeak, in_words));
        if said != wanted {
            wrong += &format!("\n{language}: {spoken:?} sounds like {said}, but {in_words:?} like {wanted}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
