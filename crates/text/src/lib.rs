//! Turns a model's text into what is shown and what is spoken. Pure.
//!
//! - [`private_text`]: removes what is not meant for the person
//! - [`segments`]: cuts text into segments as it streams in
//! - [`caption`]: a segment as it is shown
//! - [`speakable`]: text normalisation, a segment as a voice speaks it
//! - [`sample`]: a sentence to choose a voice by
#![forbid(unsafe_code)]

pub mod caption;
pub mod private_text;
pub mod sample;
pub mod segments;
pub mod speakable;

#[cfg(test)]
mod fuzz_tests;
