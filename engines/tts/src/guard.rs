//! Makes text safe for espeak-ng. Pure.
//!
//! espeak-ng 1.51 overruns its buffers on abbreviations ("a.b.c.") and endings ("'s's") of 160 bytes, words of 200 phonemes,
//! numbers of 130 digits, and letters of a script that the voice does not read, for which it loads another language while
//! still using the first. So it is given short pieces of short words in the voice's own script; other scripts are romanised
//! and pictographs are left out. Ordinary text passes unchanged.

use any_ascii::any_ascii_char;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::script::{Script, greek_letter, is_han};

/// Longest word given to espeak-ng, in characters and in bytes. No ordinary word is longer.
const LONGEST_WORD: usize = 48;
const LONGEST_WORD_BYTES: usize = 96;
/// Most digits in a row: a longer number is not a quantity.
const MOST_DIGITS: usize = 20;
/// Most symbols in one word: espeak-ng says the name of each.
const MOST_SYMBOLS: usize = 1;
/// Most changes between letters and digits in one word: "A1B2C3" has five.
const MOST_CHANGES: usize = 12;
/// Most apostrophes in one word: "rock'n'roll's" has three.
const MOST_APOSTROPHES: usize = 3;
/// Most full stops in one piece: espeak-ng joins abbreviations even across spaces.
const MOST_STOPS: usize = 12;
/// Longest piece, in bytes and in words.
const LONGEST_PIECE: usize = 400;
const MOST_WORDS: usize = 60;
/// Most marks in one piece: "a(a(a(" is many words to espeak-ng.
const MOST_MARKS: usize = 80;

/// The text in pieces, to be spoken one after the other without a pause. Words are separated by single spaces.
pub(crate) fn guarded(text: &str, script: Script) -> Vec<String> {
    let read = readable(text, script);
    let mut pieces: Vec<String> = Vec::new();
    let mut so_far = Size::default();
    for word in read.split_whitespace().map(cut).collect::<Vec<_>>().iter().flat_map(|word| word.split(' ')) {
        // espeak-ng says "dot" for a full stop that is a separate word.
        let stop = word.chars().all(|c| matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '…'));
        let twice = pieces.last().is_none_or(|piece| word.starts_with('.') && piece.ends_with('.'));
        if word.is_empty() || stop && twice {
            continue;
        }
        let with = so_far.and(word);
        match pieces.last_mut().filter(|_| with.fits()) {
            Some(piece) => {
                if !stop {
                    piece.push(' ');
                }
                piece.push_str(word);
                so_far = with;
            }
            None => {
                pieces.push(word.to_owned());
                so_far = Size::default().and(word);
            }
        }
    }
    pieces
}

/// The size of a piece.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    bytes: usize,
    words: usize,
    stops: usize,
    marks: usize,
}

impl Size {
    fn and(self, word: &str) -> Self {
        Self {
            bytes: self.bytes + word.len() + 1,
            words: self.words + 1,
            stops: self.stops + word.matches('.').count(),
            marks: self.marks + word.chars().filter(|c| !c.is_alphanumeric()).count(),
        }
    }

    fn fits(self) -> bool {
        self.bytes <= LONGEST_PIECE
            && self.words <= MOST_WORDS
            && self.stops <= MOST_STOPS
            && self.marks <= MOST_MARKS
    }
}

/// The text in letters that the voice reads and marks that espeak-ng knows.
fn readable(text: &str, script: Script) -> String {
    let text: Vec<char> = text.nfc().collect();
    let mut read = String::with_capacity(text.len());
    for (at, &c) in text.iter().enumerate() {
        if script.reads(c) || is_mark(c) && (script.names_symbols() || !is_symbol(c)) {
            read.push(c);
        } else if is_invisible(c) || (is_combining_mark(c) && any_ascii_char(c).is_empty()) {
            // It modifies the letter before it, or nothing.
        } else if let Some(name) = greek_letter(c).filter(|_| is_alone(&text, at)) {
            read.push_str(name);
        } else {
            romanise(c, &mut read);
        }
    }
    read
}

/// Appends a foreign letter in Latin letters; anything else becomes a space.
fn romanise(c: char, read: &mut String) {
    let ascii = any_ascii_char(c);
    if ascii.is_empty() || !ascii.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'\'') {
        read.push(' ');
        return;
    }
    let apart = if is_han(c) { " " } else { "" };
    // any_ascii writes capitals even for scripts without them, and espeak-ng would split the word there.
    let ascii = if c.is_uppercase() { ascii.to_owned() } else { ascii.to_ascii_lowercase() };
    read.extend([apart, &ascii, apart]);
}

/// Whether the letter has no letters beside it.
fn is_alone(text: &[char], at: usize) -> bool {
    let letter = |at: usize| text.get(at).is_some_and(|c| c.is_alphabetic());
    !(at.checked_sub(1).is_some_and(letter) || letter(at + 1))
}

/// Whether espeak-ng reads or skips the character: punctuation, currencies, superscripts, fractions and signs.
fn is_mark(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{bf}' | '×' | '÷' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}'
        | '\u{2070}'..='\u{209c}' | '\u{20a0}'..='\u{20bf}' | '\u{2100}'..='\u{215f}' | '\u{2200}'..='\u{22ff}')
        && !matches!(c, '©' | '®' | '\u{ad}')
}

/// Whether espeak-ng may say the mark's name.
fn is_symbol(c: char) -> bool {
    let punctuation =
        ['.', ',', ';', ':', '!', '?', '…', '-', '–', '—', '/', '"', '(', ')', '“', '”', '„', ' '];
    let apostrophes = ['\'', '’', '‘', '`', '´'];
    !(c.is_alphabetic() || c.is_ascii_digit() || punctuation.contains(&c) || apostrophes.contains(&c))
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Splits a word by spaces wherever espeak-ng must not get more of it at once.
fn cut(word: &str) -> String {
    let mut cut = String::with_capacity(word.len());
    let (mut stops, mut apostrophes) = (0, 0);
    let mut run = Run::default();
    for c in word.chars() {
        // espeak-ng says "dot" for the second of two stops in a row.
        if c == '.' && cut.ends_with('.') {
            continue;
        }
        let many = match c {
            '.' => bump(&mut stops) > MOST_STOPS,
            '\'' | '’' | '‘' | '`' | '´' => bump(&mut apostrophes) > MOST_APOSTROPHES,
            _ => false,
        };
        if many || c == ' ' {
            cut.push(' ');
            run = Run::default();
            continue;
        }
        if !run.and(c).fits() {
            cut.push(' ');
            run = Run::default();
        }
        cut.push(c);
        run = run.and(c);
    }
    cut
}

/// The counts of a word so far.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    letters: usize,
    bytes: usize,
    digits: usize,
    changes: usize,
    symbols: usize,
}

impl Run {
    fn and(self, c: char) -> Self {
        let digit = c.is_ascii_digit();
        Self {
            letters: self.letters + 1,
            bytes: self.bytes + c.len_utf8(),
            digits: if digit { self.digits + 1 } else { 0 },
            changes: self.changes + usize::from(self.letters > 0 && digit != (self.digits > 0)),
            symbols: self.symbols + usize::from(is_symbol(c)),
        }
    }

    fn fits(self) -> bool {
        self.letters <= LONGEST_WORD
            && self.bytes <= LONGEST_WORD_BYTES
            && self.digits <= MOST_DIGITS
            && self.changes <= MOST_CHANGES
            && self.symbols <= MOST_SYMBOLS
    }
}

fn bump(count: &mut usize) -> usize {
    *count += 1;
    *count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english(text: &str) -> String {
        guarded(text, Script::of("en-us")).join(" | ")
    }

    #[test]
    fn ordinary_text_passes_unchanged() {
        for text in [
            "Hello, it's 5 o'clock; the rock'n'roll's loud.",
            "Café, naïve, Łódź, Ångström: 20 °C, 3½ × 2² = €5.",
            "e.g. the U.S.S.R. at 10.30 p.m.",
            "Donaudampfschifffahrtsgesellschaftskapitän",
        ] {
            assert_eq!(english(text), text);
        }
        assert_eq!(guarded("Привет, мир. Hi.", Script::of("ru")), ["Привет, мир. Hi."]);
        assert_eq!(guarded("नमस्ते", Script::of("hi")), ["नमस्ते"]);
    }

    #[test]
    fn foreign_scripts_are_romanised_and_pictographs_left_out() {
        for (written, read) in [
            ("The word is 苹果.", "The word is ping guo."),
            ("Say Привет to Αθήνα", "Say Privet to Athina"),
            ("the α of π²", "the alpha of pi²"),
            ("こんにちは", "konnichiha"),
            ("Well... so .. no . . yes", "Well. so. no. yes"),
            ("Yes 😀→ no\u{301}w\u{200b}", "Yes nów"),
            ("𝐇𝐞𝐥𝐥𝐨 ｆｕｌｌ Ⅳ", "Hello full IV"),
        ] {
            assert_eq!(english(written), read, "{written}");
        }
        for written in ["مرحبا", "שלום", "สวัสดี", "안녕하세요", "নমস্কার"]
        {
            let read = english(written);
            assert!(!read.is_empty() && read.is_ascii(), "{written}: {read}");
        }
    }

    #[test]
    fn words_digits_stops_apostrophes_and_pieces_are_bounded() {
        for text in [
            "'s".repeat(119),
            "a.b.".repeat(100),
            "A.B.C.D.".repeat(60),
            "1".repeat(500),
            "ж".repeat(1500),
            "好".repeat(240),
            "U. S. ".repeat(99),
            "a(".repeat(400),
        ] {
            for piece in guarded(&text, Script::of("ru")) {
                assert!(piece.len() <= LONGEST_PIECE && piece.matches('.').count() <= MOST_STOPS, "{piece}");
                assert!(piece.split(' ').count() <= MOST_WORDS, "{piece}");
                for word in piece.split(' ') {
                    assert!(
                        word.chars().count() <= LONGEST_WORD && word.len() <= LONGEST_WORD_BYTES,
                        "{word}"
                    );
                    assert!(word.matches('\'').count() <= MOST_APOSTROPHES, "{word}");
                }
            }
        }
    }
}
