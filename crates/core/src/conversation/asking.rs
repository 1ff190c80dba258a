//! What the model is asked: requests, and prefills ahead of them.

use crate::event::TurnMarks;
use crate::frame::{Message, Play, PlaybackPosition, ResponseId, ResponseRequest, Role};

use super::lines::{is_foreign, respond_in};
use super::response::{Question, Response};
use super::{CallEvent, Command, Conversation};

impl Conversation {
    /// The request for a response to the history and these further words of the person.
    pub(super) fn request(&mut self, more: &str, language: &str, speculative: bool) -> ResponseRequest {
        let messages = if more.is_empty() { self.question(language) } else { self.messages(more, language) };
        let spoken = self.voiced(language);
        self.responses += 1;
        ResponseRequest {
            id: ResponseId(self.responses),
            speculative,
            script: None,
            canned: false,
            preface: self.preface(language),
            messages,
            voice: self.voice_for(&spoken),
            language: spoken,
            tools: self.tools.clone(),
            aloud: speculative || self.aloud,
        }
    }

    /// The response to be made for this request.
    pub(super) fn response_to(&self, request: &ResponseRequest, question: Question) -> Response {
        let mut response = Response::new(request.id, question);
        response.language = self.spoken_language(&request.language).to_owned();
        response.voice = self.voice_used(&request.language);
        response
    }

    /// Instructions and history, up to the person's last words or the tool results that follow them.
    pub(super) fn question(&mut self, language: &str) -> Vec<Message> {
        let mut messages = self.messages("", language);
        // The heard part of a failed response does not answer the question.
        while messages.last().is_some_and(|last| last.role == Role::Assistant) {
            messages.pop();
        }
        self.asks_to_go_on(&mut messages);
        messages
    }

    /// Instructions and history with these words of the person, in this language.
    pub(super) fn messages(&mut self, more: &str, language: &str) -> Vec<Message> {
        let mut content = self.instructions();
        // Calls in English only share the prefill of the instructions.
        if let Some(instruction) = self.unvoiced_instruction(language) {
            content.push_str(&instruction);
        } else if (self.multilingual || is_foreign(language))
            && let Some(instruction) = respond_in(language)
        {
            content.push_str(&instruction);
        }
        let room = self.budget.room(content.len() - self.settings.instructions.len());
        let fitted = self.fitted_history(more, room);
        self.budget.asks(fitted.counted, fitted.estimated);
        let mut said = fitted.messages;
        // Small models call no tools if a conversation begins with their own words, so those go into the instructions.
        if !self.tools.is_empty() && said.first().is_some_and(|first| first.role == Role::Assistant) {
            let greeting = said.remove(0).content;
            content.push_str(&format!("\nYou have begun the call by saying: \"{greeting}\""));
        }
        let mut messages = vec![Message { role: Role::System, content }];
        messages.extend(said);
        messages
    }

    /// Prefills the model with what is known so far, and these words of the person who is still speaking.
    pub(super) fn prefill(&mut self, more: &str) {
        let language = self.language.clone();
        let messages = self.messages(more, &language);
        self.commands.push(Command::Prefill(messages, !more.is_empty()));
    }

    /// Whether somebody speaks or their words have not arrived, so that the agent must not begin anything. An utterance
    /// that was open before typed words does not count.
    pub(super) fn is_spoken_to(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.typed_over) || self.cut.iter().any(|cut| !cut.typed_over)
    }

    /// Begins a response if the person has said something, has stopped, and all their words are known.
    pub(super) fn respond_if_due(&mut self, now: u64) {
        if !self.unanswered || self.response.is_some() || self.is_spoken_to() {
            return;
        }
        let request = self.request("", &self.language.clone(), false);
        let mut response = self.response_to(&request, self.turn);
        response.aloud = request.aloud;
        self.make_current(now, response);
        self.commands.push(Command::Start(request, Play::Full));
    }

    /// Makes the speculative response the current one.
    pub(super) fn promote(&mut self, now: u64, mut speculative: Response, marks: TurnMarks) {
        speculative.marks =
            TurnMarks { pause: marks.pause, transcript: marks.transcript, ..speculative.marks };
        speculative.marks.turn_decided = marks.turn_decided;
        let id = speculative.id;
        self.make_current(now, speculative);
        self.commands.push(Command::Play(id, Play::Full));
        // Nothing of it has been played yet.
        self.run_waiting_tool(now, PlaybackPosition::default());
    }

    pub(super) fn make_current(&mut self, now: u64, mut response: Response) {
        // A response shown as text needs no filler.
        response.waited_from = Some(now).filter(|_| response.aloud && !response.sounding);
        self.last_word = now;
        self.emit(CallEvent::ResponseStarted(response.id));
        self.end_mood();
        for event in response.deferred.take().unwrap_or_default() {
            self.emit(event);
        }
        self.response = Some(response);
    }
}
