use proptest::prelude::*;

use super::*;

fn golden(language: &str) -> Vec<(&'static str, &'static str)> {
    let text = match language {
        "en" => include_str!("../../../../tests/golden/speakable/en.txt"),
        "de" => include_str!("../../../../tests/golden/speakable/de.txt"),
        "fr" => include_str!("../../../../tests/golden/speakable/fr.txt"),
        "it" => include_str!("../../../../tests/golden/speakable/it.txt"),
        _ => include_str!("../../../../tests/golden/speakable/es.txt"),
    };
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(|line| line.split_once(" => ").expect("written => spoken")).collect()
}

const LANGUAGES: [&str; 5] = ["en", "de", "fr", "it", "es"];

#[test]
fn every_golden_case_is_said_as_expected() {
    let mut wrong = String::new();
    for language in LANGUAGES {
        for (written, spoken) in golden(language) {
            let said = speakable(written, language).text;
            if said != spoken {
                wrong += &format!("\n{language}: {written:?} is said {said:?}, not {spoken:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn spoken_text_is_unchanged_by_normalising_it_again() {
    for language in LANGUAGES {
        for (_, spoken) in golden(language) {
            assert_eq!(speakable(spoken, language).text, spoken, "{language}");
        }
    }
}

#[test]
fn markup_and_pictographs_are_not_read() {
    for (written, spoken) in [
        ("**Paris** is the _capital_! 🇫🇷🎉", "Paris is the capital!"),
        ("# Facts", "Facts"),
        ("- one `code` word", "one code word"),
        ("See [the docs](https://example.org/a/b) now", "See the docs now"),
        ("👍🏽 ✅", ""),
        ("***", ""),
        ("", ""),
        ("```rust\nlet a;\n```", "let a;"),
    ] {
        assert_eq!(speakable(written, "en").text, spoken, "{written}");
    }
}

#[test]
fn every_written_word_has_the_range_that_says_it() {
    let said = speakable("Pay **$12.50** 🎉 to 555-0199, Dr. Who.", "en");
    let pairs: Vec<_> =
        said.words.iter().map(|word| (word.word.as_str(), &said.text[word.spoken.clone()])).collect();
    assert_eq!(
        pairs,
        [
            ("Pay", "Pay"),
            ("**$12.50**", "12 dollars and 50 cents"),
            ("to", "to"),
            ("555-0199,", "5 5 5, 0 1 9 9,"),
            ("Dr.", "Doctor"),
            ("Who.", "Who.")
        ]
    );
}

proptest! {
    #[test]
    fn text_with_letters_or_digits_is_never_silent_and_nothing_panics(
        text in r"([a-zA-Z0-9äß.,:;!?€$%°@#&+=/<>~*_`'()\[\]–—-]{1,12}|[ \n]|\PC{1,3}){0,12}",
        language in prop::sample::select(vec!["en", "de", "fr", "it", "es", "nl", "", "xx-YY"]),
    ) {
        let said = speakable(&text, language);
        prop_assert!(!said.text.is_empty() || !text.chars().any(char::is_alphanumeric), "{:?}", said);
        let mut end = 0;
        for word in &said.words {
            prop_assert!(word.spoken.start >= end && word.spoken.end <= said.text.len());
            prop_assert!(said.text.is_char_boundary(word.spoken.start) && said.text.is_char_boundary(word.spoken.end));
            end = word.spoken.end;
        }
    }
    #[test]
    fn every_written_word_is_said(
        text in r"([a-zA-Z0-9äß.,:;!?€%°@#+=/<>~*_'()^–—x-]{1,10}[ \n]{1,2}){0,12}",
        language in prop::sample::select(vec!["en", "en-GB", "de", "fr", "it", "es", "nl"]),
    ) {
        let said = speakable(&text, language);
        let sounding = |word: &&str| word.chars().any(|c| c.is_alphanumeric());
        let written: Vec<&str> = text.split_whitespace().filter(sounding).collect();
        let told = said.words.iter().map(|word| word.word.as_str());
        let told: Vec<&str> = told.filter(sounding).collect();
        prop_assert_eq!(told, written, "{:?}", said.text);
        prop_assert!(!said.text.contains(".."), "{:?}", said.text);
    }
}

#[test]
fn long_repetitive_texts_grow_in_proportion() {
    for pattern in [
        "a ", "$ ", "5 ", "a. ", ". ", "5-", "*", "a*", "\\( ", "$a ", "[", "&", "A, ", "1 000 ", "A1", "²",
        "a_", "http://", "@a.", "z. B. ", "CHF ", "Jan. ", "= ", "|", "5\n", "- ", "…", "/a", "...",
    ] {
        for language in ["en", "de"] {
            let text = pattern.repeat(3000);
            assert!(speakable(&text, language).text.len() < 20 * text.len(), "{pattern}");
        }
    }
}
