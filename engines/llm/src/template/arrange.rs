//! Joins the messages of a chat if its template has no role for one, or requires the sides to take turns: such templates would
//! refuse the chat or format it wrongly. Pure.

use super::{Part, Written};

/// Separator of two messages that become one.
const BETWEEN: &str = "\n\n";

/// What a template requires of a chat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Requires {
    /// The system's words stand in the person's messages: the template has no role for them.
    pub(super) no_system: bool,
    /// The two sides take turns, beginning with the person.
    pub(super) turns: bool,
}

/// The chat as the template can write it. Only the end of the chat may be joined differently when it grows.
pub(super) fn arranged(requires: Requires, chat: Vec<Written>) -> Vec<Written> {
    let chat = if requires.no_system { without_system(chat) } else { chat };
    if requires.turns { joined(begun_by_user(chat)) } else { chat }
}

/// Joins neighbouring messages of the same side.
pub(super) fn joined(chat: Vec<Written>) -> Vec<Written> {
    let mut list: Vec<Written> = Vec::with_capacity(chat.len());
    for written in chat {
        match list.last_mut() {
            Some(last)
                if last.part == written.part && matches!(written.part, Part::User | Part::Assistant) =>
            {
                last.content = join(&last.content, &written.content);
            }
            _ => list.push(written),
        }
    }
    list
}

/// Puts the system's words before the person's next message; if none follows, they become a message of the person.
fn without_system(chat: Vec<Written>) -> Vec<Written> {
    let mut list = Vec::with_capacity(chat.len());
    let mut system: Option<String> = None;
    let user = |content| Written { part: Part::User, content };
    for Written { part, content } in chat {
        match part {
            Part::System => system = Some(join(&system.take().unwrap_or_default(), &content)),
            Part::User => list.push(user(join(&system.take().unwrap_or_default(), &content))),
            Part::Tools => list.push(Written { part, content }),
            Part::Assistant | Part::Call | Part::Result => {
                list.extend(system.take().map(user));
                list.push(Written { part, content });
            }
        }
    }
    list.extend(system.map(user));
    list
}

/// Inserts an empty message of the person before a greeting.
fn begun_by_user(mut chat: Vec<Written>) -> Vec<Written> {
    let first = chat.iter().position(|it| !matches!(it.part, Part::System | Part::Tools));
    if let Some(at) = first
        && matches!(chat[at].part, Part::Assistant | Part::Call)
    {
        chat.insert(at, Written { part: Part::User, content: String::new() });
    }
    chat
}

fn join(before: &str, after: &str) -> String {
    if before.is_empty() { after.to_owned() } else { format!("{before}{BETWEEN}{after}") }
}
