//! How a response ends: finished, interrupted or failed. Each announced response ends once.

use crate::event::{CallEvent, ResponseEnd};
use crate::frame::{PlaybackPosition, ResponseId};
use crate::route::Served;

use super::lines::{CannedPhrase, canned_phrase};
use super::response::Response;
use super::{Command, Conversation};
use crate::slow::{self, Circumstances};

/// Retries of a turn when an engine fails before anything was heard.
const RETRIES: u32 = 2;
/// Retries, preceded by an apology, when some of the response was heard.
const RETRIES_ALOUD: u32 = 1;

impl Conversation {
    pub(super) fn response_finished(&mut self, now: u64) {
        let Some(mut response) = self.response.take() else { return };
        let greeted = response.scripted && !response.canned;
        self.barge_in = None;
        self.last_word = now;
        if response.sounding {
            self.remember_heard(&response, &response.all());
            self.segment_said(&mut response, None);
            self.emit(CallEvent::AgentStoppedSpeaking(response.id));
        } else if response.was_read() {
            self.remember_heard(&response, &response.all());
        } else {
            // Nothing could be spoken: silence would look like a fault.
            self.unanswered &= response.waits;
            self.notice("no-response", "I have no answer to that. Please put it another way.");
        }
        self.take_in_appended();
        self.tell_turn(now, &response, ResponseEnd::Finished);
        self.goes_on_after(now, &response);
        self.count_history();
        self.decide(now);
        self.respond_if_due(now);
        self.say_next(now);
        self.make_room();
        if greeted && !self.tools.is_empty() {
            // With tools the greeting stands before them, so the model has much to prefill again.
            self.prefill("");
        }
        self.prepare_phrases();
    }

    /// The person speaks or asks for silence: the response ends here.
    pub(super) fn interrupt(&mut self, now: u64, position: PlaybackPosition) {
        self.break_off(now, position, ResponseEnd::Interrupted);
    }

    /// Ends the response here; only what was heard is remembered.
    fn break_off(&mut self, now: u64, position: PlaybackPosition, end: ResponseEnd) {
        (self.barge_in, self.next_phrase) = (None, None);
        let Some(mut response) = self.response.take() else { return };
        let id = response.id;
        self.commands.push(Command::Cancel(id));
        self.tool_broken_off(now, &mut response.tool_use, end);
        let samples = if position.response == id { position.samples } else { 0 };
        let heard = response.heard(samples);
        self.remember_heard(&response, &heard);
        self.broke_off_again(&response, &heard, end);
        self.take_in_appended();
        if !response.text_ended {
            self.emit(CallEvent::ResponseTextEnded(id));
        }
        if response.sounding {
            self.segment_said(&mut response, Some(samples));
            self.emit(CallEvent::AgentStoppedSpeaking(id));
        }
        self.emit(if end == ResponseEnd::Failed {
            CallEvent::ResponseFailed { response: id, heard }
        } else {
            CallEvent::Interrupted { response: id, heard }
        });
        self.tell_turn(now, &response, end);
    }

    /// Adds what was heard to the history, except canned phrases, which the model would imitate.
    fn remember_heard(&mut self, response: &Response, heard: &str) {
        if !response.canned {
            self.history.agent_was_heard(heard);
        }
    }

    fn tell_turn(&mut self, now: u64, response: &Response, end: ResponseEnd) {
        let (mut marks, since) = (response.marks, response.since(now));
        match end {
            ResponseEnd::Finished => marks.done = since,
            ResponseEnd::Interrupted => marks.interrupted = since,
            ResponseEnd::Failed => marks.failed = since,
        }
        let circumstances = Circumstances {
            prediction: self.prediction,
            retried: self.retries > 0,
            delayed: response.delayed,
            read: response.read,
        };
        let slow = slow::explain(&marks, circumstances).filter(|_| !response.scripted);
        self.emit(CallEvent::Turn { response: response.id, end, marks, slow, served: Served::default() });
        // The typed words have their response: speech counts again, even in an utterance that was open before them.
        let over = self.open.as_mut().filter(|open| open.typed_over && end != ResponseEnd::Failed);
        if let Some(open) = over {
            (open.typed_over, open.ignored) = (false, false);
        }
    }

    /// An engine failed during a response: it is begun again, with an apology first if some of it was heard.
    pub(super) fn response_failed(&mut self, now: u64, position: PlaybackPosition, id: ResponseId) {
        if self.speculative.take_if(|speculative| speculative.id == id).is_some() {
            self.commands.push(Command::Cancel(id));
            return;
        }
        let Some(response) = self.response.as_ref().filter(|response| response.id == id) else { return };
        let (heard, scripted, waited_from) = (response.sounding, response.scripted, response.waited_from);
        let retries = if heard { RETRIES_ALOUD } else { RETRIES };
        self.break_off(now, position, ResponseEnd::Failed);
        if scripted {
            // Words may have arrived meanwhile.
            return self.respond_if_due(now);
        }
        if self.retries >= retries {
            return self.give_up(now);
        }
        self.retries += 1;
        self.unanswered = true;
        if !heard {
            self.notice("one-moment", "One moment, please.");
        }
        self.respond_if_due(now);
        if let Some(response) = self.response.as_mut().filter(|_| !heard) {
            // The person has waited since the question, or since they last heard something.
            response.waited_from = waited_from;
        }
        if heard {
            self.fill_with(now, canned_phrase(CannedPhrase::Again, &self.voiced(&self.language)));
        }
    }

    /// Tells the person that the question cannot be answered.
    pub(super) fn give_up(&mut self, now: u64) {
        (self.unanswered, self.said_before) = (false, None);
        self.notice("response-failed", "Something went wrong while I was answering. Please ask me again.");
        if self.aloud {
            self.say(now, CannedPhrase::Failed);
        }
    }

    /// Ends a response that cannot be completed.
    pub(super) fn abandon(&mut self, now: u64, position: PlaybackPosition) {
        self.break_off(now, position, ResponseEnd::Failed);
        self.give_up(now);
    }
}
