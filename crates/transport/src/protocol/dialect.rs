//! The dialects that clients speak. The code that begins a call creates its client's dialect here.

use std::sync::Arc;

use super::{Carrier, Protocol, Rtvi};

/// A dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// RTVI 2.1, as in `docs/protocol.md`.
    #[default]
    Rtvi,
}

impl Dialect {
    /// Creates the dialect for one client, for the carrier of its packets.
    #[must_use]
    pub fn open(self, carrier: Carrier) -> Arc<dyn Protocol> {
        match self {
            Self::Rtvi => Arc::new(Rtvi::new(carrier)),
        }
    }
}
