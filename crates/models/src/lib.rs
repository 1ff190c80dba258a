//! Models: which there are and where they come from ([`Manifest`]), and what is in the models directory ([`store`], [`check`]).
//! [`voices`] are files that people bring, which the manifest does not know; [`clones`] are voices cloned from a recording.
//!
//! A file under its final name is always complete, unless somebody writes to it: [`check`] detects that when a server starts.
#![forbid(unsafe_code)]

mod check;
pub mod clones;
mod error;
mod manifest;
mod size;
pub mod store;
pub mod voices;

pub use check::check;
pub use error::FetchError;
pub use manifest::source::{Conversion, Origin, Part, Source};
pub use manifest::{DEFAULT_PROFILE, Expected, Manifest, Model, Profile, Role};
pub use size::human;
pub use store::{State, state, verify};
