//! From a model's text to what is shown and what is spoken. Pure.
//!
//! - [`private_text`]: takes out what is not for the person
//! - [`phrases`]: cuts text into phrases as it streams in
//! - [`caption`]: a phrase as it is shown
//! - [`speakable`]: a phrase as a voice speaks it
#![forbid(unsafe_code)]

pub mod caption;
pub mod phrases;
pub mod private_text;
pub mod speakable;

#[cfg(test)]
mod fuzz_tests;
