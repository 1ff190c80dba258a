//! Removes from a model's text, as it streams in, what is not meant for the person: thoughts, tool calls written as text,
//! chat template tokens, HTML and SSML tags, and code. Runs before segmentation, captions and history. Pure.
//!
//! - `element`: `<think>…</think>` and other tags
//! - `token`: `<|im_end|>` and other chat template marks
//! - `call`: `{"name": …, "arguments": …}` and `name({…})`
//! - `fence`: code fenced by three backticks
//!
//! The output does not depend on how the text is split into pieces, and the text held back is bounded.

mod call;
mod element;
mod fence;
mod token;

use visavis_core::plain::is_dropped;

/// A piece of the filter's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// To be spoken, shown and remembered.
    Text(String),
    /// A code block begins. It is not spoken.
    CodeBegins,
    /// The part of the code block that is shown.
    Code(String),
}

/// Filters one text.
#[derive(Debug, Default)]
pub struct Filter {
    /// Undecided text; inside something private, what may be the beginning of its end mark.
    pending: String,
    inside: Option<Inside>,
    /// The current line has something other than white space.
    in_line: bool,
    /// The last character emitted.
    tail: Option<char>,
    /// Something was removed since `tail`.
    cut: bool,
}

/// What the current position is inside of.
#[derive(Debug, PartialEq, Eq)]
enum Inside {
    /// Dropped through this end mark, given in lower case.
    Until(&'static str),
    /// Dropped through the closing tag of this name.
    Element(&'static str),
    /// A code block, with its code so far.
    Fence(String),
    /// The rest of the text is dropped.
    Rest,
}

/// What the scanned text begins with.
#[derive(Debug, PartialEq, Eq)]
enum Scan {
    /// Undecided: more text is needed.
    Open,
    /// Ordinary text, for one character.
    Text,
    /// Drop this many bytes and continue inside of this; true: the text after them starts on a new line.
    Drop(usize, Option<Inside>, bool),
}

impl Scan {
    /// Drops only the mark itself.
    fn mark(length: usize) -> Self {
        Self::Drop(length, None, false)
    }
}

impl Filter {
    /// Takes a piece of text; returns what is decided to be for the person.
    pub fn push(&mut self, piece: &str) -> Vec<Piece> {
        self.pending.extend(piece.chars().filter(|c| !is_dropped(*c)));
        self.go_on(false)
    }

    /// Ends the text: returns what was pending and resets the filter for the next text.
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

    /// Reads text up to something private. Returns the bytes consumed, and whether to continue.
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

    /// Skips something private. Returns as [`Self::read`] does.
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

    /// Emits a character, but no white space that a removal would double.
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

/// Whether the text begins with `with`, ignoring case. None: it is too short to tell.
fn begins(text: &str, with: &str) -> Option<bool> {
    let length = text.len().min(with.len());
    let same = text.as_bytes()[..length].eq_ignore_ascii_case(&with.as_bytes()[..length]);
    match same {
        true if text.len() < with.len() => None,
        same => Some(same),
    }
}

/// The first position of `what` in the text, ignoring case.
fn find(text: &str, what: &str) -> Option<usize> {
    text.as_bytes().windows(what.len()).position(|window| window.eq_ignore_ascii_case(what.as_bytes()))
}

/// Length of the longest suffix of the text that is a proper prefix of `mark`.
fn beginning_at_end(text: &str, mark: &str) -> usize {
    let begins = |length: &usize| {
        let at = text.len() - length;
        text.is_char_boundary(at) && text.as_bytes()[at..].eq_ignore_ascii_case(&mark.as_bytes()[..*length])
    };
    (1..mark.len().min(text.len() + 1)).rev().find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests;
