//! Words that a call loses, or says twice, when it goes on over another connection. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::harness::words::words;
use visavis_client::{Recalled, ServerMessage};

/// The notice before the agent asks the person to wait. Its message is what the agent then says, which is no part of a response.
const ASKS_TO_WAIT: &str = "one-moment";

/// What a client was told of the agent's words over one connection.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What has sounded of each segment.
    sounded: BTreeMap<u64, String>,
    captions: Vec<String>,
    fillers: Vec<String>,
}

impl Told {
    /// Takes a message.
    pub fn message(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::BotSpoke { segment, text, .. } => {
                self.sounded.insert(*segment, text.clone());
            }
            ServerMessage::BotOutput { text, .. } => self.captions.push(text.clone()),
            ServerMessage::Notice { code, message } if code == ASKS_TO_WAIT => {
                self.fillers.push(message.clone());
            }
            _ => {}
        }
    }

    fn is_filler(&self, text: &str) -> bool {
        self.fillers.iter().any(|filler| filler.trim().starts_with(text.trim()))
    }

    /// The words of responses that have sounded.
    #[must_use]
    pub fn sounded(&self) -> Vec<String> {
        self.sounded.values().filter(|text| !self.is_filler(text)).flat_map(|text| words(text)).collect()
    }

    /// The words of all captions, those of a segment that still sounds included.
    #[must_use]
    pub fn captions(&self) -> Vec<String> {
        self.captions.iter().filter(|text| !self.is_filler(text)).flat_map(|text| words(text)).collect()
    }
}

/// How many words of `expected` are missing in `kept`, whatever else that has.
#[must_use]
pub fn lost(expected: &[String], kept: &[String]) -> usize {
    expected.len() - shared(expected, kept)
}

/// How many words both have, in the same order.
fn shared(one: &[String], other: &[String]) -> usize {
    let mut row = vec![0; other.len() + 1];
    for word in one {
        let mut diagonal = 0;
        for (place, candidate) in other.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if word == candidate { diagonal + 1 } else { above.max(row[place]) };
            diagonal = above;
        }
    }
    row[other.len()]
}

/// The seam at which a response that was cut goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Seam {
    /// Words that were never said.
    pub lost: usize,
    /// Words that were said twice.
    pub repeated: usize,
}

impl Seam {
    /// `before` and `after`: what the client was told over both connections; `recalled`: what the server went on from.
    #[must_use]
    pub fn between(before: &Told, recalled: &Recalled, after: &Told) -> Self {
        let (heard, kept) = (before.sounded(), words(&recalled.of_the_response()));
        let cut = words(recalled.cut.as_deref().unwrap_or_default());
        let both = shared(&heard, &kept);
        Self { lost: kept.len() - both + lost(&cut, &after.captions()), repeated: heard.len() - both }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use visavis_client::Said;
    use visavis_core::frame::{ResponseId, Role};

    fn told(sounded: &[&str], captions: &[&str]) -> Told {
        let mut told = Told::default();
        let response = ResponseId(1);
        for (segment, text) in (0..).zip(sounded) {
            told.message(&ServerMessage::BotSpoke { segment, text: "too early".into(), response });
            told.message(&ServerMessage::BotSpoke { segment, text: (*text).into(), response });
        }
        for text in captions {
            told.message(&ServerMessage::BotOutput { text: (*text).into(), response });
        }
        told
    }

    fn recalled(heard: &str, cut: &str) -> Recalled {
        let said = |role, text: &str| Said { role, text: text.into() };
        let said = vec![said(Role::User, "Tell me a story."), said(Role::Assistant, heard)];
        Recalled { said, cut: Some(cut.into()) }
    }

    #[test]
    fn words_are_lost_in_order_and_what_is_more_does_not_count() {
        let lost = |expected: &str, kept: &str| lost(&words(expected), &words(kept));
        assert_eq!(lost("One, two, three.", "zero one two and three four"), 0);
        assert_eq!(lost("one two three", "one three"), 1);
        assert_eq!(lost("one two", "two one"), 1);
        assert_eq!(lost("one two", ""), 2);
        assert_eq!(lost("", "one"), 0);
    }

    #[test]
    fn what_the_agent_says_to_make_the_person_wait_is_no_part_of_a_response() {
        let mut told = told(&["One moment.", "It is", "One"], &["One moment.", "It is tea."]);
        let message = "One moment. ".to_owned();
        told.message(&ServerMessage::Notice { code: ASKS_TO_WAIT.into(), message });
        assert_eq!(told.sounded(), ["it", "is"]);
        assert_eq!(told.captions(), ["it", "is", "tea"]);
    }

    #[test]
    fn a_response_that_goes_on_at_its_next_word_loses_nothing_and_repeats_nothing() {
        let before = told(&["Once upon a time.", "There was"], &[]);
        let recalled = recalled("Once upon a time. There was", "a dog.");
        let after = told(&[], &["a dog.", "It was brave."]);
        assert_eq!(Seam::between(&before, &recalled, &after), Seam::default());
    }

    #[test]
    fn words_that_are_left_out_or_said_again_are_counted() {
        let before = told(&["Once upon a time.", "There was"], &[]);
        let again = recalled("Once upon a time.", "There was a dog.");
        let after = told(&[], &["There was a dog."]);
        assert_eq!(Seam::between(&before, &again, &after), Seam { lost: 0, repeated: 2 });
        let skips = recalled("Once upon a time. There was a", "dog.");
        let after = told(&[], &["It was brave."]);
        assert_eq!(Seam::between(&before, &skips, &after), Seam { lost: 2, repeated: 0 });
    }
}
