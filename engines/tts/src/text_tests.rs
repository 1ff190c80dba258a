use super::*;

fn spoken(text: &str) -> Vec<&str> {
    parts(text).iter().map(|part| text[part.range.clone()].trim()).collect()
}

fn marks(text: &str) -> Vec<(&str, Option<char>)> {
    clauses(text).iter().map(|clause| (text[clause.range.clone()].trim(), clause.mark)).collect()
}

#[test]
fn a_sentence_is_a_part_and_a_short_one_joins_its_neighbour() {
    assert_eq!(
        spoken("Hi. How are you today? I am very well. Yes."),
        ["Hi. How are you today?", "I am very well. Yes."]
    );
    assert_eq!(spoken("Yes."), ["Yes."]);
}

#[test]
fn clauses_keep_the_mark_that_piper_speaks() {
    assert_eq!(
        marks("Well, is it \"true?\" Yes: it is; really! Wait… no"),
        [
            ("Well,", Some(',')),
            ("is it \"true?\"", Some('?')),
            ("Yes:", Some(':')),
            ("it is;", Some(';')),
            ("really!", Some('!')),
            ("Wait…", Some(',')),
            ("no", None)
        ]
    );
    assert_eq!(
        marks("One—two – three well-known"),
        [("One—", Some(',')), ("two –", Some(',')), ("three well-known", None)]
    );
}

#[test]
fn dots_and_commas_within_words_do_not_split_the_text() {
    for text in [
        "It costs 1,234.50 at 10:30 on visavis.dev today",
        "At 5 P.M. we leave the U.S. for good, approx. at noon",
    ] {
        let stops = clauses(text);
        assert!(stops.iter().all(|clause| !clause.sentence && clause.mark != Some('.')), "{text}: {stops:?}");
    }
    assert_eq!(
        spoken("We met at 5 P.M. Then it rained a lot."),
        ["We met at 5 P.M.", "Then it rained a lot."]
    );
    assert_eq!(spoken("I gave it to you and I. Then we left."), ["I gave it to you and I.", "Then we left."]);
}

#[test]
fn a_long_sentence_is_split_at_commas_and_the_first_part_is_shorter() {
    let clause = "here is another clause of some forty chars, ";
    let text = clause.repeat(15);
    let parts = parts(&text);
    let lengths: Vec<usize> = parts.iter().map(|part| part.range.len()).collect();
    assert!(lengths[0] <= LONGEST_FIRST_PART, "{lengths:?}");
    assert!(lengths[1..].iter().all(|&length| length <= LONGEST_PART + 8), "{lengths:?}");
}

#[test]
fn text_without_punctuation_is_still_split() {
    for text in ["word ".repeat(900), "x".repeat(5000)] {
        assert!(parts(&text).iter().all(|part| part.range.len() <= LONGEST_CLAUSE), "{}", &text[..9]);
    }
}

#[test]
fn parts_cover_any_text_and_each_can_be_spoken() {
    let long = "ünï, ".repeat(300);
    for text in [
        "",
        "  ",
        "***",
        "— … !",
        " *** Hello there! *** ",
        "a\n\nb\r\nc",
        "你好。再见！",
        "«Oui?» dit-il... Non.",
        &long,
    ] {
        let parts = parts(text);
        let whole: String = parts.iter().map(|part| &text[part.range.clone()]).collect();
        assert_eq!(whole, text);
        let speakable = text.chars().any(char::is_alphanumeric);
        for part in &parts {
            assert_eq!(
                text[part.range.clone()].chars().any(char::is_alphanumeric),
                speakable,
                "{text:?} {part:?}"
            );
            assert_eq!(part.clauses.is_empty(), !speakable);
        }
    }
}
