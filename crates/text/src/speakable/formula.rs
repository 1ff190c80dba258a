//! LaTeX formulas: simple ones are said; for others the person is told that they are on the screen.

use super::token::Token;
use super::tongue::Lexicon;

/// Longest formula, in words; a mark that is not closed within it opens no formula.
const LONGEST: usize = 60;
/// Longest reading, in words; a longer one would not be understood.
const LONGEST_READING: usize = 30;

/// The spoken text of each word that is part of a formula; other words get `None`. The formula's last word says all of it, so
/// that the formula counts as heard whole or not at all.
pub(super) fn read(tokens: &mut [Token<'_>], lexicon: &'static Lexicon) -> Vec<Option<String>> {
    let mut spoken = vec![None; tokens.len()];
    let mut at = 0;
    while at < tokens.len() {
        let Some((last, inner)) = formula(tokens, at) else {
            at += 1;
            continue;
        };
        for (token, said) in tokens[at..=last].iter_mut().zip(&mut spoken[at..=last]) {
            let stops =
                token.written.len() - token.written.trim_end_matches(['.', ',', ';', ':', '?', '!']).len();
            token.tail = token.written[token.written.len() - stops..].to_owned();
            token.lead.clear();
            *said = Some(String::new());
        }
        for token in &mut tokens[at..last] {
            token.tail.clear();
        }
        spoken[last] = Some(say(&inner, lexicon).unwrap_or_else(|| lexicon.formula.to_owned()));
        at = last + 1;
    }
    spoken
}

/// The index of the last word of the formula that begins at word `at`, and the formula's source.
fn formula(tokens: &[Token<'_>], at: usize) -> Option<(usize, String)> {
    let written = tokens[at].written.trim_start_matches(['(', '"', '*']);
    let (open, close) = [("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")]
        .into_iter()
        .find(|(open, _)| written.starts_with(open))
        .or_else(|| is_command(written).then_some(("", "")))?;
    let first = &written[open.len()..];
    if open.is_empty() {
        return Some((at, first.trim_end_matches(['.', ',', ';', ':', '?', '!']).to_owned()));
    }
    let mut inner = String::new();
    for (index, token) in tokens.iter().enumerate().skip(at).take(LONGEST) {
        let word = if index == at { first } else { token.written };
        if let Some(end) = word.find(close) {
            let ends = word[end + close.len()..].chars().all(|c| !c.is_alphanumeric());
            inner.push_str(&word[..end]);
            return (ends && (open != "$" || is_formula(&inner))).then_some((index, inner));
        }
        inner.push_str(word);
        inner.push(' ');
    }
    // A segment may end inside a formula.
    let cut = open != "$" && tokens.len() - at <= LONGEST;
    cut.then(|| (tokens.len() - 1, inner))
}

/// Whether the text between two dollar signs is a formula rather than money.
fn is_formula(inner: &str) -> bool {
    let one = inner.chars().count() == 1 && inner.chars().all(char::is_alphabetic);
    let touching = !inner.starts_with(char::is_whitespace) && !inner.ends_with(char::is_whitespace);
    touching && (one || inner.contains(['\\', '^', '_', '=', '+', '<', '>']))
}

fn is_command(written: &str) -> bool {
    ["\\frac{", "\\sqrt{", "\\boxed{", "\\text{", "\\times", "\\cdot", "\\pi", "\\approx", "\\leq", "\\geq"]
        .into_iter()
        .any(|command| written.starts_with(command))
}

/// A simple formula in words.
fn say(formula: &str, lexicon: &'static Lexicon) -> Option<String> {
    let chars: Vec<char> = formula.chars().take(400).collect();
    let mut reader = Reader { chars: &chars, at: 0, lexicon, words: Vec::new() };
    reader.group(0)?;
    let fits = reader.at == chars.len() && (1..=LONGEST_READING).contains(&reader.words.len());
    fits.then(|| reader.words.join(" "))
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    lexicon: &'static Lexicon,
    words: Vec<String>,
}

impl Reader<'_> {
    fn say(&mut self, word: &str) {
        self.words.push(word.to_owned());
    }

    /// Reads up to the end or the closing brace.
    fn group(&mut self, depth: u32) -> Option<()> {
        while let Some(&c) = self.chars.get(self.at) {
            if c == '}' && depth > 0 {
                return Some(());
            }
            self.item(c, depth)?;
        }
        Some(())
    }

    fn item(&mut self, c: char, depth: u32) -> Option<()> {
        let lexicon = self.lexicon;
        match c {
            '\\' => return self.command(depth),
            '{' => return self.braced(depth),
            '^' => return self.power(depth),
            c if c.is_ascii_digit() => {
                let number: String = self.chars[self.at..]
                    .iter()
                    .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
                    .collect();
                self.at += number.chars().count();
                let number = number.trim_end_matches([',', '.']);
                self.say(number);
                return Some(());
            }
            c if c.is_alphabetic() => {
                let letter = lexicon.letter(c);
                self.say(&letter);
            }
            '_' | '(' | ')' | '[' | ']' | '|' | '&' | ',' | '.' | ';' | ':' | '\'' | '$' => {}
            c if c.is_whitespace() => {}
            '+' => self.say(lexicon.plus),
            '-' | '−' => self.say(lexicon.minus),
            '=' => self.say(lexicon.equals),
            '<' => self.say(lexicon.compared.less),
            '>' => self.say(lexicon.compared.more),
            '*' | '×' => self.say(lexicon.times),
            '/' => self.say(over(lexicon)),
            _ => return None,
        }
        self.at += 1;
        Some(())
    }

    /// A group in braces, or a single character.
    fn argument(&mut self, depth: u32) -> Option<()> {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        let c = *self.chars.get(self.at)?;
        self.item(c, depth)
    }

    fn braced(&mut self, depth: u32) -> Option<()> {
        if depth > 6 {
            return None;
        }
        self.at += 1;
        self.group(depth + 1)?;
        self.at += 1;
        (self.at <= self.chars.len()).then_some(())
    }

    fn power(&mut self, depth: u32) -> Option<()> {
        self.at += 1;
        let from = self.words.len();
        self.argument(depth)?;
        let said = self.words.split_off(from).join(" ");
        let power = match said.as_str() {
            "2" => self.lexicon.squared.to_owned(),
            "3" => self.lexicon.cubed.to_owned(),
            "" => return None,
            said if said.starts_with('°') => said.to_owned(),
            said => format!("{} {said}", self.lexicon.power),
        };
        self.words.push(power);
        Some(())
    }

    fn command(&mut self, depth: u32) -> Option<()> {
        self.at += 1;
        let name: String = self.chars[self.at..].iter().take_while(|c| c.is_ascii_alphabetic()).collect();
        if name.is_empty() {
            return self.escaped();
        }
        self.at += name.len();
        let lexicon = self.lexicon;
        match name.as_str() {
            "frac" | "dfrac" | "tfrac" => {
                self.argument(depth)?;
                self.say(over(lexicon));
                return self.argument(depth);
            }
            "sqrt" => {
                self.say(lexicon.root);
                return self.argument(depth);
            }
            "text" | "mathrm" | "textbf" | "operatorname" => return self.text(),
            "boxed" | "mathbf" | "mathit" => return self.argument(depth),
            "left" | "right" | "displaystyle" | "quad" | "qquad" | "big" | "Big" => {}
            "times" | "cdot" | "ast" => self.say(lexicon.times),
            "div" => self.say(over(lexicon)),
            "pm" => self.say(lexicon.plus_minus),
            "leq" | "le" => self.say(lexicon.compared.at_most),
            "geq" | "ge" => self.say(lexicon.compared.at_least),
            "neq" | "ne" => self.say(lexicon.compared.unequal),
            "lt" => self.say(lexicon.compared.less),
            "gt" => self.say(lexicon.compared.more),
            "approx" | "sim" => self.say(lexicon.compared.about),
            "to" | "rightarrow" | "Rightarrow" => self.say(lexicon.to),
            "circ" => self.say("°"),
            "pi" | "alpha" | "beta" | "gamma" | "delta" | "theta" | "lambda" | "mu" | "sigma" | "omega"
            | "phi" | "rho" | "epsilon" | "Delta" | "Omega" => {
                let name = name.to_lowercase();
                self.say(&name);
            }
            "sin" if lexicon.english => self.say("sine"),
            "cos" if lexicon.english => self.say("cosine"),
            "tan" if lexicon.english => self.say("tangent"),
            "log" if lexicon.english => self.say("log"),
            "infty" if lexicon.english => self.say("infinity"),
            _ => return None,
        }
        Some(())
    }

    /// "\,", "\%": a space or an escaped sign.
    fn escaped(&mut self) -> Option<()> {
        let sign = *self.chars.get(self.at)?;
        self.at += 1;
        match sign {
            '%' => {
                let last = self.words.last_mut()?;
                last.push('%');
                Some(())
            }
            ',' | ';' | '!' | ' ' | ':' | '{' | '}' | '|' | '(' | ')' | '[' | ']' => Some(()),
            _ => None,
        }
    }

    /// Plain words in braces.
    fn text(&mut self) -> Option<()> {
        if self.chars.get(self.at) != Some(&'{') {
            return None;
        }
        let length = self.chars[self.at..].iter().position(|c| *c == '}')?;
        let text: String = self.chars[self.at + 1..self.at + length].iter().collect();
        self.at += length + 1;
        if text.contains(['\\', '{']) {
            return None;
        }
        self.words.extend(text.split_whitespace().map(str::to_owned));
        Some(())
    }
}

fn over(lexicon: &Lexicon) -> &'static str {
    match lexicon.code {
        "de" => "durch",
        "fr" => "sur",
        "es" => "entre",
        "it" => "fratto",
        _ => "over",
    }
}
