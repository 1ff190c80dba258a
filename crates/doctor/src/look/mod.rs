//! Where facts come from. Each file asks, within a time of its own, and judges nothing.
//!
//! - `ports`, `network`, `tls`, `host`, `models`, `store`, `engines`: this host
//! - `own`: our own server, if it runs
//! - `outside`: a server, as a client elsewhere sees it
//! - `turn`: a relay, asked for an allocation; `roots`: whom this system trusts

pub(crate) mod engines;
pub(crate) mod host;
pub(crate) mod models;
pub(crate) mod network;
pub(crate) mod outside;
pub(crate) mod own;
pub(crate) mod ports;
mod roots;
pub(crate) mod store;
pub(crate) mod tls;
pub(crate) mod turn;
