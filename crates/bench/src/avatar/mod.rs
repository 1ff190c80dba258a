//! What the face is worth.
//!
//! - [`browser`]: how well it keeps step with the voice, in a real browser
//! - [`lips`]: how well the lips speak, over texts in three languages

pub mod browser;
pub mod lips;
