//! How a call that resumes goes on with the turn that was not over when it was cut off.
//!
//! What was written of the response and not heard is said, from the word on at which it was cut. If the model had more to write, or
//! nothing of the rest is known (the server was killed), it is asked to go on from what was heard. A question that had no response
//! yet gets one now, without being asked again.

use crate::context::PendingTurn;
use crate::event::{CallEvent, ResponseEnd};
use crate::frame::{Message, Role};

use super::Conversation;
use super::response::{Question, Response};
use super::saying::Script;

/// Most things that were said of which a client is told that comes back, and most bytes of them.
const MOST_SAID: usize = 20;
const MOST_BYTES: usize = 8 << 10;

/// How a turn that was not over goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TakingUp {
    /// All of its response was heard.
    Nothing,
    /// The question gets its response.
    Answer,
    /// The rest of the response is said.
    Say(String),
    /// The model goes on from what was heard.
    GoOn,
}

/// How this turn goes on.
pub(super) fn taking_up(pending: &PendingTurn) -> TakingUp {
    let PendingTurn { heard, rest, complete, .. } = pending;
    let rest = if *complete { rest.trim() } else { sentences(rest).trim() };
    match (rest.is_empty(), heard.trim().is_empty()) {
        (false, _) => TakingUp::Say(rest.to_owned()),
        (true, false) if *complete => TakingUp::Nothing,
        (true, false) => TakingUp::GoOn,
        (true, true) => TakingUp::Answer,
    }
}

/// The whole sentences at the beginning of a text that breaks off.
fn sentences(text: &str) -> &str {
    let is_end = |at: usize, mark: char| {
        let next = text[at + mark.len_utf8()..].chars().next();
        mark == '\n' || matches!(mark, '。' | '！' | '？') || next.is_some_and(char::is_whitespace)
    };
    let mut marks = text.char_indices().filter(|(_, mark)| "\n.!?…。！？".contains(*mark));
    let last = marks.rfind(|(at, mark)| is_end(*at, *mark));
    last.map_or("", |(at, mark)| &text[..at + mark.len_utf8()])
}

/// What follows `heard` in a response's text, which has marks that were not spoken; `None`: the two do not fit together.
fn rest_of<'a>(text: &'a str, heard: &str) -> Option<&'a str> {
    let mut rest = text;
    for wanted in heard.chars().filter(|letter| letter.is_alphanumeric()) {
        let (at, found) = rest.char_indices().find(|(_, letter)| letter.is_alphanumeric())?;
        if found != wanted {
            return None;
        }
        rest = &rest[at + found.len_utf8()..];
    }
    if heard.chars().any(char::is_alphanumeric) {
        // What closes the last word belongs to it.
        rest = rest.trim_start_matches(|mark: char| {
            mark.is_whitespace() || ".,;:!?…)]}\"'”’»*_`~。！？，".contains(mark)
        });
    }
    Some(rest)
}

/// What was said last, as far as it was heard, oldest first.
fn said_lately(messages: &[Message]) -> Vec<Message> {
    let of_people = messages.iter().rev().filter(|said| matches!(said.role, Role::User | Role::Assistant));
    let mut left = MOST_BYTES;
    let mut said = Vec::new();
    for message in of_people.take(MOST_SAID) {
        let from = message.content.len().saturating_sub(left);
        let from =
            (from..=message.content.len()).find(|at| message.content.is_char_boundary(*at)).unwrap_or(0);
        let content = message.content[from..].to_owned();
        left -= content.len();
        if !content.is_empty() {
            said.push(Message { role: message.role, content });
        }
    }
    said.reverse();
    said
}

/// Two pieces of what was said, as one.
fn joined(before: &str, after: &str) -> String {
    format!("{} {}", before.trim(), after.trim()).trim().to_owned()
}

/// What is added to the question whose response broke off.
fn note(said: &str) -> String {
    format!(
        "\n\n(The connection broke while you answered this. You have already said: \"{said}\" Go on from exactly there. Repeat \
         nothing of it, and do not mention the interruption.)"
    )
}

impl Conversation {
    /// The turn that is not over, as of now.
    pub(super) fn pending_turn(&self) -> Option<PendingTurn> {
        if self.pending.is_some() {
            return self.pending.clone();
        }
        let Some(response) = self.response.as_ref().filter(|response| !response.canned) else {
            let before = self.said_before.clone().unwrap_or_default();
            let asked = PendingTurn { heard: before, aloud: self.aloud, ..PendingTurn::default() };
            return self.unanswered.then_some(asked);
        };
        let heard = response.heard(self.played(response.id));
        let ended = if response.scripted { self.said_before.is_none() } else { response.text_ended };
        let rest = rest_of(response.written(), &heard);
        let before = self.said_before.as_deref().unwrap_or_default();
        Some(PendingTurn {
            complete: ended && rest.is_some(),
            rest: rest.unwrap_or_default().to_owned(),
            heard: joined(before, &heard),
            aloud: response.aloud,
        })
    }

    /// Tells the client what the call goes on from, and goes on with the turn that was not over.
    pub(super) fn take_up(&mut self, now: u64) {
        let pending = self.pending.take();
        let plan = pending.as_ref().map_or(TakingUp::Nothing, taking_up);
        // Whoever speaks again already is not talked over.
        let plan =
            if self.is_spoken_to() && matches!(plan, TakingUp::Say(_)) { TakingUp::Nothing } else { plan };
        let cut = if let TakingUp::Say(rest) = &plan { Some(rest.clone()) } else { None };
        let (call, said) = (self.call.clone(), said_lately(self.history.messages()));
        self.emit(CallEvent::Resumed { call, said, cut });
        let Some(PendingTurn { heard, complete, aloud, .. }) = pending else { return };
        self.aloud = aloud;
        match plan {
            TakingUp::Nothing => {}
            TakingUp::Say(text) => {
                self.said_before = (!complete).then_some(heard);
                self.respond_with(now, Script { text, canned: false, aloud });
            }
            TakingUp::GoOn => self.ask_on(now, Some(heard)),
            TakingUp::Answer => self.ask_on(now, None),
        }
    }

    /// Asks the model for the response, or for what follows this of it.
    fn ask_on(&mut self, now: u64, said: Option<String>) {
        (self.unanswered, self.said_before) = (true, said);
        self.turn = Question::at(now);
        self.respond_if_due(now);
    }

    /// Adds what was said before the call was cut off to the question, if the response goes on from there.
    pub(super) fn asks_to_go_on(&self, messages: &mut [Message]) {
        let Some(said) = &self.said_before else { return };
        if let Some(question) = messages.iter_mut().rfind(|message| message.role == Role::User) {
            question.content.push_str(&note(said));
        }
    }

    /// A response has been heard to its end. After the known rest of one that was cut off, the model goes on.
    pub(super) fn goes_on_after(&mut self, now: u64, response: &Response) {
        if response.canned {
            return;
        }
        let Some(before) = self.said_before.take() else { return };
        if response.scripted {
            self.unanswered = true;
            self.turn = Question::at(now);
            self.said_before = Some(joined(&before, &response.script));
        }
    }

    /// A response broke off. If it failed, the next attempt goes on from what was heard of this one as well.
    pub(super) fn broke_off_again(&mut self, response: &Response, heard: &str, end: ResponseEnd) {
        if response.canned {
            return;
        }
        let before = self.said_before.take().filter(|_| end == ResponseEnd::Failed);
        self.said_before = before.map(|before| joined(&before, heard));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pending(heard: &str, rest: &str, complete: bool) -> PendingTurn {
        PendingTurn { heard: heard.into(), rest: rest.into(), complete, aloud: true }
    }

    #[test]
    fn the_known_rest_is_said_and_without_one_the_model_goes_on_or_answers() {
        let say = |text: &str| TakingUp::Say(text.into());
        for (heard, rest, complete, expected) in [
            ("One two", "three four.", true, say("three four.")),
            ("One two", "three. Four", true, say("three. Four")),
            ("One two", "three. And fo", false, say("three.")),
            ("One two", "three fo", false, TakingUp::GoOn),
            ("One two", "3.5 fo", false, TakingUp::GoOn),
            ("One two", "", false, TakingUp::GoOn),
            ("One two", "", true, TakingUp::Nothing),
            ("", "One two three.", true, say("One two three.")),
            ("", "One tw", false, TakingUp::Answer),
            ("", "", false, TakingUp::Answer),
        ] {
            assert_eq!(taking_up(&pending(heard, rest, complete)), expected, "{heard:?} {rest:?} {complete}");
        }
    }

    #[test]
    fn the_rest_begins_behind_the_last_word_that_was_heard_whatever_marks_stand_between() {
        for (text, heard, rest) in [
            ("One two. Three four.", "One two.", Some("Three four.")),
            ("One two. Three four.", "One two", Some("Three four.")),
            ("**One** two, *three*.", "One", Some("two, *three*.")),
            ("- One\n- Two (or three)", "One Two", Some("(or three)")),
            ("It is -5 now.", "It is", Some("-5 now.")),
            ("Das kostet „viel“.", "Das kostet", Some("„viel“.")),
            ("One two.", "One two.", Some("")),
            ("One two.", "", Some("One two.")),
            ("One two.", "One three.", None),
            ("One", "One two", None),
        ] {
            assert_eq!(rest_of(text, heard), rest, "{text:?} after {heard:?}");
        }
    }

    #[test]
    fn a_client_is_told_the_last_twenty_things_within_eight_kilobytes() {
        let say = |role, content: String| Message { role, content };
        let many: Vec<_> = (0..30).map(|n| say(Role::User, n.to_string())).collect();
        let told = said_lately(&many);
        assert_eq!((told.len(), told[0].content.as_str(), told[19].content.as_str()), (20, "10", "29"));
        let long = [
            say(Role::User, "ü".repeat(5_000)),
            say(Role::Tool, "x".into()),
            say(Role::Assistant, "Yes.".into()),
        ];
        let told = said_lately(&long);
        assert_eq!((told.len(), told[1].content.as_str()), (2, "Yes."));
        let bytes: usize = told.iter().map(|said| said.content.len()).sum();
        assert!((MOST_BYTES - 2..=MOST_BYTES).contains(&bytes), "{bytes}");
    }

    proptest! {
        /// Whatever part of a plain text was heard, that part and the rest have all its words, once each.
        #[test]
        fn nothing_is_lost_or_said_twice(words in proptest::collection::vec("[a-zäß]{1,5}[.,!?]?", 1..12), cut in 0usize..12) {
            let cut = cut.min(words.len());
            let (text, heard) = (words.join(" "), words[..cut].join(" "));
            let rest = rest_of(&text, &heard).expect("it is the beginning");
            prop_assert_eq!(rest, words[cut..].join(" "));
        }
    }
}
