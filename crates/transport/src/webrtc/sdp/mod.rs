//! Session descriptions: validates offers before anything expensive reads them, and writes our answers.
//!
//! Offers come in many forms, and the `webrtc` crate understands few of them. So it gets a plain offer, rebuilt from what was
//! understood and always of the same form, and the client gets an answer in the form of its own offer.
//!
//! - `lines`: the structure; `transport`: ICE and DTLS; `candidate`: addresses
//! - `offer`: what is understood of an offer; `sections`: which of its sections a call uses; `direction`: the direction of its media;
//!   `further`: its sections beside sound and data
//! - `plain`: the offer for the crate; `answer`: the answer for the client

mod answer;
mod candidate;
mod direction;
mod further;
mod lines;
mod offer;
mod plain;
mod sections;
mod transport;

pub(super) use self::answer::Ours;
pub(super) use self::candidate::{Candidates, Usable};
pub(super) use self::further::{Carried, Further, Slot, TrackId};
pub(super) use self::offer::Offer;
pub(super) use self::plain::AUDIO;
pub(super) use self::sections::check_offer;

#[cfg(test)]
pub(in crate::webrtc) mod fuzz_tests;
