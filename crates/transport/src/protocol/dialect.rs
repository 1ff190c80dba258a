//! The dialects that clients speak. Whoever begins a call makes its client's here.

use std::sync::Arc;

use super::{Carrier, Protocol, Rtvi};

/// A dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// RTVI 2.1, of `docs/protocol.md`.
    #[default]
    Rtvi,
}

impl Dialect {
    /// The dialect with one client, over what carries its packets.
    #[must_use]
    pub fn open(self, carrier: Carrier) -> Arc<dyn Protocol> {
        match self {
            Self::Rtvi => Arc::new(Rtvi::new(carrier)),
        }
    }
}
