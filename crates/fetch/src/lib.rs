//! Getting models: [`fetch()`], and the command line ([`cli`]). What there is, and what is here: `visavis_models`.
//!
//! A fetch downloads through the user's own clients (`sources`), then unpacks, joins and converts (`steps`,
//! `convert`), and checks the result before it takes its final name (`place`).
#![forbid(unsafe_code)]

pub mod cli;
pub mod convert;
mod fetch;
mod place;
mod progress;
mod sources;
mod steps;

pub use fetch::{FetchFailure, Options, Outcome, Prefer, fetch};
pub use progress::Progress;
pub use sources::Clients;
