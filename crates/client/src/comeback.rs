//! What a client knows for coming back to a call whose connection was lost, as `docs/protocol.md` has it. Pure.

use serde::Deserialize;

use visavis_core::frame::Role;

/// Lets its bearer go on with a call, once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pass {
    /// The call's id.
    pub call: String,
    /// The resume token.
    pub token: String,
}

/// Something that was said before.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Said {
    /// Who said it.
    pub role: Role,
    /// The words, as far as they were heard.
    pub text: String,
}

/// What a call goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Recalled {
    /// The last things that were said, oldest first.
    pub said: Vec<Said>,
    /// The rest of a response that was cut off, which the agent says now; none: there is none, or it is not known.
    pub cut: Option<String>,
}

impl Recalled {
    /// What was heard of the response that the connection cut off; empty: nothing.
    #[must_use]
    pub fn of_the_response(&self) -> String {
        let from = self.said.iter().rposition(|said| said.role != Role::Assistant).map_or(0, |last| last + 1);
        let texts: Vec<&str> = self.said[from..].iter().map(|said| said.text.as_str()).collect();
        texts.join(" ")
    }

    /// All words of the history, those of the cut response that are said now among them.
    #[must_use]
    pub fn whole(&self) -> String {
        let texts: Vec<&str> =
            self.said.iter().map(|said| said.text.as_str()).chain(self.cut.as_deref()).collect();
        texts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(role: Role, text: &str) -> Said {
        Said { role, text: text.into() }
    }

    #[test]
    fn what_was_heard_of_the_response_follows_the_last_question() {
        let asked = vec![said(Role::Assistant, "Hello."), said(Role::User, "Who are you?")];
        let mut recalled = Recalled { said: asked, cut: Some("a voice.".into()) };
        assert_eq!(recalled.of_the_response(), "");
        recalled.said.push(said(Role::Assistant, "I am"));
        assert_eq!(recalled.of_the_response(), "I am");
        assert_eq!(recalled.whole(), "Hello. Who are you? I am a voice.");
    }
}
