//! Separates a model's thoughts, such as `<think>…</think>`, from its text as it streams in. Pure.
//!
//! A thought begins at the beginning of a line, so that a tag among words is text. The result does not depend on how the text is split.

/// Elements that hold thoughts.
const TAGS: [&str; 4] = ["think", "thinking", "thought", "reasoning"];

/// A piece of what a model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// A thought.
    Thought(String),
    /// Text.
    Text(String),
}

/// What becomes of white space before the next word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Lead {
    /// It belongs to the text, unless that begins with a thought.
    #[default]
    Begins,
    /// It only separates a thought from the text.
    AfterThought,
    /// There has been a word.
    Over,
}

/// Reads one response.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    /// What may be the beginning of a tag, and white space before it.
    pending: String,
    inside: Option<&'static str>,
    lead: Lead,
    /// The current line has more than white space.
    in_line: bool,
}

/// What a text begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    Tag(&'static str),
    /// More text decides.
    Maybe,
    No,
}

/// How much of a text was read, and whether to go on with the rest.
struct Read {
    bytes: usize,
    more: bool,
}

impl Thoughts {
    /// Takes a piece of text; returns what is decided.
    pub(super) fn push(&mut self, text: &str) -> Vec<Told> {
        self.pending.push_str(text);
        self.go_on(false)
    }

    /// The text has ended: returns what was held back.
    pub(super) fn finish(&mut self) -> Vec<Told> {
        self.go_on(true)
    }

    fn go_on(&mut self, ended: bool) -> Vec<Told> {
        let mut out = Vec::new();
        loop {
            let mut text = std::mem::take(&mut self.pending);
            let read = match self.inside {
                Some(tag) => self.thought(tag, &text, ended, &mut out),
                None => self.text(&text, ended, &mut out),
            };
            self.pending = text.split_off(read.bytes);
            if !read.more {
                return out;
            }
        }
    }

    fn thought(&mut self, tag: &str, text: &str, ended: bool, out: &mut Vec<Told>) -> Read {
        let end = format!("</{tag}>");
        if let Some(at) = text.find(&end) {
            tell(out, Told::Thought, &text[..at]);
            (self.inside, self.lead, self.in_line) = (None, Lead::AfterThought, false);
            return Read { bytes: at + end.len(), more: true };
        }
        let held = if ended { 0 } else { begun_at_end(text, &end) };
        let bytes = text.len() - held;
        tell(out, Told::Thought, &text[..bytes]);
        Read { bytes, more: false }
    }

    fn text(&mut self, text: &str, ended: bool, out: &mut Vec<Told>) -> Read {
        let from = if self.lead == Lead::Over {
            0
        } else {
            let space = text.len() - text.trim_start().len();
            let opening = opening(&text[space..]);
            if let Opening::Tag(tag) = opening {
                return self.begin(tag, space);
            }
            if opening == Opening::Maybe && !ended {
                return Read { bytes: 0, more: false };
            }
            let from = if self.lead == Lead::AfterThought { space } else { 0 };
            self.lead = Lead::Over;
            from
        };
        for (at, character) in text.char_indices().skip_while(|(at, _)| *at < from) {
            if character == '<' && !self.in_line {
                match opening(&text[at..]) {
                    Opening::Tag(tag) => {
                        tell(out, Told::Text, &text[from..at]);
                        return self.begin(tag, at);
                    }
                    Opening::Maybe if !ended => {
                        tell(out, Told::Text, &text[from..at]);
                        return Read { bytes: at, more: false };
                    }
                    Opening::Maybe | Opening::No => {}
                }
            }
            self.in_line = character != '\n' && (self.in_line || !character.is_whitespace());
        }
        tell(out, Told::Text, &text[from..]);
        Read { bytes: text.len(), more: false }
    }

    /// A thought begins at this place.
    fn begin(&mut self, tag: &'static str, at: usize) -> Read {
        self.inside = Some(tag);
        Read { bytes: at + tag.len() + "<>".len(), more: true }
    }
}

fn opening(text: &str) -> Opening {
    if text.is_empty() {
        return Opening::Maybe;
    }
    let Some(rest) = text.strip_prefix('<') else { return Opening::No };
    let whole = |tag: &&str| rest.strip_prefix(*tag).is_some_and(|rest| rest.starts_with('>'));
    match TAGS.into_iter().find(whole) {
        Some(tag) => Opening::Tag(tag),
        None if TAGS.into_iter().any(|tag| tag.starts_with(rest)) => Opening::Maybe,
        None => Opening::No,
    }
}

fn tell(out: &mut Vec<Told>, kind: fn(String) -> Told, text: &str) {
    if !text.is_empty() {
        out.push(kind(text.to_owned()));
    }
}

/// Length of the longest end of a text with which `mark` may begin.
fn begun_at_end(text: &str, mark: &str) -> usize {
    (1..mark.len()).rev().find(|length| text.ends_with(&mark[..*length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Thoughts and text of a response that comes in these pieces.
    fn read(pieces: &[&str]) -> [String; 2] {
        let (mut thoughts, mut found) = (Thoughts::default(), [String::new(), String::new()]);
        let mut all: Vec<Told> = pieces.iter().flat_map(|piece| thoughts.push(piece)).collect();
        all.extend(thoughts.finish());
        for told in all {
            match told {
                Told::Thought(text) => found[0] += &text,
                Told::Text(text) => found[1] += &text,
            }
        }
        found
    }

    #[test]
    fn thoughts_are_told_apart_however_the_text_is_split() {
        for (text, thought, said) in [
            ("<think>\nHm.\n</think>\n\nYes.", "\nHm.\n", "Yes."),
            ("\n <think>a</think>b", "a", "b"),
            ("Well.\n<thinking>a < b</thinking>\nYes.", "a < b", "Well.\nYes."),
            ("<think></think>Yes.", "", "Yes."),
            ("<think>never ends</thin", "never ends</thin", ""),
            ("  Yes, <think> is a tag.", "", "  Yes, <think> is a tag."),
            ("<thin", "", "<thin"),
            ("<thinker>a</thinker>", "", "<thinker>a</thinker>"),
            ("{\"a\": \"<think>\"}", "", "{\"a\": \"<think>\"}"),
            ("<b>x</b>", "", "<b>x</b>"),
            ("<think>é</think>ü\n<reasoning>ß</reasoning>", "éß", "ü\n"),
            ("\n\n", "", "\n\n"),
        ] {
            assert_eq!(read(&[text]), [thought, said], "{text:?}");
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(read(&letters), [thought, said], "{text:?} letter by letter");
        }
    }

    #[test]
    fn text_without_a_tag_passes_at_once() {
        let mut thoughts = Thoughts::default();
        assert_eq!(thoughts.push("Yes"), [Told::Text("Yes".into())]);
        assert_eq!(thoughts.push(" < 5"), [Told::Text(" < 5".into())]);
        assert_eq!(thoughts.push("\n<"), [Told::Text("\n".into())]);
        assert_eq!(thoughts.push("b>"), [Told::Text("<b>".into())]);
    }

    proptest! {
        #[test]
        fn what_is_told_does_not_depend_on_the_pieces(
            pieces in prop::collection::vec("(<|</|think|>|\n| |a|é){0,4}", 0..12),
        ) {
            let whole = pieces.concat();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(read(&pieces), read(&[whole.as_str()]));
        }
    }
}
