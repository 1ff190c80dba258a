//! What a request with texts asks for. Pure.
//!
//! Each item is kept as the body of `POST /speak` that asks for the same.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::api::problem::Problem;
use crate::api::speech::{Asked, Fault};

/// Longest name of a job, in characters.
pub(in crate::api) const LONGEST_NAME: usize = 200;
/// Most bytes of a field that holds for all items, but for the lexicon.
const LARGEST_SHARED: usize = 1024;
/// Most bytes of all copies of such fields: each item is kept with its own, so a small request could fill the disk.
const MOST_COPIED: usize = 64 << 20;
const LEXICON: &str = "lexicon";

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
    usual: BTreeMap<&'static str, Value>,
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
        check_shared(&usual, items.len())?;
        check_forms(&usual)?;
        Ok(Self { name, field, items, usual })
    }

    /// The items, as they are kept; `check` tells what is wrong with one beside its form.
    pub(in crate::api) fn lines(
        &self,
        check: impl Fn(&Asked) -> Result<(), Fault>,
    ) -> impl Iterator<Item = Result<String, Problem>> {
        self.items.iter().enumerate().map(move |(at, item)| self.line(at, item, &check))
    }

    fn line(
        &self,
        at: usize,
        item: &RawValue,
        check: &impl Fn(&Asked) -> Result<(), Fault>,
    ) -> Result<String, Problem> {
        let mut item = match serde_json::from_str(item.get()) {
            Ok(Value::String(text)) => Map::from_iter([("text".to_owned(), Value::String(text))]),
            Ok(Value::Object(item)) => item,
            _ => return Err(self.at_fault(at, "it is neither a text nor an object with the field text")),
        };
        let mut shared = Vec::new();
        for (name, value) in &self.usual {
            if item.get(*name).is_none_or(Value::is_null) {
                item.insert((*name).to_owned(), value.clone());
                shared.push(*name);
            }
        }
        let line = Value::Object(item).to_string();
        match Asked::speak(line.as_bytes()).and_then(|asked| check(&asked)) {
            Ok(()) => Ok(line),
            // The item has it from beside the items.
            Err(Fault::Wrong { field, message }) if shared.contains(&field) => Err(wrong(field, message)),
            Err(fault) => Err(self.at_fault(at, &fault.message())),
        }
    }

    fn at_fault(&self, at: usize, why: &str) -> Problem {
        wrong(self.field, format!("{}[{at}]: {why}", self.field))
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("The body is no such JSON object: {error}."))
    })
}

fn usual(usual: Usual) -> BTreeMap<&'static str, Value> {
    let Usual { voice, language, speed, pitch, format, lexicon } = usual;
    let fields = [
        ("voice", voice),
        ("language", language),
        ("speed", speed),
        ("pitch", pitch),
        ("format", format),
        (LEXICON, lexicon),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Checks the size of what holds for all of so many items.
fn check_shared(usual: &BTreeMap<&'static str, Value>, items: usize) -> Result<(), Problem> {
    let sizes: BTreeMap<&'static str, usize> =
        usual.iter().map(|(name, value)| (*name, value.to_string().len())).collect();
    for (name, bytes) in sizes.iter().filter(|(name, _)| **name != LEXICON) {
        if *bytes > LARGEST_SHARED {
            let detail = format!(
                "{name} has {bytes} bytes; at most {LARGEST_SHARED} where it holds for all items: shorten it"
            );
            return Err(wrong(name, detail));
        }
    }
    let (most, total) = (MOST_COPIED / items.max(1), sizes.values().sum::<usize>());
    let largest = sizes.iter().max_by_key(|(_, bytes)| **bytes);
    match largest {
        Some((name, bytes)) if total > most => {
            let mib = MOST_COPIED >> 20;
            let detail = format!(
                "{name} has {bytes} bytes, and all fields that hold for each of {items} items {total}; at most {most} for so \
                 many, which are {mib} MiB of copies: shorten {name}, give it to the items that need it, or send several jobs"
            );
            Err(wrong(name, detail))
        }
        _ => Ok(()),
    }
}

/// Checks the form of what holds for all items, so that no item is blamed for it.
fn check_forms(usual: &BTreeMap<&'static str, Value>) -> Result<(), Problem> {
    for (name, value) in usual {
        let alone = [("text".to_owned(), Value::from("a")), ((*name).to_owned(), value.clone())];
        let line = Value::Object(Map::from_iter(alone)).to_string();
        Asked::speak(line.as_bytes()).map_err(|fault| match fault {
            Fault::Wrong { message, .. } => wrong(name, message),
            other => wrong(name, format!("{name} has the wrong form: {}", other.message())),
        })?;
    }
    Ok(())
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

    /// A speed that is too high and a text that is empty are wrong.
    fn checked(asked: &Asked) -> Result<(), Fault> {
        match asked.speed {
            Some(speed) if speed > 4.0 => Err(Fault::wrong("speed", "it is too high")),
            _ if asked.text.trim().is_empty() => Err(Fault::wrong("text", "it is empty")),
            _ => Ok(()),
        }
    }

    fn lines(form: Form, body: &Value) -> Result<Vec<Value>, Problem> {
        let body = body.to_string();
        let texts = Texts::read(form, body.as_bytes())?;
        let lines = texts.lines(checked).collect::<Result<Vec<String>, Problem>>()?;
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
        let null = json!({ "items": [{ "text": "a", "voice": null }], "voice": "joe", "format": null });
        assert_eq!(lines(Form::Job, &null).unwrap(), [json!({ "text": "a", "voice": "joe" })]);
        let raw = body.to_string();
        let read = Texts::read(Form::Job, raw.as_bytes()).unwrap();
        assert!(read.lines(checked).all(|line| !line.unwrap().contains('\n')), "an item is one line");
        let batch = json!({ "texts": ["a", "b"], "instructs": ["x", null], "batch": 8 });
        assert_eq!(lines(Form::Batch, &batch).unwrap(), [json!({ "text": "a" }), json!({ "text": "b" })]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field_and_place() {
        for (form, body, field, told) in [
            (Form::Job, json!({ "items": [] }), "items", "at least one"),
            (Form::Job, json!({ "items": ["a", " "] }), "items", "items[1]: text: it is empty"),
            (Form::Job, json!({ "items": ["a", 7] }), "items", "items[1]: it is neither"),
            (
                Form::Job,
                json!({ "items": ["a", { "text": "b", "format": "ogg" }] }),
                "items",
                "items[1]: format",
            ),
            (Form::Job, json!({ "items": ["a"], "format": "ogg" }), "format", "\"ogg\" is not known"),
            (Form::Job, json!({ "items": ["a"], "voice": 7 }), "voice", "voice has the wrong form"),
            (
                Form::Job,
                json!({ "items": ["a", { "text": "b", "speed": 99 }] }),
                "items",
                "items[1]: speed: it is too high",
            ),
            (Form::Batch, json!({ "texts": ["a"], "speed": 99 }), "speed", "speed: it is too high"),
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

    #[test]
    fn what_holds_for_all_items_is_bounded_by_itself_and_with_its_copies() {
        for name in ["voice", "language", "format", "speed", "pitch"] {
            let mut body = json!({ "items": ["a"] });
            body[name] = json!("x".repeat(LARGEST_SHARED));
            let problem = lines(Form::Job, &body).unwrap_err().body();
            assert_eq!(problem["field"], name, "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains("at most 1024"), "{problem}");
        }
        // A lexicon of 64 KiB, for so many items that their copies fit, and for one more.
        let word = |at: usize| (format!("w{at:03}"), "x".repeat(55));
        let lexicon: BTreeMap<String, String> = (0..1000).map(word).collect();
        let fitting = MOST_COPIED / json!(lexicon).to_string().len();
        for (items, fits) in [(fitting, true), (fitting + 1, false)] {
            let body = json!({ "items": vec!["a"; items], "lexicon": lexicon }).to_string();
            let read = Texts::read(Form::Job, body.as_bytes());
            assert_eq!(read.is_ok(), fits, "{items}");
            if let Err(problem) = read {
                assert_eq!(problem.at_fault(), Some("lexicon"));
                assert!(problem.detail().contains("64 MiB"), "{problem:?}");
            }
        }
    }
}
