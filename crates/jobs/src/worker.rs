//! Who does an item.

use std::fs::File;

use async_trait::async_trait;
use bytes::Bytes;

use crate::spec::Kind;

/// An item.
#[derive(Debug)]
pub struct Task {
    /// What is done with it.
    pub kind: Kind,
    /// What the client wrote of it.
    pub line: String,
    /// Its recording, if it has one.
    pub recording: Option<File>,
}

/// What was made of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The result.
    pub bytes: Bytes,
    /// What its file's name ends in, such as `mp3`.
    pub ending: &'static str,
}

/// Why nothing was made of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing can be, and why.
    Failed(String),
    /// The attempt failed, and another one may not; for what it waits.
    Again(String),
    /// There was no attempt yet; for what it waits.
    Later(String),
}

/// Does items. Dropping the future stops the work.
#[async_trait]
pub trait Worker: Send + Sync {
    /// Makes a result of an item.
    async fn work(&self, task: Task) -> Result<Product, Fault>;
}
