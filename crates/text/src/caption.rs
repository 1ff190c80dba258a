//! A segment as it is shown and remembered: without Markdown, which only means something to a page that renders it. Pure.
//!
//! The same characters in numbers and code are kept: `3 * 4`, `x**2`, `my_name`.

/// A segment without markup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caption {
    /// Empty if the segment was only markup.
    pub text: String,
    /// For each word, its byte offset in the written segment and in `text`.
    words: Vec<(usize, usize)>,
}

impl Caption {
    /// The offset in `text` of the first word that begins at or after byte `written` of the segment.
    #[must_use]
    pub fn at(&self, written: usize) -> usize {
        let next = self.words.partition_point(|(from, _)| *from < written);
        self.words.get(next).map_or(self.text.len(), |(_, to)| *to)
    }
}

/// Removes the markup from a segment.
#[must_use]
pub fn caption(written: &str) -> Caption {
    let mut caption = Caption::default();
    let mut from = 0;
    for line in written.split_inclusive('\n') {
        add_line(&mut caption, line, from);
        from += line.len();
    }
    caption
}

fn add_line(caption: &mut Caption, line: &str, from: usize) {
    let bare = line.trim();
    if is_rule(bare) {
        return;
    }
    let table = bare.starts_with('|') && bare.len() > 1;
    let addresses = addresses(line);
    let underlined = line.split_whitespace().any(|word| word.trim_end_matches(is_stop).ends_with('_'));
    let (mut first, mut at) = (true, 0);
    for word in line.split_inclusive(char::is_whitespace) {
        let start = at;
        at += word.len();
        let word = word.trim_end();
        if word.is_empty() || std::mem::take(&mut first) && is_line_mark(word) {
            continue;
        }
        let kept = kept(line, start, word, &addresses);
        let clean = if table && word == "|" { ",".into() } else { emphasised(&kept, underlined) };
        if clean == "," && table {
            // Only between cells, not before the first or after the last.
            if !caption.text.is_empty() && !line[at..].trim().is_empty() && !caption.text.ends_with(',') {
                caption.text.push(',');
            }
        } else if !clean.is_empty() {
            if !caption.text.is_empty() {
                caption.text.push(' ');
            }
            caption.words.push((from + start, caption.text.len()));
            caption.text.push_str(&clean);
        }
    }
}

/// Whether a line is a heading underline, a horizontal rule, a table's delimiter row or a code fence.
fn is_rule(line: &str) -> bool {
    let only = |marks: &str| !line.is_empty() && line.chars().all(|c| marks.contains(c));
    line.starts_with("```") || line.len() >= 3 && (only("-=") || only("* ") || only("_ ") || only("|-: "))
}

fn is_line_mark(word: &str) -> bool {
    matches!(word, "-" | "*" | "+" | "•" | ">" | "|")
        || word.len() <= 6 && word.bytes().all(|byte| byte == b'#')
}

/// Byte ranges of a line to drop from its links: everything of `[text](address)` but the text.
fn addresses(line: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let mut from = 0;
    while let Some(middle) = line[from..].find("](").map(|at| from + at) {
        let end = line[middle..].find(')').map_or(line.trim_end().len(), |end| middle + end + 1);
        if let Some(open) = line[from..middle].rfind('[').map(|at| from + at) {
            let image = usize::from(line[..open].ends_with('!'));
            ranges.push(open - image..open + 1);
            ranges.push(middle..end);
        }
        from = end;
    }
    ranges
}

fn kept(line: &str, start: usize, word: &str, dropped: &[std::ops::Range<usize>]) -> String {
    debug_assert!(line[start..].starts_with(word));
    let inside = |at: usize| dropped.iter().any(|range| range.contains(&(start + at)));
    word.char_indices().filter(|(at, _)| !inside(*at)).map(|(_, c)| c).collect()
}

/// A word without the emphasis and code marks around it.
fn emphasised(word: &str, underlined: bool) -> String {
    let is_mark = |c: char| matches!(c, '*' | '`') || c == '_' && underlined;
    let plain: String = word.replace("~~", "").chars().filter(|c| *c != '`').collect();
    if plain.chars().all(is_mark) {
        // "3 * 4".
        return if plain == "*" { plain } else { String::new() };
    }
    let mut rest = plain.as_str();
    let lead: String = rest.chars().take_while(|c| matches!(c, '(' | '"' | '“' | '„' | '\'' | '[')).collect();
    rest = &rest[lead.len()..];
    let unmarked = rest.trim_start_matches(is_mark);
    let opened = unmarked.len() < rest.len();
    let tail = unmarked.trim_end_matches(is_stop);
    let bare = tail.trim_end_matches(is_mark);
    // A star after a number is not emphasis: "a 5* hotel".
    let bare = if opened || !bare.ends_with(|c: char| c.is_ascii_digit()) || tail.ends_with("**") {
        bare
    } else {
        tail
    };
    format!("{lead}{bare}{}", &unmarked[tail.len()..])
}

fn is_stop(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '"' | '”' | '“' | '\'' | '…')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_not_shown() {
        for (written, shown) in [
            ("**Tea** is *really* good.", "Tea is really good."),
            ("**Hello there, my", "Hello there, my"),
            ("friend**: \"*yes*\".", "friend: \"yes\"."),
            ("_Under_ and __both__ ~~old~~ `code`.", "Under and both old code."),
            ("## A heading", "A heading"),
            ("- one **two**", "one two"),
            ("> quoted", "quoted"),
            ("See [the page](https://x.org/a_b) and ![a cat](c.png).", "See the page and a cat."),
            ("| Name | Age |", "Name, Age"),
            ("|---|:-:|", ""),
            ("---", ""),
            ("```python", ""),
            ("***", ""),
        ] {
            assert_eq!(caption(written).text, shown, "{written}");
        }
    }

    #[test]
    fn text_that_is_not_markup_is_kept() {
        for written in [
            "3 * 4 = 12, x**2, 2*3 and a 5* hotel.",
            "my_var_name, _private and [1] a[0]",
            "~5 | 6 # 7 - 8 > 3",
            "Dear [name], (yes)!",
        ] {
            assert_eq!(caption(written).text, written);
        }
    }

    #[test]
    fn written_offsets_map_to_caption_offsets() {
        let written = "- **one** two";
        let caption = caption(written);
        assert_eq!((caption.at(0), caption.at(written.find("two").unwrap()), caption.at(99)), (0, 4, 7));
    }
}
