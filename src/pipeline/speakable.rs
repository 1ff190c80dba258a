//! What a voice should say of a written phrase: no markup, no emoji, no addresses read letter by letter.

/// The phrase as it is to be spoken; empty when there is nothing to say.
#[must_use]
pub fn speakable(text: &str) -> String {
    let text = links(&strip_code_fences(text));
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = strip_line_marks(line.trim());
        for word in line.split_whitespace() {
            let word = word_aloud(word);
            if word.is_empty() {
                continue;
            }
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(&word);
        }
    }
    if out.chars().any(char::is_alphanumeric) { out } else { String::new() }
}

fn strip_code_fences(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("```")).collect::<Vec<_>>().join("\n")
}

/// Headings, bullets, quotes and table rules at the start of a line.
fn strip_line_marks(line: &str) -> &str {
    let line = line.trim_start_matches(['#', '>', '|']).trim_start();
    for bullet in ["- ", "* ", "+ ", "• "] {
        if let Some(rest) = line.strip_prefix(bullet) {
            return rest;
        }
    }
    line
}

/// `[text](address)` and `![text](address)` become their text.
fn links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let (before, from) = rest.split_at(open);
        let link = from.find("](").and_then(|middle| {
            let end = from[middle..].find(')')? + middle;
            Some((&from[1..middle], end + 1))
        });
        out.push_str(before.strip_suffix('!').unwrap_or(before));
        if let Some((label, end)) = link {
            out.push_str(label);
            rest = &from[end..];
        } else {
            out.push('[');
            rest = &from[1..];
        }
    }
    out.push_str(rest);
    out
}

fn word_aloud(word: &str) -> String {
    let bare = word.trim_start_matches(['(', '<', '"']);
    if let Some(address) = ["https://", "http://", "www."].iter().find_map(|scheme| bare.strip_prefix(scheme))
    {
        return address_aloud(address);
    }
    match word {
        "&" => return "and".into(),
        "|" | "-" | "–" | "—" | "*" | "=>" | "->" => return ",".into(),
        _ => {}
    }
    let inner_mark = |char: char| {
        matches!(char, '*' | '`' | '~' | '_' | '#' | '|' | '<' | '>' | '{' | '}' | '[' | ']' | '\\')
    };
    word.chars().filter(|char| !inner_mark(*char) && !is_pictograph(*char)).collect()
}

/// The host alone: "rust-lang.org" instead of the whole address.
fn address_aloud(address: &str) -> String {
    let host = address.split(['/', '?', '#', ')', '>']).next().unwrap_or("");
    let host = host.strip_prefix("www.").unwrap_or(host);
    let end = if address.ends_with(['.', '!', '?', ',']) { &address[address.len() - 1..] } else { "" };
    format!("{}{end}", host.trim_end_matches(['.', ',', '!', '?']))
}

fn is_pictograph(char: char) -> bool {
    matches!(u32::from(char),
        0x1F000..=0x1FAFF | 0x2600..=0x27BF | 0x2190..=0x21FF | 0x2B00..=0x2BFF | 0xFE00..=0xFE0F | 0x200D | 0x20E3 | 0xE0000..=0xE007F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_emoji_and_addresses_are_not_read_as_noise() {
        for (written, spoken) in [
            ("**Paris** is the _capital_! 🇫🇷🎉", "Paris is the capital!"),
            ("# Facts", "Facts"),
            ("- one `code` word", "one code word"),
            ("See [the docs](https://example.org/a/b) now", "See the docs now"),
            ("Look at https://www.rust-lang.org/learn?x=1.", "Look at rust-lang.org."),
            ("salt & pepper", "salt and pepper"),
            ("👍🏽 ✅", ""),
            ("***", ""),
            ("It costs 3.50 € or 20% less", "It costs 3.50 € or 20% less"),
        ] {
            assert_eq!(speakable(written), spoken, "{written}");
        }
    }
}
