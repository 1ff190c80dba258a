//! What happens when nobody says anything: the agent asks whether the person is there, then the call ends.

use super::Conversation;
use super::lines::CannedPhrase;
use crate::event::{CallEnd, EndReason};

pub(super) const IDLE: CallEnd = CallEnd {
    reason: EndReason::Idle,
    message: "Nobody has said anything for a while, so the call has ended.",
};

impl Conversation {
    pub(super) fn idle_due(&self) -> Option<u64> {
        let quiet = self.open.is_none() && self.response.is_none() && self.cut.is_empty();
        let wait = if self.asked_whether_there { self.settings.idle_end_ms } else { self.settings.idle_ms };
        (quiet && self.settings.idle_ms > 0).then(|| self.last_word + wait)
    }

    pub(super) fn idle(&mut self, now: u64) {
        if self.asked_whether_there {
            self.leaving = Some(IDLE);
            self.say(now, CannedPhrase::Goodbye);
        } else {
            self.asked_whether_there = true;
            self.say(now, CannedPhrase::StillThere);
        }
    }
}
