//! Speech as a service: texts as sound files, beside calls.
//!
//! - [`text`]: from a request's text to a [`script`], what is spoken; [`lexicon`]: respellings; [`ssml`]: the subset of SSML (all
//!   pure)
//! - [`room`]: speaks a script once for all who want it now, and keeps it
//! - [`flights`]: what grows while many read it
//! - `performance`: a script by a voice; `witness`: whether another one stood in for it; [`coding`]: as a file
//! - [`memory`]: files in memory; [`tier`]: what is beneath it; [`disk`]: speech on disk
//! - [`key`]: what determines how a text sounds; [`times`]: when each word sounds (both pure)

#![forbid(unsafe_code)]

pub mod coding;
pub mod disk;
pub mod flights;
pub mod key;
pub mod lexicon;
pub mod memory;
mod performance;
pub mod room;
pub mod script;
pub mod ssml;
pub mod text;
pub mod tier;
pub mod times;
mod witness;

pub use coding::{Coded, Origin, Whole};
pub use disk::Disk;
pub use key::{Key, Slot, Voiced};
pub use lexicon::Lexicon;
pub use room::{Opened, Room, Wanted};
pub use script::Script;
pub use tier::{Speech, Tier};
pub use times::Times;

#[cfg(test)]
mod fuzz_tests;
