//! Takes out of a model's text, as it streams in, what is not meant for the person: thoughts, calls of tools written as text,
//! tokens that structure a chat, tags of HTML and SSML, and code. It stands before phrases, captions and history. Pure.
//!
//! - `element`: `<think>…</think>` and other tags
//! - `token`: `<|im_end|>` and other marks of chat templates
//! - `call`: `{"name": …, "arguments": …}` and `name({…})`
//! - `fence`: code between lines of three backticks
//!
//! However the text is cut into pieces, the same comes out; what is held back is bounded.

mod call;
mod element;
mod fence;
mod token;

use visavis_core::plain::is_dropped;

/// What comes out of the filter, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// To be spoken, shown and remembered.
    Text(String),
    /// A block of code begins. It is not spoken.
    CodeBegins,
    /// The block, as far as it is to be shown.
    Code(String),
}

/// The filter of one text.
#[derive(Debug, Default)]
pub struct Filter {
    /// What is not decided yet; inside something private, what may be its end.
    pending: String,
    inside: Option<Inside>,
    /// Something but white space stands on the line.
    in_line: bool,
    /// The last character that went out.
    tail: Option<char>,
    /// Something was taken out since.
    cut: bool,
}

/// What the text is inside of.
#[derive(Debug, PartialEq, Eq)]
enum Inside {
    /// Dropped up to and with this end, in lower case.
    Until(&'static str),
    /// Dropped up to and with the closing tag of this name.
    Element(&'static str),
    /// Code so far.
    Fence(String),
    /// Nothing more of this text is for the person.
    Rest,
}

/// What a text begins with.
#[derive(Debug, PartialEq, Eq)]
enum Scan {
    /// More text decides.
    Open,
    /// Its first character is text.
    Text,
    /// So many bytes go, and the rest is inside of this; true: what was beside them stands on lines of its own.
    Drop(usize, Option<Inside>, bool),
}

impl Scan {
    /// Only the mark itself goes.
    fn mark(length: usize) -> Self {
        Self::Drop(length, None, false)
    }
}

impl Filter {
    /// Takes a piece of text; returns what is known to be for the person.
    pub fn push(&mut self, piece: &str) -> Vec<Piece> {
        self.pending.extend(piece.chars().filter(|c| !is_dropped(*c)));
        self.go_on(false)
    }

    /// What is left when the text has ended; what comes next is a new one.
    pub fn finish(&mut self) -> Vec<Piece> {
        let out = self.go_on(true);
        *self = Self::default();
        out
    }

    fn go_on(&mut self, ended: bool) -> Vec<Piece> {
        let mut out = Out::default();
        loop {
            let pending = std::mem::take(&mut self.pending);
            let (used, more) = match self.inside.take() {
                Some(inside) => self.skip(inside, &pending, ended, &mut out),
                None => self.read(&pending, ended, &mut out),
            };
            self.pending = pending;
            self.pending.drain(..used);
            if !more {
                return out.0;
            }
        }
    }

    /// Reads text up to something private. Returns the bytes that are done with, and whether to go on.
    fn read(&mut self, text: &str, ended: bool, out: &mut Out) -> (usize, bool) {
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            match scan(&text[at..], self.in_line, ended) {
                Scan::Open => return (at, false),
                Scan::Text => {
                    self.put(next, out);
                    at += next.len_utf8();
                }
                Scan::Drop(length, inside, block) => {
                    if block && self.in_line {
                        self.put('\n', out);
                    }
                    self.cut = true;
                    if matches!(inside, Some(Inside::Fence(_))) {
                        out.0.push(Piece::CodeBegins);
                    }
                    self.inside = inside;
                    return (at + length, true);
                }
            }
        }
        (at, false)
    }

    /// Passes over something private.
    fn skip(&mut self, inside: Inside, text: &str, ended: bool, out: &mut Out) -> (usize, bool) {
        let end = match &inside {
            Inside::Rest => None,
            Inside::Until(end) => find(text, end).map(|at| at..at + end.len()),
            Inside::Element(name) => element::closing(text, name),
            Inside::Fence(_) => text.find(fence::MARK).map(|at| at..at + fence::MARK.len()),
        };
        let held = match &inside {
            _ if ended => 0,
            Inside::Rest => 0,
            Inside::Until(end) => beginning_at_end(text, end),
            Inside::Element(name) => element::held(text, name),
            Inside::Fence(_) => beginning_at_end(text, fence::MARK),
        };
        let over = end.as_ref().map_or(text.len() - held, |end| end.start);
        let used = end.as_ref().map_or(text.len() - held, |end| end.end);
        let done = end.is_some();
        if let Inside::Fence(mut code) = inside {
            fence::add(&mut code, &text[..over]);
            if done || ended {
                out.0.push(Piece::Code(fence::content(&code)));
                self.in_line = false;
            } else {
                self.inside = Some(Inside::Fence(code));
            }
        } else if !done {
            self.inside = Some(inside);
        }
        (used, done)
    }

    /// One character of text, with no more white space around what was cut than there is without it.
    fn put(&mut self, next: char, out: &mut Out) {
        if next.is_whitespace() && self.cut && self.tail.is_none_or(|tail| tail == '\n' || tail == next) {
            return;
        }
        self.cut &= next.is_whitespace();
        self.in_line = next != '\n' && (self.in_line || !next.is_whitespace());
        self.tail = Some(next);
        out.put(next);
    }
}

#[derive(Debug, Default)]
struct Out(Vec<Piece>);

impl Out {
    fn put(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => self.0.push(Piece::Text(c.into())),
        }
    }
}

fn scan(text: &str, in_line: bool, ended: bool) -> Scan {
    match text.as_bytes().first() {
        Some(b'<') => match token::angle(text, ended) {
            Scan::Text => element::tag(text, ended),
            found => found,
        },
        Some(b'`') => fence::begin(text, ended),
        Some(b'[') => match token::square(text, ended) {
            Scan::Text if !in_line => call::json(text, ended),
            found => found,
        },
        Some(b'{') if !in_line => call::json(text, ended),
        Some(byte) if !in_line && (byte.is_ascii_alphabetic() || *byte == b'_') => call::named(text, ended),
        Some(_) if text.starts_with('◁') => token::angle(text, ended),
        _ => Scan::Text,
    }
}

/// Whether a text begins with this, of which the case is ignored. None: it may, when more has come.
fn begins(text: &str, with: &str) -> Option<bool> {
    let length = text.len().min(with.len());
    let same = text.as_bytes()[..length].eq_ignore_ascii_case(&with.as_bytes()[..length]);
    match same {
        true if text.len() < with.len() => None,
        same => Some(same),
    }
}

/// Where this, in lower case, is in the text.
fn find(text: &str, what: &str) -> Option<usize> {
    text.as_bytes().windows(what.len()).position(|window| window.eq_ignore_ascii_case(what.as_bytes()))
}

/// Length of the longest end of the text with which `mark` may begin.
fn beginning_at_end(text: &str, mark: &str) -> usize {
    let begins = |length: &usize| {
        let at = text.len() - length;
        text.is_char_boundary(at) && text.as_bytes()[at..].eq_ignore_ascii_case(&mark.as_bytes()[..*length])
    };
    (1..mark.len().min(text.len() + 1)).rev().find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests;
