//! What playout tells: only announced responses sound, in order.

use super::{Invariants, Playing};
use crate::frame::PlayoutEvent;

impl Invariants {
    pub(super) fn playout(&mut self, event: &PlayoutEvent) {
        let id = event.response();
        let announced = self.ever_announced.contains(&id);
        self.must("speculative_unplayed", announced, || {
            format!("response {} sounds and was never announced", id.0)
        });
        let before = self.playing.filter(|playing| playing.id == id);
        let (fits, finished) = match event {
            PlayoutEvent::Started(_) => {
                (before.is_none() && self.playing.is_none_or(|last| last.id < id), false)
            }
            // A segment that is not spoken may be shown before anything sounds.
            PlayoutEvent::Segment { aloud: false, .. } => return,
            PlayoutEvent::Segment { .. } | PlayoutEvent::Words { .. } | PlayoutEvent::Hole(..) => {
                (before == Some(Playing { id, finished: false }), false)
            }
            PlayoutEvent::Cue { .. } => return,
            // A response without sound finishes without a start.
            PlayoutEvent::Finished(_) => (before.is_none_or(|before| !before.finished), true),
        };
        if self.playing.is_none_or(|last| last.id <= id) {
            self.playing = Some(Playing { id, finished });
        }
        self.must("playout_order", fits, || format!("response {} is played out of order", id.0));
    }
}
