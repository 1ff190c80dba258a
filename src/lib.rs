//! Visavis.
#![forbid(unsafe_code)]
pub mod models;
