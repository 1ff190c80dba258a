//! What the conversation commands: one response at a time, each begun and played as it should be.

use super::{Invariants, Made, SILENCE};
use crate::conversation::Command;
use crate::frame::{Play, ResponseId, ResponseRequest, Role};

impl Invariants {
    pub(super) fn command(&mut self, command: &Command) {
        match command {
            Command::Start(request, play) => self.start(request, *play),
            Command::Prefill(messages, _) => self.history(messages),
            Command::Play(id, play) => self.plays(*id, *play),
            Command::Cancel(id) => {
                self.made_is("nothing_after_end", *id);
                self.made = None;
            }
            Command::Filler(id, _) => self.fills(*id),
            Command::RunTool(id, _) | Command::Continue(id, _) => {
                let known = self.announced.as_ref().is_some_and(|announced| announced.id == *id);
                self.made_is("nothing_after_end", *id);
                self.must("speculative_unheard", known, || {
                    format!("response {} uses a tool and was not announced", id.0)
                });
            }
            Command::Close(utterance) => {
                let open = self.open.take();
                self.must("close_once", open == Some(*utterance), || {
                    format!("utterance {} is closed and {open:?} is open", utterance.0)
                });
            }
            Command::Emit(event) => self.event(event),
            Command::Count(_, messages, _) => self.history(messages),
            Command::Remember(context) => self.remembered(context),
            Command::SetLanguage(_) | Command::ListVoices | Command::Show(_) => {}
            Command::Summarise(_) | Command::Prepare(..) => {}
            Command::End(..) => {
                let made = self.made;
                self.must("one_response", made.is_none(), || {
                    format!("{made:?} is in progress after the call's end")
                });
                self.ended = true;
            }
        }
    }

    fn made_is(&mut self, invariant: &'static str, id: ResponseId) {
        let made = self.made.map(|made| made.id);
        self.must(invariant, made == Some(id), || {
            format!("a command to {id:?}, and {made:?} is in progress")
        });
    }

    fn start(&mut self, request: &ResponseRequest, play: Play) {
        let (id, last, made) = (request.id, self.last, self.made);
        self.must("one_response", made.is_none(), || format!("response {} begins beside {made:?}", id.0));
        self.must("one_request", id > last, || format!("response {} begins after {last:?}", id.0));
        let speculative = play == Play::Speculative;
        let announced = self.announced.as_ref().is_some_and(|announced| announced.id == id);
        self.must("speculative_unheard", announced != speculative, || {
            format!("response {} begins as {play:?}, announced: {announced}", id.0)
        });
        let whole = request.script.is_some()
            || request.messages.first().is_some_and(|first| first.role == Role::System)
                && request.messages.last().is_some_and(|last| matches!(last.role, Role::User | Role::Tool));
        self.must("whole_request", whole, || format!("response {} follows no words of the person", id.0));
        self.must("one_request", request.speculative == speculative, || {
            format!("response {} begins as {play:?}, speculative: {}", id.0, request.speculative)
        });
        self.history(&request.messages);
        if request.canned {
            self.canned = Some(id);
        }
        (self.made, self.last) = (Some(Made { id, speculative }), id);
    }

    fn plays(&mut self, id: ResponseId, play: Play) {
        let known = self.announced.as_ref().is_some_and(|announced| announced.id == id);
        self.made_is("nothing_after_end", id);
        self.must("speculative_unheard", known && play != Play::Speculative, || {
            format!("response {} is played as {play:?} and was not announced", id.0)
        });
        self.made = self.made.map(|made| Made { speculative: false, ..made });
    }

    fn fills(&mut self, id: ResponseId) {
        self.made_is("nothing_after_end", id);
        let waits = self.filler_fits(id);
        self.must("states_agree", waits, || {
            format!("response {} gets a filler and was not silent for {SILENCE} ms", id.0)
        });
    }

    /// A filler is said: whether the response has not begun to sound, or has been silent for long enough.
    fn filler_fits(&mut self, id: ResponseId) -> bool {
        let Some(announced) = self.announced.as_mut().filter(|announced| announced.id == id) else {
            return false;
        };
        let waits = announced.dry_from.is_some_and(|from| self.now >= from + SILENCE);
        announced.dry_from = announced.dry_from.map(|_| self.now);
        waits || !announced.sounding
    }
}
