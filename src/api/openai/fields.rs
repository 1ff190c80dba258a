//! Reads the fields of a request, with errors that name the field. Pure.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::error::ApiError;

/// Most characters of a bad value that its error repeats.
const SHOWN: usize = 40;

/// An object of a request, and its place there. A null is as good as nothing.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    /// Empty: it is the whole body.
    path: String,
}

impl<'a> Fields<'a> {
    /// The fields of the object at this place.
    ///
    /// # Errors
    /// If it has another type.
    pub(super) fn of(value: &'a Value, path: impl Into<String>) -> Result<Self, ApiError> {
        let path = path.into();
        match value.as_object() {
            Some(map) => Ok(Self { map, path }),
            None if path.is_empty() => Err(ApiError::invalid("The body is not a JSON object.")),
            None => Err(ApiError::invalid(format!("{path}: not an object")).param(path)),
        }
    }

    /// The place of a field.
    pub(super) fn place(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// The error for a field.
    pub(super) fn fault(&self, field: &str, what: impl Display) -> ApiError {
        let place = self.place(field);
        ApiError::invalid(format!("{place}: {what}")).param(place)
    }

    /// A field, if it is there.
    pub(super) fn get(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    /// The fields of an object, if it is there.
    pub(super) fn inner(&self, field: &str) -> Result<Option<Fields<'a>>, ApiError> {
        self.get(field).map(|value| Fields::of(value, self.place(field))).transpose()
    }

    /// The same, where it has to be there.
    pub(super) fn needed(&self, field: &str) -> Result<Fields<'a>, ApiError> {
        self.inner(field)?.ok_or_else(|| self.fault(field, "is missing"))
    }

    /// A string, if it is there.
    pub(super) fn text(&self, field: &str) -> Result<Option<&'a str>, ApiError> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| self.fault(field, "not a string"));
        self.get(field).map(text).transpose()
    }

    /// The same, where it has to be there.
    pub(super) fn needed_text(&self, field: &str) -> Result<&'a str, ApiError> {
        self.text(field)?.ok_or_else(|| self.fault(field, "is missing"))
    }

    /// A list; empty if it is not there.
    pub(super) fn list(&self, field: &str) -> Result<&'a [Value], ApiError> {
        match self.get(field) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(self.fault(field, "not a list")),
        }
    }

    /// True or false; false if it is not there.
    pub(super) fn flag(&self, field: &str) -> Result<bool, ApiError> {
        let flag = |value: &Value| value.as_bool().ok_or_else(|| self.fault(field, "not true or false"));
        self.get(field).map_or(Ok(false), flag)
    }

    /// A whole number within a range, if it is there.
    pub(super) fn whole(&self, field: &str, range: &RangeInclusive<i64>) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_i64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.outside(field, value, range)),
        }
    }

    /// A number within a range, if it is there.
    pub(super) fn decimal(&self, field: &str, range: &RangeInclusive<f64>) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_f64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.outside(field, value, range)),
        }
    }

    fn outside<T: Display>(&self, field: &str, value: &Value, range: &RangeInclusive<T>) -> ApiError {
        let (least, most) = (range.start(), range.end());
        let shown: String = value.to_string().chars().take(SHOWN).collect();
        self.fault(field, format!("{shown} is not a number within {least} to {most}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_names_the_place_of_its_field_and_a_null_is_as_good_as_nothing() {
        let body = json!({ "a": { "b": 5, "c": null, "d": "x" }, "e": [1] });
        let outer = Fields::of(&body, "").unwrap();
        let inner = outer.needed("a").unwrap();
        assert_eq!(inner.text("c"), Ok(None));
        assert_eq!((inner.text("d"), inner.whole("b", &(0..=5))), (Ok(Some("x")), Ok(Some(5))));
        assert_eq!(outer.list("e").unwrap().len(), 1);
        for (fault, expected) in [
            (inner.text("b").unwrap_err(), "a.b: not a string"),
            (inner.needed_text("c").unwrap_err(), "a.c: is missing"),
            (inner.whole("b", &(0..=4)).unwrap_err(), "a.b: 5 is not a number within 0 to 4"),
            (inner.decimal("d", &(0.0..=2.0)).unwrap_err(), "a.d: \"x\" is not a number within 0 to 2"),
            (inner.flag("d").unwrap_err(), "a.d: not true or false"),
            (outer.list("a").unwrap_err(), "a: not a list"),
            (Fields::of(&json!([]), "x[2]").unwrap_err(), "x[2]: not an object"),
        ] {
            let body = fault.body();
            assert_eq!(body["error"]["message"], expected);
            assert_eq!(body["error"]["param"], expected.split(':').next().unwrap());
        }
        assert!(Fields::of(&json!(1), "").is_err());
    }
}
