//! What is written for the eye alone: Markdown, emoji, brackets.

/// The written words of a text, in order, without those that are nothing but a line's mark or a code fence.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") {
            continue;
        }
        let mut first = true;
        for word in line.split_whitespace() {
            let mark =
                first && matches!(word, "-" | "*" | "+" | "•" | ">" | "|" | "#" | "##" | "###" | "####");
            if !mark {
                words.push(word);
                first = false;
            }
        }
    }
    words
}

/// A word without markup and pictures.
pub(super) fn clean(word: &str) -> String {
    if matches!(word, "|" | "-" | "–" | "—" | "*" | "=>" | "->") {
        return ",".into();
    }
    let word = link(word);
    // A comparison, or the number of something.
    let sign = word.len() > 1
        && word.starts_with(['<', '>', '#', '~'])
        && word[1..].starts_with(|c: char| c.is_ascii_digit());
    let (kept, rest) = word.split_at(usize::from(sign));
    let inner = |char: char| {
        matches!(char, '*' | '`' | '~' | '_' | '#' | '|' | '<' | '>' | '{' | '}' | '[' | ']' | '\\')
    };
    // An underscore inside an address is part of it.
    let address = rest.contains('@');
    let keep = |c: &char| (!inner(*c) || *c == '_' && address) && !is_pictograph(*c);
    kept.chars().chain(rest.chars().filter(keep)).collect()
}

/// `[text](address)` and `![text](address)`, or their last words, become their text.
fn link(word: &str) -> String {
    let Some(middle) = word.find("](") else { return word.into() };
    let end = word[middle..].find(')').map_or(word.len(), |end| middle + end + 1);
    let label = word[..middle].trim_start_matches('!').trim_start_matches('[');
    format!("{label}{}", &word[end..])
}

fn is_pictograph(char: char) -> bool {
    matches!(u32::from(char),
        0x1F000..=0x1FAFF | 0x2600..=0x27BF | 0x2190..=0x21FF | 0x2B00..=0x2BFF | 0xFE00..=0xFE0F | 0x200D | 0x20E3 | 0xE0000..=0xE007F)
}
