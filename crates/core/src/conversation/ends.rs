//! How an answer ends: finished, interrupted or failed; each one that was told of ends once.

use crate::event::{AnswerEnd, CallEvent};
use crate::frame::{PlaybackPosition, ResponseId};

use super::answer::Answer;
use super::lines::{Line, line};
use super::{Command, Conversation};
use crate::slow::{self, Circumstances};

/// A turn is begun again this often when an engine fails before anything was heard.
const RETRIES: u32 = 2;
/// And this often when some of the answer was heard, with an apology in front.
const RETRIES_ALOUD: u32 = 1;

impl Conversation {
    pub(super) fn answer_finished(&mut self, now: u64) {
        let Some(mut answer) = self.answer.take() else { return };
        let greeted = answer.scripted && !answer.canned;
        self.barge_in = None;
        self.last_word = now;
        if answer.sounding {
            self.remember(&answer, &answer.all());
            self.phrase_said(&mut answer, None);
            self.emit(CallEvent::AgentStoppedSpeaking(answer.id));
        } else if answer.was_read() {
            self.remember(&answer, &answer.all());
        } else {
            // Nothing that could be spoken: silence would look like a fault.
            self.unanswered &= answer.waits;
            self.notice("no-answer", "I have no answer to that. Please put it another way.");
        }
        self.take_in_appended();
        self.tell_turn(now, &answer, AnswerEnd::Finished);
        self.count_history();
        self.decide(now);
        self.answer_if_due(now);
        self.say_next(now);
        self.make_room();
        if greeted && !self.tools.is_empty() {
            // With tools the greeting stands before them, so that much is to be read again.
            self.read_ahead("");
        }
        self.prepare_lines();
    }

    /// The person speaks, or asks for silence: the answer ends here.
    pub(super) fn interrupt(&mut self, now: u64, position: PlaybackPosition) {
        self.break_off(now, position, AnswerEnd::Interrupted);
    }

    /// Ends the answer here; only what was heard is remembered.
    fn break_off(&mut self, now: u64, position: PlaybackPosition, end: AnswerEnd) {
        (self.barge_in, self.next_line) = (None, None);
        let Some(mut answer) = self.answer.take() else { return };
        let response = answer.id;
        self.commands.push(Command::Cancel(response));
        self.tool_broken_off(now, &mut answer.used, end);
        let samples = if position.response == response { position.samples } else { 0 };
        let heard = answer.heard(samples);
        self.remember(&answer, &heard);
        self.take_in_appended();
        if !answer.text_ended {
            self.emit(CallEvent::AnswerTextEnded(response));
        }
        if answer.sounding {
            self.phrase_said(&mut answer, Some(samples));
            self.emit(CallEvent::AgentStoppedSpeaking(response));
        }
        self.emit(if end == AnswerEnd::Failed {
            CallEvent::AnswerFailed { response, heard }
        } else {
            CallEvent::Interrupted { response, heard }
        });
        self.tell_turn(now, &answer, end);
    }

    /// What the model will know of it: nothing where the words were the server's own, for it would imitate them.
    fn remember(&mut self, answer: &Answer, heard: &str) {
        if !answer.canned {
            self.history.agent_was_heard(heard);
        }
    }

    fn tell_turn(&mut self, now: u64, answer: &Answer, end: AnswerEnd) {
        let (mut marks, since) = (answer.marks, answer.since(now));
        match end {
            AnswerEnd::Finished => marks.done = since,
            AnswerEnd::Interrupted => marks.interrupted = since,
            AnswerEnd::Failed => marks.failed = since,
        }
        let circumstances = Circumstances {
            vote: self.vote,
            retried: self.retries > 0,
            delayed: answer.delayed,
            read: answer.read,
        };
        let slow = slow::explain(&marks, circumstances).filter(|_| !answer.scripted);
        self.emit(CallEvent::Turn { response: answer.id, end, marks, slow });
        // Typed words are answered: what is said from now on counts, even in an utterance that was open before them.
        let over = self.open.as_mut().filter(|open| open.typed_over && end != AnswerEnd::Failed);
        if let Some(open) = over {
            (open.typed_over, open.ignored) = (false, false);
        }
    }

    /// An engine failed at an answer: it is begun again, with an apology in front if some of it was heard.
    pub(super) fn answer_failed(&mut self, now: u64, position: PlaybackPosition, response: ResponseId) {
        if self.hidden.take_if(|hidden| hidden.id == response).is_some() {
            self.commands.push(Command::Cancel(response));
            return;
        }
        let Some(answer) = self.answer.as_ref().filter(|answer| answer.id == response) else { return };
        let (heard, scripted, waited_from) = (answer.sounding, answer.scripted, answer.waited_from);
        let retries = if heard { RETRIES_ALOUD } else { RETRIES };
        self.break_off(now, position, AnswerEnd::Failed);
        if scripted {
            // Words may have come while it was made.
            return self.answer_if_due(now);
        }
        if self.retries >= retries {
            return self.give_up(now);
        }
        self.retries += 1;
        self.unanswered = true;
        if !heard {
            self.notice("one-moment", "One moment, please.");
        }
        self.answer_if_due(now);
        if let Some(answer) = self.answer.as_mut().filter(|_| !heard) {
            // The person has waited since the question, or since they last heard something.
            answer.waited_from = waited_from;
        }
        if heard {
            self.hold_with(now, line(Line::Again, &self.language));
        }
    }

    /// The question cannot be answered, and the person is told so.
    pub(super) fn give_up(&mut self, now: u64) {
        self.unanswered = false;
        self.notice("answer-failed", "Something went wrong while I was answering. Please ask me again.");
        if self.aloud {
            self.say(now, Line::Failed);
        }
    }

    /// The model does what it must not, so that the answer ends here.
    pub(super) fn abandon(&mut self, now: u64, position: PlaybackPosition) {
        self.break_off(now, position, AnswerEnd::Failed);
        self.give_up(now);
    }
}
