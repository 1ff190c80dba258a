//! Assigns a call's tracks to sections of its client's offers. Pure.
//!
//! A section gets a track of its direction in a codec that it offers, and keeps it in later offers, even on hold. A track keeps
//! its slot in the connection, and moves to another section when its own was turned off.

use std::sync::Arc;

use crate::ports::{Track, Tracks};
use crate::webrtc::sdp::{Carried, Further, Offer, Slot, TrackId};

/// The tracks of a call, the same for each of its connections.
#[derive(Debug, Default)]
pub(in crate::webrtc) struct Catalogue {
    pub(super) outgoing: Vec<Track>,
    pub(super) incoming: Vec<Track>,
}

impl Catalogue {
    pub(in crate::webrtc) fn of(tracks: &Tracks) -> Self {
        Self {
            outgoing: tracks.outgoing.iter().map(|one| one.track.clone()).collect(),
            incoming: tracks.incoming.iter().map(|one| one.track.clone()).collect(),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Track> {
        self.outgoing.iter().chain(&self.incoming)
    }

    /// The tracks whose direction suits a section.
    fn of_direction(&self, further: &Further) -> Vec<TrackId> {
        let (sends, receives) = (further.direction.sends(), further.direction.receives());
        let outgoing = (0..self.outgoing.len()).filter(|_| receives).map(TrackId::Outgoing);
        // Beside other streams the crate finds a stream only by its SSRC.
        let incoming = (0..self.incoming.len()).filter(|_| sends && further.ssrc.is_some());
        outgoing.chain(incoming.map(TrackId::Incoming)).collect()
    }

    fn track(&self, id: TrackId) -> Option<&Track> {
        match id {
            TrackId::Outgoing(at) => self.outgoing.get(at),
            TrackId::Incoming(at) => self.incoming.get(at),
        }
    }
}

/// The slots of one connection.
#[derive(Debug)]
pub(super) struct Slots {
    catalogue: Arc<Catalogue>,
    carried: Carried,
}

impl Slots {
    pub(super) fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue, carried: Carried::default() }
    }

    /// The offer with tracks assigned to its sections. A new section gets a slot.
    pub(super) fn slot(&mut self, offer: &Offer) -> Offer {
        let mut assigned = offer.clone();
        if self.catalogue.all().next().is_none() {
            return assigned;
        }
        if offer.has_data() {
            self.carried.before_data.get_or_insert(self.carried.slots.len());
        }
        let mut taken = Vec::new();
        // Sections that have a slot already go first.
        for is_new in [false, true] {
            for further in &offer.further {
                let at = if is_new {
                    let comes = !self.is_known(further);
                    comes
                        .then(|| self.vacant(further, &taken).or_else(|| self.place(further, offer)))
                        .flatten()
                } else {
                    self.known(further)
                };
                let Some(at) = at else { continue };
                let ssrc = further.ssrc.filter(|ssrc| !self.is_in_use(*ssrc, at, offer));
                let Some(slot) = self.carried.slots.get_mut(at) else { continue };
                slot.section.clone_from(&further.mid);
                slot.ssrc = ssrc.or(slot.ssrc);
                taken.push(slot.at);
                assigned.take(further, slot);
            }
        }
        assigned.carried = self.carried.clone();
        assigned
    }

    /// The slot that the section has already.
    fn known(&self, further: &Further) -> Option<usize> {
        let fits = |slot: &&Slot| slot.section == further.mid && is_offered(slot, further);
        self.carried.slots.iter().find(fits).map(|slot| slot.at)
    }

    fn is_known(&self, further: &Further) -> bool {
        self.known(further).is_some()
    }

    /// A slot whose section was turned off.
    fn vacant(&self, further: &Further, taken: &[usize]) -> Option<usize> {
        let wanted = self.catalogue.of_direction(further);
        let fits = |slot: &&Slot| {
            !taken.contains(&slot.at) && wanted.contains(&slot.track) && is_offered(slot, further)
        };
        self.carried.slots.iter().find(fits).map(|slot| slot.at)
    }

    /// Makes a slot for the first track that fits and has none.
    fn place(&mut self, further: &Further, offer: &Offer) -> Option<usize> {
        if !offer.names_its_sound() {
            return None;
        }
        let at = self.carried.slots.len();
        let has_none = |id: &TrackId| self.carried.slots.iter().all(|slot| slot.track != *id);
        let free = self.catalogue.of_direction(further).into_iter().filter(has_none);
        let mut fitting = free.filter_map(|track| {
            let codec = self.catalogue.track(track)?.codec.clone();
            let payload_type = further.payload_type(&codec)?;
            let slot =
                Slot { at, section: further.mid.clone(), track, codec, payload_type, ssrc: further.ssrc };
            self.is_told_apart(&slot, offer).then_some(slot)
        });
        let slot = fitting.next()?;
        self.carried.slots.push(slot);
        Some(at)
    }

    /// Whether the crate can tell its packets from those of the sound and of other tracks. It supports one codec per kind and
    /// connection, that of the kind's first section.
    fn is_told_apart(&self, slot: &Slot, offer: &Offer) -> bool {
        if slot.is_incoming() && slot.ssrc.is_some_and(|ssrc| self.is_in_use(ssrc, slot.at, offer)) {
            return false;
        }
        if slot.kind() == "audio" {
            return slot.codec.mime_type.eq_ignore_ascii_case("audio/opus")
                && slot.payload_type == offer.opus;
        }
        let first = self.carried.slots.iter().find(|one| one.kind() == slot.kind());
        slot.payload_type != offer.opus
            && first.is_none_or(|one| one.codec == slot.codec && one.payload_type == slot.payload_type)
    }

    /// Whether the sound or another incoming track has this RTP stream.
    fn is_in_use(&self, ssrc: u32, at: usize, offer: &Offer) -> bool {
        let mut others = self.carried.slots.iter().filter(|slot| slot.at != at && slot.is_incoming());
        offer.ssrc == Some(ssrc) || others.any(|slot| slot.ssrc == Some(ssrc))
    }
}

fn is_offered(slot: &Slot, further: &Further) -> bool {
    further.payload_type(&slot.codec) == Some(slot.payload_type)
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests;
