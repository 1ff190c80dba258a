//! Reads the messages of a chat, and arranges them as our engines take them. Pure.

use serde_json::{Value, json};

use crate::api::openai::error::ApiError;
use crate::api::openai::fields::Fields;
use crate::frame::{Message, Role};

/// The field.
pub(super) const MESSAGES: &str = "messages";
/// Most messages; each takes some tokens whatever it says.
const MOST: usize = 2048;
/// Separator of instructions that become one message.
const BETWEEN: &str = "\n\n";

/// A message as it was sent.
#[derive(Debug)]
enum Said {
    Text(Message),
    /// The assistant's words, which may be empty, and what it called.
    Calls {
        words: String,
        calls: Vec<Call>,
    },
    Returned(Returned),
}

/// A call of a tool, by its id, as our history holds it.
#[derive(Debug)]
struct Call {
    id: String,
    content: String,
}

/// What a tool has returned, and to which call.
#[derive(Debug)]
struct Returned {
    id: String,
    content: String,
}

/// Reads all messages.
pub(super) fn read(list: &[Value]) -> Result<Vec<Message>, ApiError> {
    let fault = |what: String| ApiError::invalid(format!("{MESSAGES}: {what}")).param(MESSAGES);
    if list.is_empty() {
        return Err(fault("at least one is needed".into()));
    }
    if list.len() > MOST {
        return Err(fault(format!("{} of them; at most {MOST}", list.len())));
    }
    let said = list.iter().enumerate().map(|(index, value)| one(value, format!("{MESSAGES}[{index}]")));
    let said = said.collect::<Result<Vec<Said>, ApiError>>()?;
    Ok(with_one_beginning(in_order(said)))
}

fn one(value: &Value, place: String) -> Result<Said, ApiError> {
    let fields = Fields::of(value, place)?;
    let said = |role: Role| Ok::<Said, ApiError>(Said::Text(Message { role, content: text(&fields)? }));
    match fields.needed_text("role")? {
        "system" | "developer" => said(Role::System),
        "user" => said(Role::User),
        "assistant" if !fields.list("tool_calls")?.is_empty() => {
            let words = if fields.get("content").is_some() { text(&fields)? } else { String::new() };
            Ok(Said::Calls { words, calls: calls(&fields)? })
        }
        "assistant" => said(Role::Assistant),
        "tool" => {
            let id = fields.needed_text("tool_call_id")?.to_owned();
            Ok(Said::Returned(Returned { id, content: text(&fields)? }))
        }
        "function" => Err(fields.fault("role", "function is no longer supported; send role tool")),
        role => {
            Err(fields.fault("role", format!("{role:?} is not system, developer, user, assistant or tool")))
        }
    }
}

/// The text of a message: a string, or a list of parts.
fn text(fields: &Fields<'_>) -> Result<String, ApiError> {
    match fields.get("content") {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            let place = fields.place("content");
            let parts =
                parts.iter().enumerate().map(|(index, value)| part(value, format!("{place}[{index}]")));
            parts.collect()
        }
        Some(_) => Err(fields.fault("content", "neither a string nor a list of parts")),
        None => Err(fields.fault("content", "is missing")),
    }
}

fn part(value: &Value, place: String) -> Result<&str, ApiError> {
    let fields = Fields::of(value, place)?;
    match fields.needed_text("type")? {
        "text" => fields.needed_text("text"),
        "refusal" => fields.needed_text("refusal"),
        "image_url" => {
            Err(fields.fault("type", "images are not supported: the language model reads text alone"))
        }
        "input_audio" => Err(fields.fault("type", "sound is not supported: have it transcribed first")),
        kind => Err(fields.fault("type", format!("{kind:?} is not supported: send parts of type text"))),
    }
}

fn calls(fields: &Fields<'_>) -> Result<Vec<Call>, ApiError> {
    let place = fields.place("tool_calls");
    let call = |(index, value): (usize, &Value)| {
        let fields = Fields::of(value, format!("{place}[{index}]"))?;
        let function = fields.needed("function")?;
        let name = function.needed_text("name")?;
        let written = function.text("arguments")?.unwrap_or_default();
        // A model is shown what it wrote, even if that was no JSON.
        let arguments = serde_json::from_str(written).unwrap_or_else(|_| json!(written));
        let content = json!({ "name": name, "arguments": arguments }).to_string();
        Ok::<Call, ApiError>(Call { id: fields.needed_text("id")?.to_owned(), content })
    };
    fields.list("tool_calls")?.iter().enumerate().map(call).collect()
}

/// Puts each result behind its call: one call is made at a time here, but a client may have had several at once.
fn in_order(said: Vec<Said>) -> Vec<Message> {
    let mut messages = Vec::with_capacity(said.len());
    let mut said = said.into_iter().peekable();
    while let Some(next) = said.next() {
        match next {
            Said::Text(message) => messages.push(message),
            Said::Returned(Returned { content, .. }) => messages.push(Message { role: Role::Tool, content }),
            Said::Calls { words, calls } => {
                if !words.is_empty() {
                    messages.push(Message { role: Role::Assistant, content: words });
                }
                let mut returned = Vec::new();
                while let Some(Said::Returned(result)) = said.next_if(|it| matches!(it, Said::Returned(_))) {
                    returned.push(result);
                }
                messages.extend(answered(calls, returned));
            }
        }
    }
    messages
}

/// The calls, each with its result behind it, and then what belongs to none.
fn answered(calls: Vec<Call>, mut returned: Vec<Returned>) -> Vec<Message> {
    let mut messages = Vec::new();
    let result = |content: String| Message { role: Role::Tool, content };
    for Call { id, content } in calls {
        messages.push(Message { role: Role::Call, content });
        if let Some(at) = returned.iter().position(|returned| returned.id == id) {
            messages.push(result(returned.remove(at).content));
        }
    }
    messages.extend(returned.into_iter().map(|returned| result(returned.content)));
    messages
}

/// Joins the instructions at the beginning: chat templates take one message of them. The last message is somebody's, since the response
/// follows it: instructions there are read as the person's words.
fn with_one_beginning(mut messages: Vec<Message>) -> Vec<Message> {
    let leading = messages.iter().take_while(|message| message.role == Role::System).count();
    let rest = messages.split_off(leading);
    let instructions: Vec<String> = messages.into_iter().map(|message| message.content).collect();
    let begins = (leading > 0).then(|| Message { role: Role::System, content: instructions.join(BETWEEN) });
    let mut all: Vec<Message> = begins.into_iter().chain(rest).collect();
    if let Some(last) = all.last_mut()
        && last.role == Role::System
    {
        last.role = Role::User;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &Value) -> Result<Vec<(Role, String)>, ApiError> {
        let messages = super::read(list.as_array().unwrap())?;
        Ok(messages.into_iter().map(|Message { role, content }| (role, content)).collect())
    }

    fn said(role: &str, content: &str) -> Value {
        json!({ "role": role, "content": content })
    }

    fn expect(list: &Value, expected: &[(Role, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(role, content)| (*role, (*content).to_owned())).collect();
        assert_eq!(read(list), Ok(expected), "{list}");
    }

    #[test]
    fn all_roles_and_both_forms_of_content_are_read() {
        let parts = json!([{ "type": "text", "text": "Where " }, { "type": "text", "text": "is it?" }]);
        let list = json!([
            said("system", "Be brief."),
            said("developer", "Be kind."),
            { "role": "user", "content": parts, "name": "Ann" },
            { "role": "assistant", "content": "There.", "refusal": null },
            said("user", "Thanks."),
        ]);
        expect(
            &list,
            &[
                (Role::System, "Be brief.\n\nBe kind."),
                (Role::User, "Where is it?"),
                (Role::Assistant, "There."),
                (Role::User, "Thanks."),
            ],
        );
    }

    #[test]
    fn each_result_comes_behind_its_call() {
        let call = |id: &str, name: &str| json!({ "id": id, "type": "function", "function": { "name": name, "arguments": "{\"a\":1}" } });
        let returns =
            |id: &str, content: &str| json!({ "role": "tool", "tool_call_id": id, "content": content });
        let list = json!([
            said("user", "Look."),
            { "role": "assistant", "content": null, "tool_calls": [call("x", "look"), call("y", "find")] },
            returns("y", "found"),
            returns("x", "seen"),
            returns("z", "lost"),
            said("user", "Well?"),
        ]);
        expect(
            &list,
            &[
                (Role::User, "Look."),
                (Role::Call, r#"{"arguments":{"a":1},"name":"look"}"#),
                (Role::Tool, "seen"),
                (Role::Call, r#"{"arguments":{"a":1},"name":"find"}"#),
                (Role::Tool, "found"),
                (Role::Tool, "lost"),
                (Role::User, "Well?"),
            ],
        );
    }

    #[test]
    fn instructions_alone_or_at_the_end_are_answered_all_the_same() {
        expect(&json!([said("system", "Say hi.")]), &[(Role::User, "Say hi.")]);
        let list = json!([said("user", "Hi."), said("assistant", "Hi."), said("system", "Say bye.")]);
        expect(&list, &[(Role::User, "Hi."), (Role::Assistant, "Hi."), (Role::User, "Say bye.")]);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        let image = json!([{ "type": "text", "text": "What?" }, { "type": "image_url", "image_url": { "url": "data:" } }]);
        for (list, param) in [
            (json!([]), "messages"),
            (json!(vec![said("user", "x"); 2049]), "messages"),
            (json!(["Hi"]), "messages[0]"),
            (json!([{ "content": "Hi" }]), "messages[0].role"),
            (json!([said("bot", "Hi")]), "messages[0].role"),
            (json!([said("function", "Hi")]), "messages[0].role"),
            (json!([said("user", "Hi"), { "role": "user" }]), "messages[1].content"),
            (json!([{ "role": "user", "content": 5 }]), "messages[0].content"),
            (json!([{ "role": "user", "content": image }]), "messages[0].content[1].type"),
            (
                json!([{ "role": "user", "content": [{ "type": "input_audio" }] }]),
                "messages[0].content[0].type",
            ),
            (json!([{ "role": "tool", "content": "x" }]), "messages[0].tool_call_id"),
            (json!([{ "role": "assistant", "tool_calls": [{}] }]), "messages[0].tool_calls[0].function"),
        ] {
            let error = read(&list).unwrap_err().body();
            assert_eq!(error["error"]["param"], param, "{error:.200}");
        }
    }
}
