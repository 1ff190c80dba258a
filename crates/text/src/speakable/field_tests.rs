//! Texts from the responses of real voice agents, each an example of its kind.

use super::{locale, speakable};
use crate::caption::caption;

struct Case {
    language: &'static str,
    written: &'static str,
    spoken: &'static str,
}

fn cases() -> impl Iterator<Item = Case> {
    let text = include_str!("../../../../tests/golden/speakable/field.txt");
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("//")).map(|line| {
        let (language, rest) = line.split_once(" | ").expect("language | written");
        let (written, rest) = rest.split_once(" => ").expect("written => spoken");
        let (spoken, _) = rest.rsplit_once(" ~ ").expect("spoken ~ in words");
        Case { language, written, spoken }
    })
}

#[test]
fn every_field_case_is_said_as_people_say_it() {
    let mut wrong = String::new();
    for Case { language, written, spoken } in cases() {
        let said = speakable(written, language).text;
        if said != spoken {
            wrong += &format!("\n{language}: {written:?} is said {said:?}, not {spoken:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_caption_is_said_like_the_written_text() {
    for Case { language, written, spoken } in cases() {
        assert_eq!(speakable(&caption(written).text, language).text, spoken, "{language}: {written}");
    }
}

#[test]
fn spoken_field_cases_are_unchanged_by_normalising_them_again() {
    for Case { language, spoken, .. } in cases() {
        assert_eq!(speakable(spoken, language).text, spoken, "{language}");
    }
}

#[test]
fn each_spoken_range_belongs_to_the_word_that_it_says() {
    for (language, written, pairs) in [
        (
            "en",
            "a $1.4 billion loan",
            vec![("a", "a"), ("$1.4", "1.4"), ("billion", "billion dollar"), ("loan", "loan")],
        ),
        ("en", "pay CHF 12 now", vec![("pay", "pay"), ("CHF", "12 Swiss"), ("12", "francs"), ("now", "now")]),
        ("en", "Jan. 1, 1980", vec![("Jan.", "January"), ("1,", "1st,"), ("1980", "19 80")]),
        ("de", "um 10:30 Uhr.", vec![("um", "um"), ("10:30", "10"), ("Uhr.", "Uhr 30.")]),
        ("en", "so \\( x = 2 \\) holds", vec![("so", "so"), ("\\)", "X equals 2"), ("holds", "holds")]),
    ] {
        let said = speakable(written, language);
        let found: Vec<_> =
            said.words.iter().map(|word| (word.word.as_str(), &said.text[word.spoken.clone()])).collect();
        assert_eq!(found, pairs, "{written}");
    }
}

#[test]
fn table_rows_are_read_cell_by_cell() {
    let table = "| Name | Age |\n|------|-----|\n| Ada | 36 |\n|Bob|4|";
    assert_eq!(speakable(table, "en").text, "Name, Age, Ada, 36, Bob, 4");
}

#[test]
fn the_voice_decides_the_order_of_day_and_month() {
    let said = |voice| speakable("10/03/2025", &locale("en", voice)).text;
    assert_eq!(said("en_GB-alba-medium"), "March 10th, 2025");
    assert_eq!(said("en_US-joe-medium"), "October 3rd, 2025");
    assert_eq!(said("joe"), "October 3rd, 2025");
    assert_eq!(said("bf_emma"), "March 10th, 2025");
    assert_eq!(said("bm_george(2)+bf_emma"), "March 10th, 2025");
    assert_eq!(said("af_heart"), "October 3rd, 2025");
    assert_eq!(locale("de", "en_GB-alba-medium"), "de");
}
