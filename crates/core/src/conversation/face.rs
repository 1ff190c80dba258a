//! What the face shows, as the client and the answers want it.

use super::{Command, Conversation};
use crate::avatar::cue::{Cue, Mood};
use crate::event::CallEvent;

/// The mood of the face.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// As the client set it last.
    own: Mood,
    /// As it is shown.
    now: Mood,
}

impl Shown {
    /// Nothing yet, and the client wants this.
    pub(super) fn wanted(own: Mood) -> Self {
        Self { own, now: Mood::default() }
    }

    /// What the client wants.
    pub(super) fn own(&self) -> Mood {
        self.own
    }

    /// An answer shows this.
    pub(super) fn answer_shows(&mut self, cue: Cue) {
        if let Cue::Mood(mood) = cue {
            self.now = mood;
        }
    }
}

impl Conversation {
    /// The client wants this to be shown.
    pub(super) fn set_expression(&mut self, cue: Cue) {
        if let Cue::Mood(mood) = cue {
            self.shown.own = mood;
        }
        self.show(cue);
    }

    /// The mood that an answer has left is over.
    pub(super) fn end_mood(&mut self) {
        if self.shown.now != self.shown.own {
            self.show(Cue::Mood(self.shown.own));
        }
    }

    fn show(&mut self, cue: Cue) {
        self.shown.answer_shows(cue);
        self.commands.push(Command::Show(cue));
        self.emit(CallEvent::Expression(cue));
    }
}
