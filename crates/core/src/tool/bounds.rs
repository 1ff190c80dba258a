//! Bounds the work that a tool's schema can cause, before anything is compiled. Pure.
//!
//! A schema of a few hundred bytes can refer to itself, double at each level or carry patterns that backtrack for minutes.
//! The walk computes the schema's size with every reference replaced by its target. Each target is measured once and
//! cached, so the walk itself is linear.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Longest schema in bytes, as compact JSON.
pub const LONGEST_SCHEMA: usize = 4000;
/// Deepest nesting of a schema, references included.
pub const DEEPEST: usize = 24;
/// Most values in a schema, with its references replaced by their targets.
pub const MOST_VALUES: u64 = 2000;
/// Most patterns in a schema, with its references replaced by their targets.
pub const MOST_PATTERNS: u64 = 16;
/// Longest pattern in bytes.
pub const LONGEST_PATTERN: usize = 200;

/// Keywords that hold schemas by names the client chooses.
const BY_NAME: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
/// Keywords that hold data.
const DATA: [&str; 5] = ["enum", "const", "default", "examples", "example"];
/// Keywords whose evaluation cannot be bounded by a walk.
const UNBOUNDED: [&str; 7] = [
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$anchor",
    "unevaluatedProperties",
    "unevaluatedItems",
];

/// The size of a schema, with its references replaced by their targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// JSON values; a validator visits each at most once for each value of the arguments.
    pub values: u64,
    /// Patterns.
    pub patterns: u64,
    /// Steps that all patterns together take for one byte of text.
    pub steps: u64,
    /// Levels of nesting.
    pub depth: usize,
}

impl Size {
    fn of(self, part: Self) -> Self {
        Self {
            values: self.values.saturating_add(part.values),
            patterns: self.patterns.saturating_add(part.patterns),
            steps: self.steps.saturating_add(part.steps),
            depth: self.depth.max(part.depth.saturating_add(1)),
        }
    }
}

const LEAF: Size = Size { values: 1, patterns: 0, steps: 0, depth: 1 };

/// A pattern's cost per byte of text, or why it cannot be used.
pub type Weigh = fn(&str) -> Result<u64, String>;

/// Measures a schema; `weigh` returns a pattern's cost.
///
/// # Errors
/// The first limit that it exceeds, with the location as a JSON pointer.
pub fn measure(schema: &Value, weigh: Weigh) -> Result<Size, String> {
    let bytes = schema.to_string().len();
    if bytes > LONGEST_SCHEMA {
        return Err(format!("{bytes} bytes; at most {LONGEST_SCHEMA}"));
    }
    let mut walk = Walk { root: schema, sizes: HashMap::new(), weigh, weighed: 0 };
    let size = walk.value(schema, "", 0)?;
    for (count, most, what) in
        [(size.values, MOST_VALUES, "values"), (size.patterns, MOST_PATTERNS, "patterns")]
    {
        if count > most {
            return Err(format!(
                "more than {most} {what} when each $ref is replaced by its target; make it simpler"
            ));
        }
    }
    Ok(size)
}

/// Sizes of `$ref` targets by the address of their value; `None` while one is being measured.
type Sizes = HashMap<*const Value, Option<Size>>;

struct Walk<'a> {
    root: &'a Value,
    sizes: Sizes,
    weigh: Weigh,
    /// Patterns so far: each is compiled to be weighed.
    weighed: u64,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &'a Value, place: &str, depth: usize) -> Result<Size, String> {
        if depth > DEEPEST {
            return Err(too_deep(place));
        }
        match value {
            Value::Object(schema) => self.schema(schema, place, depth),
            Value::Array(list) => list.iter().enumerate().try_fold(LEAF, |size, (index, part)| {
                Ok(size.of(self.value(part, &format!("{place}/{index}"), depth + 1)?))
            }),
            _ => Ok(LEAF),
        }
    }

    fn schema(&mut self, schema: &'a Map<String, Value>, place: &str, depth: usize) -> Result<Size, String> {
        let mut size = LEAF;
        for (keyword, value) in schema {
            let here = format!("{place}/{}", escaped(keyword));
            let keyword = keyword.as_str();
            let names_place = matches!(keyword, "$id" | "id") && value.is_string() && !place.is_empty();
            if names_place || UNBOUNDED.contains(&keyword) {
                return Err(format!("{here}: not supported in a tool's schema"));
            }
            let part = match (keyword, value) {
                ("$ref", Value::String(to)) => self.target(to, &here, depth + 1)?,
                ("pattern", Value::String(pattern)) => self.pattern(pattern, &here)?,
                (_, Value::Object(named)) if BY_NAME.contains(&keyword) => {
                    self.by_name(keyword, named, &here, depth + 1)?
                }
                (_, data) if DATA.contains(&keyword) => Size { values: data_values(data), ..LEAF },
                (_, value) => self.value(value, &here, depth + 1)?,
            };
            size = size.of(part);
        }
        Ok(size)
    }

    fn by_name(
        &mut self,
        keyword: &str,
        named: &'a Map<String, Value>,
        place: &str,
        depth: usize,
    ) -> Result<Size, String> {
        let mut size = LEAF;
        for (name, schema) in named {
            let here = format!("{place}/{}", escaped(name));
            if keyword == "patternProperties" {
                size = size.of(self.pattern(name, &here)?);
            }
            size = size.of(self.value(schema, &here, depth + 1)?);
        }
        Ok(size)
    }

    fn target(&mut self, to: &str, place: &str, depth: usize) -> Result<Size, String> {
        let pointer = to.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        // Percent encoding is a second way to write a pointer; it is not needed here.
        let target = pointer.filter(|pointer| !pointer.contains('%'));
        let Some((pointer, target)) = target.and_then(|to| Some((to, self.root.pointer(to)?))) else {
            return Err(format!("{place}: {to:?} is not a place in this schema, such as \"#/$defs/name\""));
        };
        match self.sizes.get(&std::ptr::from_ref(target)) {
            Some(Some(size)) if depth + size.depth > DEEPEST + 1 => return Err(too_deep(place)),
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                return Err(format!("{place}: a $ref leads back to itself; a loop is not supported"));
            }
            None => {}
        }
        self.sizes.insert(std::ptr::from_ref(target), None);
        let size = self.value(target, pointer, depth)?;
        self.sizes.insert(std::ptr::from_ref(target), Some(size));
        Ok(size)
    }

    fn pattern(&mut self, pattern: &str, place: &str) -> Result<Size, String> {
        self.weighed += 1;
        if self.weighed > MOST_PATTERNS {
            return Err(format!("{place}: more than {MOST_PATTERNS} patterns"));
        }
        if pattern.len() > LONGEST_PATTERN {
            return Err(format!("{place}: a pattern of {} bytes; at most {LONGEST_PATTERN}", pattern.len()));
        }
        let steps = (self.weigh)(pattern).map_err(|fault| format!("{place}: {fault}"))?;
        Ok(Size { patterns: 1, steps, ..LEAF })
    }
}

/// Number of patterns in a schema, valid or not.
pub fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Array(list) => list.iter().map(patterns).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match (key.as_str(), value) {
                ("pattern", Value::String(_)) => 1,
                ("patternProperties", Value::Object(named)) => named.len() + patterns(value),
                _ => patterns(value),
            })
            .sum(),
        _ => 0,
    }
}

fn too_deep(place: &str) -> String {
    format!("{place}: deeper than {DEEPEST} levels, $ref included")
}

fn data_values(data: &Value) -> u64 {
    match data {
        Value::Array(list) => 1 + list.iter().map(data_values).sum::<u64>(),
        Value::Object(fields) => 1 + fields.values().map(data_values).sum::<u64>(),
        _ => 1,
    }
}

/// Escapes a name for a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
