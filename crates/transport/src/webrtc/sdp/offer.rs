//! What is understood of an offer.

use super::direction::Direction;
use super::further::{Carried, Further, Slot, Taken};
use super::transport::Transport;

/// An offer with everything that a call needs.
#[derive(Debug, Clone)]
pub(in crate::webrtc) struct Offer {
    /// The payload type of Opus.
    pub(in crate::webrtc) opus: u8,
    /// The client's direction for sound.
    pub(in crate::webrtc) direction: Direction,
    pub(in crate::webrtc) transport: Transport,
    /// As written, without `a=`.
    pub(in crate::webrtc) candidates: Vec<String>,
    /// The client's RTP stream, if the offer names it.
    pub(in crate::webrtc) ssrc: Option<u32>,
    /// The sections, in order.
    pub(super) sections: Vec<Form>,
    /// The sections that could carry further tracks.
    pub(in crate::webrtc) further: Vec<Further>,
    /// The tracks that the connection carries; empty until they are assigned.
    pub(in crate::webrtc) carried: Carried,
    /// The mids of the bundle that contains the audio section, if any.
    pub(super) bundle: Option<Vec<String>>,
}

impl Offer {
    /// The data section that the answer accepts.
    pub(super) fn data(&self) -> Option<&Data> {
        self.sections.iter().find_map(|form| match &form.part {
            Part::Data(data) => Some(data),
            _ => None,
        })
    }

    /// Whether it offers a usable data channel.
    pub(in crate::webrtc) fn has_data(&self) -> bool {
        self.data().is_some()
    }

    /// Assigns the track of this slot to the section.
    pub(in crate::webrtc) fn take(&mut self, further: &Further, slot: &Slot) {
        let feedback = further.feedback(slot.payload_type).to_vec();
        let taken = Taken { slot: slot.at, direction: further.direction, feedback };
        if let Some(form) = self.sections.get_mut(further.section) {
            form.part = Part::Track(taken);
        }
    }

    /// The sections that carry tracks.
    pub(in crate::webrtc) fn taken(&self) -> impl Iterator<Item = &Taken> {
        self.sections.iter().filter_map(Form::taken)
    }

    /// Whether the client's sound can be found beside other streams: the crate recognises a stream without an SSRC only if it
    /// is the sole one.
    pub(in crate::webrtc) fn names_its_sound(&self) -> bool {
        self.ssrc.is_some() || !self.direction.sends()
    }
}

/// One section, as far as its answer depends on it.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) part: Part,
    pub(super) kind: String,
    pub(super) protocol: String,
    pub(super) formats: String,
    pub(super) mid: Option<String>,
}

impl Form {
    fn taken(&self) -> Option<&Taken> {
        match &self.part {
            Part::Track(taken) => Some(taken),
            Part::Audio | Part::Data(_) | Part::Off => None,
        }
    }
}

/// What the answer makes of a section.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Audio,
    Data(Data),
    /// It carries a track.
    Track(Taken),
    /// It is off, or the answer turns it off.
    Off,
}

/// A section for data channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) port: u16,
    /// Written with the port as its format, as before RFC 8841.
    pub(super) old: bool,
    pub(super) max_message: Option<u32>,
}
