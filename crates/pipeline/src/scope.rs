//! How long a call lives, and what it started.

use tokio_util::sync::CancellationToken;

/// How long a call lives.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Cancelled when the server stops: the call ends after the answer in work.
    pub drain: CancellationToken,
    /// Cancelled when the call is to end at once.
    pub token: CancellationToken,
}

impl Scope {
    /// The same, ended by itself without ending the others that share its token.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { drain: self.drain.clone(), token: self.token.child_token() }
    }
}
