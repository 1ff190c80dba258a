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
        let begun = before.is_some_and(|before| !before.finished);
        let dry = before.is_some_and(|before| before.dry);
        let sounds = Playing { id, dry: false, finished: false };
        let (fits, playing) = match event {
            PlayoutEvent::Started(_) => {
                (before.is_none() && self.playing.is_none_or(|last| last.id < id), sounds)
            }
            // A segment that is not spoken may be shown before anything sounds.
            PlayoutEvent::Segment { aloud: false, .. } => return,
            PlayoutEvent::Segment { .. } | PlayoutEvent::Words { .. } | PlayoutEvent::Hole(..) => {
                (begun, Playing { dry, ..sounds })
            }
            PlayoutEvent::Dry(_) => (begun && !dry, Playing { dry: true, ..sounds }),
            PlayoutEvent::GoesOn(_) => (begun && dry, sounds),
            PlayoutEvent::Cue { .. } => return,
            // A response without sound finishes without a start.
            PlayoutEvent::Finished(_) => {
                (before.is_none_or(|before| !before.finished), Playing { finished: true, ..sounds })
            }
        };
        if self.playing.is_none_or(|last| last.id <= id) {
            self.playing = Some(playing);
        }
        if let Some(announced) = self.announced.as_mut().filter(|announced| announced.id == id) {
            announced.dry_from = match event {
                PlayoutEvent::Dry(_) => Some(self.now),
                PlayoutEvent::GoesOn(_) | PlayoutEvent::Started(_) => None,
                _ => announced.dry_from,
            };
        }
        self.must("playout_order", fits, || format!("response {} is played out of order", id.0));
    }
}
