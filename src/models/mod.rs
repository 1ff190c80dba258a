//! Models: what can be had and from where ([`Manifest`]), getting it ([`fetch()`]), and the command line ([`cli`]).
//!
//! A fetch downloads through the user's own clients (`sources`), then unpacks, joins and converts (`steps`,
//! `convert`), and checks the result before it takes its final name (`store`). A file under its final name is
//! therefore always whole, until somebody writes to it: `check` looks for that when a server starts.

mod check;
pub mod cli;
pub mod convert;
mod error;
mod fetch;
mod manifest;
mod progress;
mod sources;
mod steps;
mod store;

pub use check::check;
pub use error::FetchError;
pub use fetch::{FetchFailure, Options, Outcome, Prefer, fetch};
pub use manifest::source::{Conversion, Origin, Part, Source};
pub use manifest::{DEFAULT_PROFILE, Expected, Manifest, Model, Profile, Role};
pub use progress::{Progress, human};
pub use sources::Clients;
pub use store::{State, state, verify};
