//! The fields of a request beside its recordings. Pure.

use super::fault::Fault;
use crate::frame::is_language;

/// A field, from a form or from the address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    value: String,
}

/// The fields, in their order. Unknown ones are not looked at: clients send more than we need.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::api) struct Fields(Vec<Field>);

impl Fields {
    /// Adds a field.
    pub(in crate::api) fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push(Field { name: name.into(), value: value.into() });
    }

    /// The values of a field that may come more often, also as `NAME[]`.
    pub(in crate::api) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_named = move |field: &&Field| field.name.strip_suffix("[]").unwrap_or(&field.name) == name;
        self.0.iter().filter(is_named).map(|field| field.value.as_str())
    }

    /// The value of a field that comes once; none if it is missing or empty.
    pub(in crate::api) fn one(&self, name: &'static str) -> Result<Option<&str>, Fault> {
        let mut values = self.all(name);
        let value = values.next().map(str::trim).filter(|value| !value.is_empty());
        if values.next().is_some() {
            return Err(Fault::of(name, format!("{name} comes more than once")));
        }
        Ok(value)
    }

    /// ISO 639-1; empty: it is to be identified.
    pub(in crate::api) fn language(&self) -> Result<String, Fault> {
        match self.one("language")? {
            None | Some("auto") => Ok(String::new()),
            Some(language) if is_language(language) => Ok(language.to_owned()),
            Some(language) => {
                let detail = format!(
                    "language must be two letters (ISO 639-1) such as \"en\", not {}",
                    shown(language)
                );
                Err(Fault::of("language", detail))
            }
        }
    }

    /// True or false; false if it is missing.
    pub(in crate::api) fn flag(&self, name: &'static str) -> Result<bool, Fault> {
        match self.one(name)? {
            None | Some("false" | "False" | "0") => Ok(false),
            Some("true" | "True" | "1") => Ok(true),
            Some(other) => {
                Err(Fault::of(name, format!("{name} must be true or false, not {}", shown(other))))
            }
        }
    }

    /// Words likely to occur.
    pub(in crate::api) fn prompt(&self) -> Result<String, Fault> {
        Ok(self.one("prompt")?.unwrap_or_default().replace('\0', " "))
    }
}

/// A value as messages show it.
pub(in crate::api) fn shown(value: &str) -> String {
    const MOST: usize = 40;
    if value.chars().count() <= MOST {
        return format!("{value:?}");
    }
    let first: String = value.chars().take(MOST).collect();
    format!("{first:?} and more")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        pairs.iter().for_each(|(name, value)| fields.push(*name, *value));
        fields
    }

    #[test]
    fn a_field_comes_once_and_a_list_as_often_as_it_likes() {
        let sent = fields(&[("a", " x "), ("b[]", "1"), ("b[]", "2"), ("c", " ")]);
        assert_eq!(sent.one("a"), Ok(Some("x")));
        assert_eq!(sent.one("c"), Ok(None));
        assert_eq!(sent.one("d"), Ok(None));
        assert_eq!(sent.all("b").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(sent.one("b").unwrap_err().field, Some("b"));
    }

    #[test]
    fn languages_and_flags_have_one_form() {
        for (language, expected) in
            [("en", Some("en")), ("auto", Some("")), ("", Some("")), ("english", None)]
        {
            let found = fields(&[("language", language)]).language();
            assert_eq!(found.as_deref().ok(), expected, "{language}: {found:?}");
        }
        for (flag, expected) in [("true", Some(true)), ("0", Some(false)), ("", Some(false)), ("maybe", None)]
        {
            assert_eq!(fields(&[("stream", flag)]).flag("stream").ok(), expected, "{flag}");
        }
    }

    #[test]
    fn a_long_value_is_not_repeated_whole() {
        assert_eq!(shown("short"), "\"short\"");
        assert!(shown(&"x".repeat(10_000)).len() < 80);
    }
}
