//! Recordings of calls: [`writer`] records one, on a thread of its own; [`cli`] replays them. Their format is
//! `visavis_core::recording`.

pub mod cli;
pub mod writer;
