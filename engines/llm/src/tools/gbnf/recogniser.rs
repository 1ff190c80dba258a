//! For tests: reads a grammar as llama.cpp does, as far as ours go, and says whether a text follows it.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::str::Chars;

/// Most repetitions that llama.cpp reads.
const MOST_TIMES: usize = 2000;
const WITHOUT_END: usize = usize::MAX;

type Choices = Vec<Vec<Part>>;

/// A part of a rule, and how often it comes.
#[derive(Debug)]
struct Part {
    what: What,
    times: RangeInclusive<usize>,
}

#[derive(Debug)]
enum What {
    Text(Vec<char>),
    Class { not: bool, ranges: Vec<RangeInclusive<char>> },
    Rule(String),
    Group(Choices),
}

/// A grammar whose first rule is `root`.
#[derive(Debug)]
pub(in crate::tools) struct Grammar {
    rules: BTreeMap<String, Choices>,
}

impl Grammar {
    /// Reads one rule a line. Panics at what llama.cpp would refuse, or would not come to an end with.
    pub(in crate::tools) fn read(text: &str) -> Self {
        let mut rules = BTreeMap::new();
        for line in text.lines() {
            let (name, body) = line.split_once(" ::= ").unwrap_or_else(|| panic!("no rule: {line}"));
            assert!(!name.is_empty() && name.chars().all(in_name), "{line}");
            let mut reader = Reader { rest: body.chars().peekable() };
            let choices = reader.choices();
            assert!(reader.rest.peek().is_none(), "{:?} is left of {line}", reader.rest);
            assert!(rules.insert(name.to_owned(), choices).is_none(), "{name} comes twice");
        }
        let grammar = Self { rules };
        grammar.rules.values().for_each(|choices| grammar.check(choices));
        assert!(grammar.rules.contains_key("root"));
        grammar
    }

    /// Checks that all rules are there.
    fn check(&self, choices: &[Vec<Part>]) {
        for part in choices.iter().flatten() {
            match &part.what {
                What::Rule(name) => assert!(self.rules.contains_key(name), "there is no rule {name}"),
                What::Group(choices) => self.check(choices),
                What::Text(_) | What::Class { .. } => {}
            }
        }
    }

    /// Whether the whole text follows the grammar.
    pub(in crate::tools) fn follows(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.ends(&self.rules["root"], &text, 0).contains(&text.len())
    }

    /// Where what begins at `from` may end.
    fn ends(&self, choices: &[Vec<Part>], text: &[char], from: usize) -> BTreeSet<usize> {
        let ends = |parts: &Vec<Part>| {
            parts.iter().fold(BTreeSet::from([from]), |from, part| self.repeated(part, text, from))
        };
        choices.iter().flat_map(ends).collect()
    }

    fn repeated(&self, part: &Part, text: &[char], from: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut ends = BTreeSet::new();
        let mut at = from;
        for times in 0..=*part.times.end() {
            if part.times.contains(&times) {
                let before = ends.len();
                ends.extend(&at);
                if ends.len() == before {
                    break;
                }
            }
            at = at.into_iter().flat_map(|from| self.once(&part.what, text, from)).collect();
        }
        ends
    }

    fn once(&self, what: &What, text: &[char], from: usize) -> BTreeSet<usize> {
        match what {
            What::Text(own) if text[from..].starts_with(own) => BTreeSet::from([from + own.len()]),
            What::Class { not, ranges } => {
                let fits = |character: &&char| ranges.iter().any(|range| range.contains(*character)) != *not;
                text.get(from).filter(fits).map(|_| from + 1).into_iter().collect()
            }
            What::Rule(name) => self.ends(&self.rules[name], text, from),
            What::Group(choices) => self.ends(choices, text, from),
            What::Text(_) => BTreeSet::new(),
        }
    }
}

fn in_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-'
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn takes(&mut self, expected: char) -> bool {
        self.rest.next_if_eq(&expected).is_some()
    }

    fn choices(&mut self) -> Choices {
        let mut choices = vec![self.sequence()];
        while self.takes('|') {
            choices.push(self.sequence());
        }
        choices
    }

    fn sequence(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        loop {
            self.space();
            let Some(what) = self.what() else { return parts };
            self.space();
            parts.push(Part { what, times: self.times() });
        }
    }

    fn space(&mut self) {
        while self.takes(' ') {}
    }

    fn what(&mut self) -> Option<What> {
        if self.takes('"') {
            let mut text = Vec::new();
            while !self.takes('"') {
                text.push(self.character());
            }
            return Some(What::Text(text));
        }
        if self.takes('[') {
            return Some(self.class());
        }
        if self.takes('(') {
            let choices = self.choices();
            assert!(self.takes(')'), "a group has no end");
            return Some(What::Group(choices));
        }
        let mut name = String::new();
        while let Some(character) = self.rest.next_if(|character| in_name(*character)) {
            name.push(character);
        }
        (!name.is_empty()).then_some(What::Rule(name))
    }

    fn class(&mut self) -> What {
        let not = self.takes('^');
        let mut ranges = Vec::new();
        while !self.takes(']') {
            let first = self.character();
            let last = if self.takes('-') { self.character() } else { first };
            assert!(first <= last, "{first:?}-{last:?}");
            ranges.push(first..=last);
        }
        assert!(!ranges.is_empty(), "an empty class");
        What::Class { not, ranges }
    }

    fn character(&mut self) -> char {
        let first = self.rest.next().expect("a text or a class has an end");
        if first != '\\' {
            return first;
        }
        match self.rest.next().expect("something is escaped") {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'x' => {
                let digits: String = self.rest.by_ref().take(2).collect();
                char::from(u8::from_str_radix(&digits, 16).unwrap())
            }
            escaped @ ('\\' | '"' | '[' | ']' | '-') => escaped,
            other => panic!("\\{other} means nothing"),
        }
    }

    fn times(&mut self) -> RangeInclusive<usize> {
        if self.takes('*') {
            return 0..=WITHOUT_END;
        }
        if self.takes('+') {
            return 1..=WITHOUT_END;
        }
        if self.takes('?') {
            return 0..=1;
        }
        if !self.takes('{') {
            return 1..=1;
        }
        let least = self.number().expect("a repetition has a number");
        let most = if self.takes(',') { self.number().unwrap_or(WITHOUT_END) } else { least };
        assert!(self.takes('}'), "a repetition has no end");
        assert!(least <= most, "llama.cpp would count from {least} down to {most}");
        assert!(
            least <= MOST_TIMES && (most <= MOST_TIMES || most == WITHOUT_END),
            "{least} to {most} times"
        );
        least..=most
    }

    fn number(&mut self) -> Option<usize> {
        let mut digits = String::new();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        (!digits.is_empty()).then(|| digits.parse().unwrap())
    }
}
