//! `visavis doctor`: checks a host before or while it serves, here and from outside. See `docs/doctor.md`.
//!
//! - `finding`: what a check has found, and the report (pure); `report`: as lines for people (pure)
//! - `judge`: what is found is made of facts here (pure)
//! - `look`: where the facts come from: sockets, files, the kernel, other servers
//! - `check`: a piece of work with a name and a time limit; `examine`: which checks there are, and in which order
//! - [`cli`]: the command line
#![forbid(unsafe_code)]

mod check;
pub mod cli;
mod examine;
mod finding;
mod judge;
mod look;
mod report;

pub use finding::{Finding, Report, State};
