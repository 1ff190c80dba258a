//! What the agent says without the model: the greeting, canned phrases and fillers.

use crate::frame::Play;

use super::lines::{self, CannedPhrase, canned_phrase};
use super::response::{Question, Response};
use super::{Command, Conversation};

/// A response whose words are given.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: String,
    /// It is a canned phrase, and not remembered.
    pub(super) canned: bool,
    /// It is spoken; otherwise it is shown as text.
    pub(super) aloud: bool,
}

impl Conversation {
    /// Says a canned phrase, unless the person speaks or a response is in progress. The model is never told of it.
    pub(super) fn say(&mut self, now: u64, what: CannedPhrase) {
        if self.response.as_ref().is_some_and(|response| response.waits) {
            self.next_phrase = Some(what);
        } else if !self.is_spoken_to() {
            self.say_words(now, canned_phrase(what, &self.voiced(&self.language)).to_string(), true);
        }
    }

    /// Says the canned phrase that was put off while the person was asked to wait.
    pub(super) fn say_next(&mut self, now: u64) {
        if let Some(what) = self.next_phrase.take() {
            self.say(now, what);
        }
    }

    /// Asks the person to wait, since the transcript of their words is late.
    pub(super) fn ask_to_wait(&mut self, now: u64, again: bool) {
        let what = if again { CannedPhrase::StillBusy } else { CannedPhrase::OneMoment };
        let text = canned_phrase(what, &self.voiced(&self.language));
        self.notice("one-moment", text);
        self.say_words(now, text.to_string(), true);
        if let Some(response) = &mut self.response {
            response.waits = true;
        }
    }

    /// Says the greeting, which the model is told of, once per call.
    pub(super) fn greet(&mut self, now: u64) {
        let silent = self.settings.greeting.is_empty() || self.is_spoken_to();
        if !std::mem::replace(&mut self.greeted, true) && !silent {
            self.say_words(now, self.settings.greeting.clone(), false);
        }
    }

    fn say_words(&mut self, now: u64, text: String, canned: bool) {
        self.respond_with(now, Script { text, canned, aloud: true });
    }

    /// Gives a response whose words are given.
    pub(super) fn respond_with(&mut self, now: u64, Script { text, canned, aloud }: Script) {
        if self.response.is_some() {
            return;
        }
        let mut request = self.request("", &self.language.clone(), false);
        request.messages.clear();
        request.script = Some(text.clone());
        request.aloud = aloud;
        request.canned = canned;
        let mut response = self.response_to(&request, Question::at(now));
        (response.scripted, response.script) = (true, text);
        (response.canned, response.aloud) = (canned, aloud);
        self.make_current(now, response);
        self.commands.push(Command::Start(request, Play::Full));
    }

    /// Says the next filler: the person has waited long enough.
    pub(super) fn fill(&mut self, now: u64) {
        let again = self.response.as_ref().is_some_and(Response::was_filled);
        let what = if again { CannedPhrase::StillBusy } else { CannedPhrase::OneMoment };
        self.fill_with(now, canned_phrase(what, &self.voiced(&self.language)));
    }

    /// Says this as a filler while the person waits.
    pub(super) fn fill_with(&mut self, now: u64, text: &str) {
        let Some(response) = self.response.as_mut() else { return };
        if response.waited_from.is_none() {
            return;
        }
        let id = response.id;
        response.filled(now, text);
        self.notice("one-moment", text);
        self.commands.push(Command::Filler(id, text.to_string()));
    }

    /// Has the canned phrases synthesised in advance, so that they need not wait for it later.
    pub(super) fn prepare_phrases(&mut self) {
        if self.open.is_none() && self.response.is_none() && self.leaving.is_none() {
            let language = self.voiced(&self.language);
            let phrases = lines::prepared(&language).map(str::to_owned).collect();
            let voice = (self.voice_for(&language), language);
            self.commands.push(Command::Prepare(phrases, voice));
        }
    }
}
