//! What the client is told: of one announced response at a time, which ends once.

use super::heard::spaced;
use super::{Announced, Broke, Invariants, Made};
use crate::event::{CallEvent, ResponseEnd};
use crate::frame::ResponseId;

impl Invariants {
    pub(super) fn event(&mut self, event: &CallEvent) {
        match event {
            CallEvent::ResponseStarted(id) => {
                let before = self.announced.replace(Announced { id: *id, ..Announced::default() });
                let new = self.ever_announced.insert(*id);
                self.must("one_response", before.is_none() && new, || {
                    format!("response {} is announced after {:?}", id.0, before.map(|announced| announced.id))
                });
            }
            CallEvent::ResponseText { response, .. } | CallEvent::ResponseTextEnded(response) => {
                self.of(*response);
            }
            CallEvent::SegmentProgress { response, text, said, .. } => {
                self.of(*response);
                let some = text.get(..*said).is_some();
                self.must("history_is_heard", some, || {
                    format!("response {} said more than its segment has", response.0)
                });
            }
            CallEvent::SegmentSpoken { response, text, .. } => {
                if let Some(announced) = self.of(*response) {
                    announced.said = spaced(&format!("{} {text}", announced.said));
                }
            }
            CallEvent::AgentStartedSpeaking(response) => self.sounds(*response, true),
            CallEvent::AgentStoppedSpeaking(response) => self.sounds(*response, false),
            CallEvent::Interrupted { response, heard } => {
                self.breaks_off(*response, ResponseEnd::Interrupted, heard)
            }
            CallEvent::ResponseFailed { response, heard } => {
                self.breaks_off(*response, ResponseEnd::Failed, heard)
            }
            CallEvent::Turn { response, end, .. } => self.turn(*response, *end),
            CallEvent::State(state) => {
                let before = std::mem::replace(&mut self.state, *state);
                self.must("states_agree", before != *state, || format!("{state:?} is announced twice"));
            }
            CallEvent::UserStartedSpeaking | CallEvent::UserStoppedSpeaking => {
                let starts = *event == CallEvent::UserStartedSpeaking;
                let before = std::mem::replace(&mut self.speaking, starts);
                let invariant = if starts { "speech_order" } else { "states_agree" };
                self.must(invariant, before != starts, || format!("{event:?} twice"));
            }
            _ => {}
        }
    }

    /// The response that an event is about, which must be the announced one.
    fn of(&mut self, id: ResponseId) -> Option<&mut Announced> {
        let known = self.announced.as_ref().is_some_and(|announced| announced.id == id);
        let speculative = self.made == Some(Made { id, speculative: true });
        let invariant = if speculative || !self.ever_announced.contains(&id) {
            "speculative_unheard"
        } else {
            "nothing_after_end"
        };
        self.must(invariant, known, || format!("an event of response {}, which is not announced", id.0));
        self.announced.as_mut().filter(|announced| announced.id == id)
    }

    fn sounds(&mut self, id: ResponseId, sounding: bool) {
        let Some(announced) = self.of(id) else { return };
        let before = std::mem::replace(&mut announced.sounding, sounding);
        self.must("states_agree", before != sounding, || {
            format!("response {} sounds: {sounding}, twice", id.0)
        });
    }

    fn breaks_off(&mut self, id: ResponseId, end: ResponseEnd, heard: &str) {
        let Some(announced) = self.of(id) else { return };
        let heard = spaced(heard);
        let (sounded, once) = (announced.said.starts_with(&heard), announced.broke.is_none());
        announced.broke = Some(Broke { end, heard });
        self.must("history_is_heard", sounded, || format!("response {} was not played that far", id.0));
        self.must("one_end", once, || format!("response {} breaks off twice", id.0));
    }

    fn turn(&mut self, id: ResponseId, end: ResponseEnd) {
        let announced = self.announced.take_if(|announced| announced.id == id);
        self.must("one_end", announced.is_some(), || format!("response {} ends and is not announced", id.0));
        let Some(announced) = announced else { return };
        self.must("states_agree", !announced.sounding, || format!("response {} ends and still sounds", id.0));
        let made = self.made.take_if(|made| made.id == id);
        self.must("one_end", made.is_none() || announced.broke.is_none(), || {
            format!("response {} broke off and continues", id.0)
        });
        let broke = announced.broke.as_ref().map_or(ResponseEnd::Finished, |broke| broke.end);
        self.must("one_end", broke == end, || format!("response {} ended as {broke:?}, not {end:?}", id.0));
        if self.canned != Some(id) {
            let heard = announced.broke.map_or(announced.said, |broke| broke.heard);
            self.was_heard(&heard);
        }
        self.takes_in_appended();
    }
}
