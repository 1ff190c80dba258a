//! JSON that keeps the order of fields, because a model writes them in the schema's order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    /// A null, boolean, number or string.
    Scalar(Value),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// An object with these fields.
    pub(super) fn object<const N: usize>(fields: [(&str, Json); N]) -> Self {
        Self::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// A string.
    pub(super) fn text(text: &str) -> Self {
        Self::Scalar(text.into())
    }

    /// An object's field. Of several with the same name the last one counts.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().rfind(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// The names of an object's fields, each once, in order.
    pub(super) fn names(&self) -> Vec<&str> {
        let Self::Object(fields) = self else { return Vec::new() };
        let mut names = Vec::new();
        for (name, _) in fields {
            if !names.contains(&name.as_str()) {
                names.push(name.as_str());
            }
        }
        names
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        let Self::Scalar(value) = self else { return None };
        value.as_str()
    }

    /// The value at a JSON pointer.
    pub(super) fn pointer(&self, pointer: &str) -> Option<&Self> {
        let parts = pointer.split('/').skip(1);
        parts.map(|part| part.replace("~1", "/").replace("~0", "~")).try_fold(self, |at, part| match at {
            Self::List(list) => list.get(part.parse::<usize>().ok()?),
            _ => at.get(&part),
        })
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comma = |f: &mut fmt::Formatter<'_>, index| if index > 0 { f.write_str(",") } else { Ok(()) };
        match self {
            Self::Scalar(value) => write!(f, "{value}"),
            Self::List(list) => {
                f.write_str("[")?;
                for (index, value) in list.iter().enumerate() {
                    comma(f, index)?;
                    write!(f, "{value}")?;
                }
                f.write_str("]")
            }
            Self::Object(fields) => {
                f.write_str("{")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    comma(f, index)?;
                    write!(f, "{}:{value}", Value::from(&**name))?;
                }
                f.write_str("}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Scalar(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = sequence.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_fields_is_kept_and_pointers_resolve() {
        let text = r#"{"z":[1,-2,0.5,null,true],"a":{"b/c":"\"x\"","":{}}}"#;
        let json: Json = serde_json::from_str(text).unwrap();
        assert_eq!(json.to_string(), text);
        assert_eq!(json.pointer("/a/b~1c").and_then(Json::as_str), Some("\"x\""));
        assert_eq!(json.pointer("/z/1"), Some(&Json::Scalar((-2).into())));
        assert_eq!((json.pointer(""), json.pointer("/z/9"), json.pointer("/q")), (Some(&json), None, None));
    }
}
