//! What the model is asked: requests, and what it reads ahead of them.

use crate::event::TurnMarks;
use crate::frame::{Message, Play, PlaybackPosition, ResponseId, ResponseRequest, Role};

use super::answer::Answer;
use super::lines::{answer_in, is_foreign};
use super::{CallEvent, Command, Conversation};

impl Conversation {
    /// What is to be answered when the person has added these words.
    pub(super) fn request(&mut self, more: &str, language: &str, speculative: bool) -> ResponseRequest {
        let messages = if more.is_empty() { self.question(language) } else { self.messages(more, language) };
        self.responses += 1;
        ResponseRequest {
            id: ResponseId(self.responses),
            speculative,
            script: None,
            canned: false,
            preface: self.preface(language),
            messages,
            language: self.voiced(language),
            voice: self.settings.voice.clone(),
            tools: self.tools.clone(),
            aloud: speculative || self.aloud,
        }
    }

    /// Instructions and history up to the person's last words, or what tools have said to them.
    pub(super) fn question(&mut self, language: &str) -> Vec<Message> {
        let mut messages = self.messages("", language);
        // What was heard of an answer that failed does not answer the question.
        while messages.last().is_some_and(|last| last.role == Role::Assistant) {
            messages.pop();
        }
        messages
    }

    /// Instructions and history with these words of the person, in this language.
    pub(super) fn messages(&mut self, more: &str, language: &str) -> Vec<Message> {
        let mut content = self.instructions();
        // Calls in English alone share what the model has read of the instructions.
        if let Some(instruction) = self.unvoiced_instruction(language) {
            content.push_str(&instruction);
        } else if (self.multilingual || is_foreign(language))
            && let Some(instruction) = answer_in(language)
        {
            content.push_str(&instruction);
        }
        let room = self.budget.room(content.len() - self.settings.instructions.len());
        let fitted = self.told(more, room);
        self.budget.asks(fitted.counted, fitted.estimated);
        let mut said = fitted.messages;
        // Small models call no tool in a conversation that begins with words of their own: they are told of them instead.
        if !self.tools.is_empty() && said.first().is_some_and(|first| first.role == Role::Assistant) {
            let greeting = said.remove(0).content;
            content.push_str(&format!("\nYou have begun the call by saying: \"{greeting}\""));
        }
        let mut messages = vec![Message { role: Role::System, content }];
        messages.extend(said);
        messages
    }

    /// Lets the model read what is known so far; with words of the person, they go on.
    pub(super) fn read_ahead(&mut self, more: &str) {
        let language = self.language.clone();
        let messages = self.messages(more, &language);
        self.commands.push(Command::Prefill(messages, !more.is_empty()));
    }

    /// Somebody speaks, or their words are still to come, so that the agent does not begin anything. Typed words are
    /// answered over an utterance that was open before them.
    pub(super) fn is_spoken_to(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.typed_over) || self.cut.iter().any(|cut| !cut.typed_over)
    }

    /// Answers when the person has said something, has stopped, and all their words are known.
    pub(super) fn answer_if_due(&mut self, now: u64) {
        if !self.unanswered || self.answer.is_some() || self.is_spoken_to() {
            return;
        }
        let request = self.request("", &self.language.clone(), false);
        let mut answer = Answer::new(request.id, self.turn);
        answer.aloud = request.aloud;
        self.take_up(now, answer);
        self.commands.push(Command::Start(request, Play::Full));
    }

    /// The hidden answer is the one.
    pub(super) fn promote(&mut self, now: u64, mut hidden: Answer, marks: TurnMarks) {
        hidden.marks = TurnMarks { pause: marks.pause, transcript: marks.transcript, ..hidden.marks };
        hidden.marks.turn_decided = marks.turn_decided;
        let id = hidden.id;
        self.take_up(now, hidden);
        self.commands.push(Command::Play(id, Play::Full));
        // Nothing of it has been played.
        self.run_waiting_tool(now, PlaybackPosition::default());
    }

    pub(super) fn take_up(&mut self, now: u64, mut answer: Answer) {
        // A reader needs no holding phrase.
        answer.waited_from = answer.aloud.then_some(now);
        self.last_word = now;
        self.emit(CallEvent::AnswerStarted(answer.id));
        self.end_mood();
        for event in answer.untold.take().unwrap_or_default() {
            self.emit(event);
        }
        self.answer = Some(answer);
    }
}
