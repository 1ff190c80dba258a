//! The keys that an object's named properties leave over. Pure.
//!
//! Without this a model could write a named property as a further one, with a value of any kind.

use std::collections::BTreeMap;

use serde_json::Value;

use super::literal;

/// What follows a backslash in a character's shorter form.
const ESCAPES: [char; 7] = ['"', '\\', 'b', 'f', 'n', 'r', 't'];

/// Names as a tree, with each character as JSON writes it.
#[derive(Debug, Default)]
struct Names {
    next: BTreeMap<String, Names>,
    /// Whether a name ends here.
    ends: bool,
}

/// The body of a rule for all keys but the names, with their quotes.
pub(super) fn other_than(names: &[&str]) -> String {
    let mut tree = Names::default();
    for name in names {
        let mut at = &mut tree;
        for character in name.chars() {
            let quoted = Value::from(character.to_string()).to_string();
            at = at.next.entry(quoted[1..quoted.len() - 1].to_owned()).or_default();
        }
        at.ends = true;
    }
    format!(r#""\"" {} "\"""#, tree.rest())
}

impl Names {
    /// How a key may go on that has begun as names do. Until it differs from them a character has one form only: as `\u0063`
    /// a `c` could begin a name unnoticed.
    fn rest(&self) -> String {
        if self.next.is_empty() {
            return "char chars".to_owned();
        }
        let mut alternatives = Vec::new();
        if !self.ends {
            alternatives.push(String::new());
        }
        let next = self.next.iter();
        alternatives
            .extend(next.map(|(character, names)| format!("{} {}", literal(character), names.rest())));
        let plain = self.next.keys().filter_map(|character| single(character)).map(in_class);
        alternatives.push(format!(r#"[^"\\\x7F\x00-\x1F{}] chars"#, plain.collect::<String>()));
        let escapes = ESCAPES.into_iter().filter(|escape| !self.next.contains_key(&format!("\\{escape}")));
        let escapes: String = escapes.map(in_class).collect();
        // An empty class would match nothing at all rather than no character.
        if !escapes.is_empty() {
            alternatives.push(format!(r#""\\" [{escapes}] chars"#));
        }
        format!("({})", alternatives.join(" | "))
    }
}

/// The character, if the text is a single one.
fn single(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// A character inside of brackets.
fn in_class(character: char) -> String {
    match character {
        '\\' | '[' | ']' | '-' => format!("\\{character}"),
        _ => character.to_string(),
    }
}
