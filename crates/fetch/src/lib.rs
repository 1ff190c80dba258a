//! Fetches models ([`fetch()`]), also from the command line ([`cli`]), and adds voices that people bring ([`voices`]).
//! `visavis_models` has the manifest and the store.
//!
//! A fetch downloads through the user's own clients (`sources`), then unpacks, joins and converts (`steps`,
//! `convert`), and checks the result before giving it its final name (`place`).
#![forbid(unsafe_code)]

pub mod cli;
pub mod convert;
mod fetch;
mod place;
mod progress;
mod sources;
mod steps;
mod table;
pub mod voices;

pub use fetch::{FetchFailure, Options, Outcome, Prefer, fetch};
pub use progress::Progress;
pub use sources::Clients;
