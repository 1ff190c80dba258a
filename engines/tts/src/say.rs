//! A clause as espeak-ng should read it: without pictures, and with the few things said in full that it misreads. Pure.

use std::ops::Range;

/// A clause as it is to be read, and each of its words alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// The clause for espeak-ng.
    pub(crate) text: String,
    /// Byte ranges of the request's text, and how each is read.
    pub(crate) words: Vec<(Range<usize>, String)>,
}

/// Reads `text[range]`, whose words are given, in `language`.
pub(crate) fn say(text: &str, range: Range<usize>, words: &[Range<usize>], language: &str) -> Said {
    let mut said = Said::default();
    let mut at = range.start;
    let mut owed = None; // a currency whose amount goes on: "$5 million"
    for (index, word) in words.iter().enumerate() {
        let written = &text[word.clone()];
        let mut read = plain(written);
        if language == "en" {
            let next = words.get(index + 1).map_or("", |next| &text[next.clone()]);
            read = english(&read, next, &mut owed);
        }
        said.text += &plain(&text[at..word.start]);
        said.text += &read;
        said.words.push((word.clone(), read));
        at = word.end;
    }
    said.text += &plain(&text[at..range.end]);
    said
}

/// Pictures and invisible characters are no speech.
fn plain(text: &str) -> String {
    let picture = |c: char| {
        matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2500}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e007f}'
            | '*' | '_' | '`' | '~' | '|' | '\\' | '^' | '<' | '>' | '[' | ']' | '{' | '}')
    };
    let invisible = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}');
    text.chars().filter(|&c| !invisible(c)).map(|c| if picture(c) { ' ' } else { c }).collect()
}

/// espeak-ng reads "$5.99" as "dollar five point nine nine" and "vs" as letters.
fn english(word: &str, next: &str, owed: &mut Option<&'static str>) -> String {
    const SCALES: [&str; 4] = ["thousand", "million", "billion", "trillion"];
    if let Some(currency) = owed.take() {
        return format!("{word} {currency}");
    }
    if word.eq_ignore_ascii_case("vs") {
        return "versus".to_owned();
    }
    let mut letters = word.chars();
    let (one, many, cent, cents) = match letters.next() {
        Some('$') => ("dollar", "dollars", "cent", "cents"),
        Some('€') => ("euro", "euros", "cent", "cents"),
        Some('£') => ("pound", "pounds", "penny", "pence"),
        _ => return word.to_owned(),
    };
    let amount = letters.as_str();
    if !amount.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',')) || amount.is_empty() {
        return word.to_owned();
    }
    if SCALES.contains(&next.to_lowercase().as_str()) {
        *owed = Some(many);
        return amount.to_owned();
    }
    match amount.split_once('.') {
        Some((whole, part)) if part.len() == 2 && !part.contains(',') => {
            let whole = if whole == "1" { format!("1 {one}") } else { format!("{whole} {many}") };
            match part.trim_start_matches('0') {
                "" => whole,
                "1" => format!("{whole} and 1 {cent}"),
                part => format!("{whole} and {part} {cents}"),
            }
        }
        _ if amount == "1" => format!("1 {one}"),
        _ => format!("{amount} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn read(text: &str, language: &str) -> String {
        say(text, 0..text.len(), &words(text, 0..text.len()), language).text
    }

    #[test]
    fn money_is_read_as_people_say_it() {
        assert_eq!(
            read("It is $5.99, or $1, or £3.05.", "en"),
            "It is 5 dollars and 99 cents, or 1 dollar, or 3 pounds and 5 pence."
        );
        assert_eq!(read("over $1.5 million and €1,200", "en"), "over 1.5 million dollars and 1,200 euros");
        assert_eq!(read("Ali vs. Frazier", "en"), "Ali versus. Frazier");
        assert_eq!(read("$5", "de"), "$5");
    }

    #[test]
    fn pictures_and_markup_are_not_read() {
        assert_eq!(read("**Hi** 😀 so\u{ad}ft", "en").split_whitespace().collect::<Vec<_>>(), ["Hi", "soft"]);
    }

    #[test]
    fn each_word_keeps_its_place_in_the_text() {
        let text = "for $2 billion in";
        let said = say(text, 0..text.len(), &words(text, 0..text.len()), "en");
        let pairs: Vec<_> =
            said.words.iter().map(|(range, read)| (&text[range.clone()], read.as_str())).collect();
        assert_eq!(pairs, [("for", "for"), ("$2", "2"), ("billion", "billion dollars"), ("in", "in")]);
    }
}
