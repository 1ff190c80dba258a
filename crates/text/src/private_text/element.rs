//! HTML and SSML tags, and those that models put around their thoughts.

use std::ops::Range;

use super::token::role;
use super::{Inside, Scan};

/// Elements that are removed with their content.
const PRIVATE: &[&str] = &[
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reasoning_content",
    "reflection",
    "scratchpad",
    "inner_monologue",
    "monologue",
    "analysis",
    "tool",
    "tools",
    "tool_call",
    "tool_calls",
    "tool_code",
    "tool_use",
    "tool_response",
    "tool_result",
    "tool_results",
    "function",
    "functions",
    "function_call",
    "function_calls",
    "function_results",
    "invoke",
    "script",
    "style",
];
/// Elements of which only the tags are removed.
const PLAIN: &[&str] = &[
    "a",
    "abbr",
    "answer",
    "audio",
    "b",
    "bdi",
    "big",
    "blockquote",
    "body",
    "bos",
    "break",
    "cite",
    "code",
    "del",
    "em",
    "emphasis",
    "eos",
    "final",
    "font",
    "head",
    "html",
    "i",
    "img",
    "ins",
    "kbd",
    "lang",
    "mark",
    "message",
    "output",
    "pad",
    "phoneme",
    "pre",
    "prosody",
    "q",
    "response",
    "s",
    "say-as",
    "sentence",
    "small",
    "span",
    "speak",
    "strike",
    "strong",
    "sub",
    "sup",
    "title",
    "tt",
    "u",
    "unk",
    "var",
    "voice",
    "mstts",
    "amazon",
    "end_of_turn",
    "start_of_turn",
];
/// Block elements: their text starts on a new line.
const BLOCKS: &[&str] = &[
    "article", "br", "dd", "div", "dl", "dt", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
    "li", "ol", "p", "section", "table", "td", "th", "tr", "ul",
];
/// Longest tag, in bytes; a longer one is text.
const LONGEST: usize = 256;

/// Scans a text that begins with `<`.
pub(super) fn tag(text: &str, ended: bool) -> Scan {
    let mut reader = Reader { text, at: 1 };
    let closes = reader.eat(b'/');
    let from = reader.at;
    reader.skip(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let name = text[from..reader.at].to_ascii_lowercase();
    if reader.is_over() {
        return open(ended || !may_begin(&name));
    }
    let Some(kind) = Kind::of(&name) else { return Scan::Text };
    // `<function=look_up>`, `<mstts:silence …>`.
    let qualified = matches!(reader.peek(), Some(b'=' | b':')) && reader.eat_any();
    if qualified {
        reader.skip(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'"' | b'\''));
    }
    match reader.attributes() {
        None => open(ended || text.len() > LONGEST),
        Some(false) => Scan::Text,
        Some(true) if reader.at > LONGEST => Scan::Text,
        Some(true) => {
            let alone = text[..reader.at].ends_with("/>");
            match kind {
                Kind::Private(name) if !closes && !alone => {
                    Scan::Drop(reader.at, Some(Inside::Element(name)), false)
                }
                // Gemma writes the role after its turn mark.
                Kind::Turn if !closes => role(text, reader.at, ended),
                Kind::Block => Scan::Drop(reader.at, None, true),
                _ => Scan::mark(reader.at),
            }
        }
    }
}

fn open(ended: bool) -> Scan {
    if ended { Scan::Text } else { Scan::Open }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Private(&'static str),
    Plain,
    Block,
    Turn,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let private = PRIVATE.iter().find(|known| **known == name).map(|known| Self::Private(known));
        private.or_else(|| (name == "start_of_turn").then_some(Self::Turn)).or_else(|| {
            let plain = PLAIN.contains(&name).then_some(Self::Plain);
            plain.or_else(|| BLOCKS.contains(&name).then_some(Self::Block))
        })
    }
}

fn may_begin(begun: &str) -> bool {
    let all = PRIVATE.iter().chain(PLAIN).chain(BLOCKS);
    all.into_iter().any(|name| name.starts_with(begun))
}

/// The first closing tag of this name.
pub(super) fn closing(text: &str, name: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(at) = super::find(&text[from..], "</").map(|at| from + at) {
        let mut reader = Reader { text, at: at + 2 };
        if super::begins(&text[at + 2..], name) == Some(true) {
            reader.at += name.len();
            if reader.eat(b'>') {
                return Some(at..reader.at);
            }
        }
        from = at + 2;
    }
    None
}

/// Number of bytes at the end of the text that may be the beginning of a closing tag.
pub(super) fn held(text: &str, name: &str) -> usize {
    let longest = name.len() + 2;
    text.rfind('<').map(|at| text.len() - at).filter(|length| *length <= longest).unwrap_or(0)
}

/// Reads the inside of a tag.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn is_over(&self) -> bool {
        self.at >= self.text.len()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn eat_any(&mut self) -> bool {
        self.at += 1;
        true
    }

    fn skip(&mut self, holds: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&holds) {
            self.at += 1;
        }
    }

    /// Reads `name="value"` pairs through the `>`. Some(false): not attributes. None: more text is needed.
    fn attributes(&mut self) -> Option<bool> {
        loop {
            let before = self.at;
            self.skip(|byte| byte.is_ascii_whitespace());
            let spaced = self.at > before;
            if self.text.len().min(self.at) > LONGEST {
                return Some(false);
            }
            match self.peek()? {
                b'>' => return Some(self.eat_any()),
                b'/' => {
                    self.eat_any();
                    return self.peek().map(|byte| byte == b'>' && self.eat_any());
                }
                byte if spaced && byte.is_ascii_alphabetic() => {
                    self.skip(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'));
                    if self.peek()? != b'=' {
                        return Some(false);
                    }
                    self.eat_any();
                    match self.peek()? {
                        quote @ (b'"' | b'\'') => {
                            self.eat_any();
                            self.skip(|byte| byte != quote && byte != b'\n');
                            if self.peek()? != quote {
                                return Some(false);
                            }
                            self.eat_any();
                        }
                        _ => self.skip(|byte| !byte.is_ascii_whitespace() && byte != b'>' && byte != b'<'),
                    }
                }
                _ => return Some(false),
            }
        }
    }
}
