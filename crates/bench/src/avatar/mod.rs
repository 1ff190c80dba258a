//! How good the face is.
//!
//! - [`browser`]: how well it stays in sync with the voice, in a real browser
//! - [`lips`]: scores the lips on texts in three languages

pub mod browser;
pub mod lips;
