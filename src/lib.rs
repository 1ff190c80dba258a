//! Visavis.
#![forbid(unsafe_code)]
