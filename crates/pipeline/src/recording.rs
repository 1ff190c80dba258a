//! Recordings of calls: [`writer`] records one on its own thread; [`cli`] replays them. The format is in
//! `visavis_core::recording`.

pub mod cli;
pub mod writer;
