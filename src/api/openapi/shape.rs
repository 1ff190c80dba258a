//! What requests and responses hold, as JSON schemas. Pure.

use std::ops::RangeInclusive;

use serde_json::Value;
use utoipa::openapi::schema::{AnyOfBuilder, SchemaType};
use utoipa::openapi::{ArrayBuilder, KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type};

/// A schema, or the name of one.
pub(in crate::api) type Shape = RefOr<Schema>;

/// A field of an object.
pub(in crate::api) struct Field {
    name: &'static str,
    shape: Shape,
    is_needed: bool,
}

/// A field that may be left out.
pub(in crate::api) fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, is_needed: false }
}

/// A field that may be left out, or null, which is the same.
pub(in crate::api) fn maybe(name: &'static str, shape: Shape) -> Field {
    field(name, with_null(shape))
}

/// A field that is always there.
pub(in crate::api) fn needed(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, is_needed: true }
}

fn of(kind: Type, what: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind).description(Some(what))
}

/// This shape, or null.
fn with_null(shape: Shape) -> Shape {
    match shape {
        RefOr::T(Schema::Object(mut object)) => {
            object.schema_type = and_null(object.schema_type);
            if let Some(names) = &mut object.enum_values {
                names.push(Value::Null);
            }
            object.into()
        }
        RefOr::T(Schema::Array(mut list)) => {
            list.schema_type = and_null(list.schema_type);
            list.into()
        }
        other => either("This, or null", [other, nothing("The same as nothing")]),
    }
}

fn and_null(kinds: SchemaType) -> SchemaType {
    match kinds {
        SchemaType::Type(kind) => [kind, Type::Null].into_iter().collect(),
        SchemaType::Array(kinds) => {
            kinds.into_iter().filter(|kind| *kind != Type::Null).chain([Type::Null]).collect()
        }
        SchemaType::AnyValue => SchemaType::AnyValue,
    }
}

/// An object; what else it holds is not said.
pub(in crate::api) fn object(fields: impl IntoIterator<Item = Field>) -> Shape {
    let with = |object: ObjectBuilder, Field { name, shape, is_needed }: Field| {
        let object = object.property(name, shape);
        if is_needed { object.required(name) } else { object }
    };
    fields.into_iter().fold(ObjectBuilder::new().schema_type(Type::Object), with).into()
}

/// An object with any fields.
pub(in crate::api) fn free(what: &str) -> Shape {
    of(Type::Object, what).into()
}

/// A string.
pub(in crate::api) fn text(what: &str) -> Shape {
    of(Type::String, what).into()
}

/// A string that holds something.
pub(in crate::api) fn some_text(what: &str) -> Shape {
    of(Type::String, what).min_length(Some(1)).into()
}

/// A string of at most so many characters.
pub(in crate::api) fn text_up_to(what: &str, longest: usize) -> Shape {
    of(Type::String, what).max_length(Some(longest)).into()
}

/// A string, or null.
pub(in crate::api) fn text_or_null(what: &str) -> Shape {
    or_null(Type::String, what)
}

/// A value of this type, or null.
pub(in crate::api) fn or_null(kind: Type, what: &str) -> Shape {
    let kinds: SchemaType = [kind, Type::Null].into_iter().collect();
    ObjectBuilder::new().schema_type(kinds).description(Some(what)).into()
}

/// Null.
pub(in crate::api) fn nothing(what: &str) -> Shape {
    of(Type::Null, what).into()
}

/// One of these names; the first is meant where nothing is said.
pub(in crate::api) fn choice(what: &str, names: &[&'static str]) -> Shape {
    of(Type::String, what).enum_values(Some(names.iter().copied())).into()
}

/// True or false.
pub(in crate::api) fn flag(what: &str) -> Shape {
    of(Type::Boolean, what).into()
}

/// A number.
pub(in crate::api) fn number(what: &str) -> Shape {
    of(Type::Number, what).into()
}

/// A number within a range.
pub(in crate::api) fn number_of(what: &str, range: &RangeInclusive<f64>) -> Shape {
    of(Type::Number, what).minimum(Some(*range.start())).maximum(Some(*range.end())).into()
}

/// A whole number.
pub(in crate::api) fn whole(what: &str) -> Shape {
    of(Type::Integer, what).into()
}

/// A whole number within a range.
pub(in crate::api) fn whole_of(what: &str, range: &RangeInclusive<i64>) -> Shape {
    of(Type::Integer, what).minimum(Some(*range.start())).maximum(Some(*range.end())).into()
}

/// A list.
pub(in crate::api) fn list(what: &str, items: Shape) -> Shape {
    ArrayBuilder::new().items(items).description(Some(what)).into()
}

/// A list that is never empty.
pub(in crate::api) fn some(what: &str, items: Shape) -> Shape {
    ArrayBuilder::new().items(items).min_items(Some(1)).description(Some(what)).into()
}

/// One of these.
pub(in crate::api) fn either(what: &str, shapes: impl IntoIterator<Item = Shape>) -> Shape {
    let either = AnyOfBuilder::new().description(Some(what));
    shapes.into_iter().fold(either, AnyOfBuilder::item::<Shape>).into()
}

/// Strings by any names.
pub(in crate::api) fn texts_by_name(what: &str) -> Shape {
    of(Type::Object, what).additional_properties(Some(text("A string"))).into()
}

/// The bytes of a file.
pub(in crate::api) fn file(what: &str) -> Shape {
    of(Type::String, what).format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).into()
}

/// Any value.
pub(in crate::api) fn any(what: &str) -> Shape {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(what)).into()
}

/// The schema of this name.
pub(in crate::api) fn named(name: &str) -> Shape {
    Ref::from_schema_name(name).into()
}
