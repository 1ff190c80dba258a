//! Language models at OpenAI-compatible chat endpoints, against a real HTTP server that follows the recorded contract.
//!
//! - `chat`: the endpoint, and what is asked of it
//! - `readiness`: when an endpoint may be asked, and what its status says
//! - `responses`: what a good endpoint sends, and how the adapter asks for it
//! - `refusals`: what is refused, what the error says, and what is learnt of it
//! - `faults`: responses that break off, stall or do not end
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod chat;
#[path = "../endpoint_support/mod.rs"]
mod endpoint_support;
mod faults;
mod readiness;
mod refusals;
mod responses;
