//! What a request with texts asks for. Pure.
//!
//! Each item is kept as the body of `POST /speak` that asks for the same.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::api::problem::Problem;
use crate::api::speech::Asked;

/// Longest name of a job, in characters.
const LONGEST_NAME: usize = 200;

/// In which form a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Form {
    /// That of `/api/jobs`.
    Job,
    /// That of `/generate_batch`.
    Batch,
}

/// Texts to be spoken.
#[derive(Debug)]
pub(in crate::api) struct Texts<'a> {
    pub(super) name: String,
    field: &'static str,
    items: Vec<&'a RawValue>,
    /// What holds for all items that do not say otherwise.
    usual: Map<String, Value>,
}

/// The body of `/api/jobs`.
#[derive(Deserialize)]
struct Job<'a> {
    kind: Option<String>,
    name: Option<String>,
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

/// The body of `/generate_batch`. `batch`, how many texts an engine speaks at once, is accepted: that is `jobs.at_once`.
#[derive(Deserialize)]
struct Batch<'a> {
    name: Option<String>,
    #[serde(borrow)]
    texts: Vec<&'a RawValue>,
    #[serde(borrow)]
    instruct: Option<&'a RawValue>,
    #[serde(borrow)]
    instructs: Option<Vec<&'a RawValue>>,
}

/// Fields that hold for all items.
#[derive(Deserialize)]
struct Usual {
    voice: Option<Value>,
    language: Option<Value>,
    speed: Option<Value>,
    pitch: Option<Value>,
    format: Option<Value>,
    lexicon: Option<Value>,
}

impl<'a> Texts<'a> {
    /// Reads a body.
    pub(in crate::api) fn read(form: Form, body: &'a [u8]) -> Result<Self, Problem> {
        let usual = usual(read(body)?);
        let (name, field, items) = match form {
            Form::Job => {
                let Job { kind, name, items } = read(body)?;
                check_kind(kind.as_deref())?;
                (name, "items", items)
            }
            Form::Batch => {
                let Batch { name, texts, instruct, instructs } = read(body)?;
                check_manner(texts.len(), instruct.is_some(), instructs.as_ref().map(Vec::len))?;
                (name, "texts", texts)
            }
        };
        let name = checked_name(name.unwrap_or_default())?;
        if items.is_empty() {
            return Err(wrong(field, format!("{field} is empty; send at least one text")));
        }
        if u32::try_from(items.len()).is_err() {
            return Err(wrong(field, format!("{field} has more than {} entries", u32::MAX)));
        }
        Ok(Self { name, field, items, usual })
    }

    /// The items, as they are kept.
    pub(in crate::api) fn lines(&self) -> impl Iterator<Item = Result<String, Problem>> {
        self.items.iter().enumerate().map(|(at, item)| {
            self.line(item).map_err(|why| wrong(self.field, format!("{}[{at}]: {why}", self.field)))
        })
    }

    fn line(&self, item: &RawValue) -> Result<String, String> {
        let mut item = match serde_json::from_str(item.get()) {
            Ok(Value::String(text)) => Map::from_iter([("text".to_owned(), Value::String(text))]),
            Ok(Value::Object(item)) => item,
            _ => return Err("it is neither a text nor an object with the field text".to_owned()),
        };
        for (key, value) in &self.usual {
            if !item.contains_key(key) {
                item.insert(key.clone(), value.clone());
            }
        }
        let line = Value::Object(item).to_string();
        let asked = Asked::speak(line.as_bytes()).map_err(|fault| fault.message())?;
        if asked.text.trim().is_empty() {
            return Err("text: it is empty".to_owned());
        }
        Ok(line)
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("The body is no such JSON object: {error}."))
    })
}

fn usual(usual: Usual) -> Map<String, Value> {
    let Usual { voice, language, speed, pitch, format, lexicon } = usual;
    let fields = [
        ("voice", voice),
        ("language", language),
        ("speed", speed),
        ("pitch", pitch),
        ("format", format),
        ("lexicon", lexicon),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn check_kind(kind: Option<&str>) -> Result<(), Problem> {
    match kind {
        None | Some("speech") => Ok(()),
        Some("transcription") => {
            let detail = "Recordings are sent as fields file of a form (multipart/form-data), not as JSON";
            Err(wrong("kind", detail.to_owned()))
        }
        Some(other) => Err(wrong("kind", format!("kind must be speech or transcription, not {other:?}"))),
    }
}

/// Checks instructions, which the voices do not follow: they have one manner.
fn check_manner(texts: usize, one: bool, several: Option<usize>) -> Result<(), Problem> {
    match several {
        Some(_) if one => Err(wrong("instructs", "send either instruct or instructs".to_owned())),
        Some(several) if several != texts => {
            let detail = format!("instructs has {several} entries for {texts} texts; send one for each");
            Err(wrong("instructs", detail))
        }
        _ => Ok(()),
    }
}

/// A job's name, if it is short enough.
pub(super) fn checked_name(name: String) -> Result<String, Problem> {
    if name.chars().count() > LONGEST_NAME {
        return Err(wrong("name", format!("name is longer than {LONGEST_NAME} characters")));
    }
    Ok(name)
}

fn wrong(field: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail).field(field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(form: Form, body: &Value) -> Result<Vec<Value>, Problem> {
        let body = body.to_string();
        let texts = Texts::read(form, body.as_bytes())?;
        let lines = texts.lines().collect::<Result<Vec<String>, Problem>>()?;
        Ok(lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn items_are_texts_or_objects_and_have_what_holds_for_all_unless_they_say_otherwise() {
        let body =
            json!({ "items": ["a\nb", { "text": "c", "voice": "eva" }], "voice": "joe", "format": "wav" });
        let expected = [
            json!({ "text": "a\nb", "voice": "joe", "format": "wav" }),
            json!({ "text": "c", "voice": "eva", "format": "wav" }),
        ];
        assert_eq!(lines(Form::Job, &body).unwrap(), expected);
        let raw = body.to_string();
        let read = Texts::read(Form::Job, raw.as_bytes()).unwrap();
        assert!(read.lines().all(|line| !line.unwrap().contains('\n')), "an item is one line");
        let batch = json!({ "texts": ["a", "b"], "instructs": ["x", null], "batch": 8 });
        assert_eq!(lines(Form::Batch, &batch).unwrap(), [json!({ "text": "a" }), json!({ "text": "b" })]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field_and_place() {
        for (form, body, field, told) in [
            (Form::Job, json!({ "items": [] }), "items", "at least one"),
            (Form::Job, json!({ "items": ["a", " "] }), "items", "items[1]: text: it is empty"),
            (Form::Job, json!({ "items": ["a", 7] }), "items", "items[1]: it is neither"),
            (Form::Job, json!({ "items": ["a"], "format": "ogg" }), "items", "items[0]: format"),
            (Form::Job, json!({ "items": ["a"], "kind": "video" }), "kind", "speech or transcription"),
            (Form::Job, json!({ "items": ["a"], "kind": "transcription" }), "kind", "multipart"),
            (Form::Job, json!({ "items": ["a"], "name": "x".repeat(201) }), "name", "200"),
            (Form::Batch, json!({ "texts": ["a"], "instructs": [] }), "instructs", "0 entries for 1"),
            (
                Form::Batch,
                json!({ "texts": ["a"], "instruct": "x", "instructs": ["y"] }),
                "instructs",
                "either",
            ),
        ] {
            let problem = lines(form, &body).unwrap_err().body();
            assert_eq!(problem["field"], field, "{body}");
            assert!(problem["detail"].as_str().unwrap().contains(told), "{problem}");
        }
        for body in [json!([]), json!({ "items": "a" }), json!({})] {
            assert_eq!(lines(Form::Job, &body).unwrap_err().status(), StatusCode::BAD_REQUEST, "{body}");
        }
    }
}
