//! Session descriptions: what an offer must have before anything heavier looks at it, and what our answers say.
//!
//! Offers come in many forms, and the `webrtc` crate reads few of them. So it gets a plain offer made of what was
//! understood, always of the same form, and the client gets an answer in the form of its own offer.
//!
//! - `lines`: the shape, `transport`: ICE and DTLS, `candidate`: addresses
//! - `offer`: what is understood of an offer, `direction`: which ways its media go, `further`: what it has beside sound and data
//! - `plain`: what the crate gets of an offer, `answer`: what the client gets

mod answer;
mod candidate;
mod direction;
mod further;
mod lines;
mod offer;
mod plain;
mod transport;

pub(super) use self::answer::Ours;
pub(super) use self::candidate::Candidates;
pub(super) use self::further::{Carried, Further, Slot, TrackId};
pub(super) use self::offer::{Offer, check_offer};
pub(super) use self::plain::AUDIO;

#[cfg(test)]
mod fuzz_tests;
