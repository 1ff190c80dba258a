//! What the face shows, by request of the client and of responses.

use super::{Command, Conversation};
use crate::avatar::cue::{Cue, Mood};
use crate::event::CallEvent;

/// The face's mood.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// The mood that the client set last.
    own: Mood,
    /// The mood that is shown.
    now: Mood,
}

impl Shown {
    /// Nothing is shown yet, and the client wants this mood.
    pub(super) fn wanted(own: Mood) -> Self {
        Self { own, now: Mood::default() }
    }

    /// The mood that the client wants.
    pub(super) fn own(&self) -> Mood {
        self.own
    }

    /// Notes a cue of a response.
    pub(super) fn response_shows(&mut self, cue: Cue) {
        if let Cue::Mood(mood) = cue {
            self.now = mood;
        }
    }
}

impl Conversation {
    /// Shows this cue of the client.
    pub(super) fn set_expression(&mut self, cue: Cue) {
        if let Cue::Mood(mood) = cue {
            self.shown.own = mood;
        }
        self.show(cue);
    }

    /// Ends the mood that the last response left behind.
    pub(super) fn end_mood(&mut self) {
        if self.shown.now != self.shown.own {
            self.show(Cue::Mood(self.shown.own));
        }
    }

    fn show(&mut self, cue: Cue) {
        self.shown.response_shows(cue);
        self.commands.push(Command::Show(cue));
        self.emit(CallEvent::Expression(cue));
    }
}
