//! Removes tags from a model's text as it streams in: `[happy]`, `[look-away]`, `*nods*`. They are cues for the face and are
//! never spoken, shown or remembered. Only known tags and stage directions are removed, not words such as `[name]`.

mod known;

use super::cue::{Cue, GESTURES, MOODS, PlacedCue};
use known::{Direction, asterisked, bracketed, is_beginning};

/// Most characters between the marks of a tag; anything longer is text.
const LONGEST: usize = 24;
/// Most white space examined after a stage direction; text beyond more of it is neither awaited nor examined.
const MOST_SPACE: usize = 24;

/// Text without tags, and the cues from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filtered {
    /// The text.
    pub text: String,
    /// The cues, placed in `text`.
    pub cues: Vec<PlacedCue>,
}

/// Filters one text.
#[derive(Debug, Default)]
pub struct Tags {
    /// Tags in square brackets are removed; stage directions in asterisks always are.
    brackets: bool,
    /// Text that may be the beginning of a tag, or empty.
    pending: String,
    /// White space that is dropped if a tag and no word follows.
    space: String,
    /// The last character emitted.
    tail: Option<char>,
    /// The last character emitted that is not white space.
    last: Option<char>,
    /// A tag was removed since.
    cut: bool,
    /// Cues whose following word is still to come.
    cues: Vec<Cue>,
    seen: bool,
}

impl Tags {
    /// A filter; `brackets`: also removes tags in square brackets.
    #[must_use]
    pub fn new(brackets: bool) -> Self {
        Self { brackets, ..Self::default() }
    }

    /// Takes a piece of text; returns what is decided of it and of earlier pieces.
    pub fn push(&mut self, piece: &str) -> Filtered {
        self.pending.push_str(piece);
        let mut out = Filtered::default();
        self.go_on(false, &mut out);
        out
    }

    /// Ends the text: returns what was pending and prepares for the next text.
    pub fn finish(&mut self) -> Filtered {
        let mut out = Filtered::default();
        self.go_on(true, &mut out);
        let space = std::mem::take(&mut self.space);
        if !std::mem::take(&mut self.cut) {
            out.text.push_str(&space);
        }
        (self.tail, self.last) = (None, None);
        let end = out.text.len();
        out.cues.extend(self.cues.drain(..).map(|cue| PlacedCue { at: end, cue }));
        out
    }

    /// Whether there has been a cue so far.
    #[must_use]
    pub fn seen(&self) -> bool {
        self.seen
    }

    fn go_on(&mut self, ended: bool, out: &mut Filtered) {
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_str();
        while let Some(next) = rest.chars().next() {
            match tag(rest, self.place(), ended) {
                Tag::Open => break,
                Tag::None => {
                    rest = &rest[next.len_utf8()..];
                    self.put(next, out);
                }
                Tag::Is(length, cues) => {
                    rest = &rest[length..];
                    self.cut = true;
                    self.seen |= !cues.is_empty();
                    self.cues.extend(cues);
                }
            }
        }
        self.pending = rest.to_string();
    }

    /// The position of the next character.
    fn place(&self) -> Place {
        let before = if self.cut { None } else { self.space.chars().last().or(self.tail) };
        Place {
            before,
            begins: self.last.is_none_or(|last| !last.is_alphanumeric()),
            brackets: self.brackets,
        }
    }

    /// Emits a character, but no white space that removing a tag would double.
    fn put(&mut self, next: char, out: &mut Filtered) {
        if next.is_whitespace() {
            match self.tail {
                // White space after punctuation is not held back.
                Some(tail) if tail.is_alphanumeric() && !self.cut => self.space.push(next),
                _ if !self.cut => self.emit(next, out),
                Some(tail) if !tail.is_whitespace() => self.space = next.into(),
                _ => {}
            }
            return;
        }
        if self.cut {
            let joins = matches!(next, '.' | ',' | '!' | '?' | ';' | ':' | '…');
            let both = self.tail.is_some_and(char::is_alphanumeric) && next.is_alphanumeric();
            if joins {
                self.space.clear();
            } else if both && self.space.is_empty() {
                self.space.push(' ');
            }
        }
        self.cut = false;
        out.text.push_str(&std::mem::take(&mut self.space));
        let at = out.text.len();
        out.cues.extend(self.cues.drain(..).map(|cue| PlacedCue { at, cue }));
        self.emit(next, out);
    }

    fn emit(&mut self, next: char, out: &mut Filtered) {
        out.text.push(next);
        self.tail = Some(next);
        self.last = if next == '\n' { None } else { self.tail.filter(|c| !c.is_whitespace()).or(self.last) };
    }
}

/// The model's instructions about tags.
#[must_use]
pub fn instructions() -> String {
    let moods = MOODS.iter().map(|(name, _)| *name).filter(|name| *name != "listening");
    let names = moods.chain(GESTURES.iter().map(|(name, _)| *name));
    let tags = names.map(|name| format!("[{name}]")).collect::<Vec<_>>().join(" ");
    format!(
        "\nYou have a face. A tag before a sentence shows on it and is never read aloud: {tags}. Use at most one tag in \
         an answer, and only where it fits."
    )
}

/// The position of a mark.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The character before it, unless a tag was removed there.
    before: Option<char>,
    /// A sentence or a clause begins there.
    begins: bool,
    /// Tags in square brackets are removed.
    brackets: bool,
}

/// What a text begins with.
enum Tag {
    /// Undecided: more text is needed.
    Open,
    None,
    /// A tag of this many bytes, and its cues.
    Is(usize, Vec<Cue>),
}

fn tag(text: &str, place: Place, ended: bool) -> Tag {
    let before = place.before;
    let (mark, close) = match text.as_bytes().first() {
        Some(b'[') if place.brackets => ('[', b']'),
        Some(b'*') if before != Some('*') => ('*', b'*'),
        _ => return Tag::None,
    };
    let inside = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b' ' | b',');
    let length = text.bytes().skip(1).take(LONGEST + 1).take_while(inside).count();
    let inner = &text[1..=length];
    let Some(next) = text.as_bytes().get(length + 1) else {
        return match (ended, length > LONGEST) {
            (_, true) => Tag::None,
            (false, _) => Tag::Open,
            // The text was cut off in the middle of a tag.
            (true, _) if mark == '[' && is_beginning(inner) => Tag::Is(text.len(), Vec::new()),
            (true, _) => Tag::None,
        };
    };
    if *next != close || length > LONGEST || mark == '*' && inner.starts_with(' ') {
        return Tag::None;
    }
    let rest = &text[length + 2..];
    let found = match (mark, rest.as_bytes().first()) {
        (_, None) if !ended => return Tag::Open,
        // A link, or bold.
        ('[', Some(b'(')) | ('*', Some(b'*')) => None,
        ('[', _) => bracketed(inner),
        _ => match asterisked(inner, place.begins) {
            Direction::Sure(cues) => Some(cues),
            Direction::No => None,
            Direction::BeforeSentence(cues) => match is_before_sentence(rest, ended) {
                None => return Tag::Open,
                Some(is) => is.then_some(cues),
            },
        },
    };
    found.map_or(Tag::None, |cues| Tag::Is(length + 2, cues))
}

/// Whether a sentence or nothing follows. None: more text decides.
fn is_before_sentence(rest: &str, ended: bool) -> Option<bool> {
    let next = rest.chars().take(MOST_SPACE).find(|c| !c.is_whitespace());
    let decided = ended || next.is_some() || rest.chars().nth(MOST_SPACE - 1).is_some();
    decided.then(|| next.is_none_or(|c| c.is_uppercase() || matches!(c, '*' | '[')))
}

#[cfg(test)]
mod tests;
