//! Sound that is written and read again, and files that others wrote.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod read;
mod sounds;
mod written;
