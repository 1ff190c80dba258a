//! The lifetime of a call and its tasks.

use tokio_util::sync::CancellationToken;

/// The lifetime of a call.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Cancelled when the server stops: the call ends after the current response.
    pub drain: CancellationToken,
    /// Cancelled to end the call at once.
    pub token: CancellationToken,
}

impl Scope {
    /// A scope that ends with this one, and can end without ending it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { drain: self.drain.clone(), token: self.token.child_token() }
    }
}
