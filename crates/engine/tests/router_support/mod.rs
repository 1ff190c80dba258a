//! Boards of scripted engines for the routing tests.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use visavis_config::Route;
use visavis_core::route::EngineKind;
use visavis_engine::router::{Board, Member};
use visavis_engine::status::EngineStatus;

/// A route of this kind to `cloud` and then `main`, which matches everything.
pub(crate) fn route(kind: EngineKind) -> Route {
    Route {
        kind,
        languages: Vec::new(),
        voices: Vec::new(),
        tiers: Vec::new(),
        engines: vec!["cloud".into(), "main".into()],
        first_ms: 600,
        shadow: Vec::new(),
        share: BTreeMap::new(),
    }
}

/// The statuses of the engines of a board, all ready at first.
pub(crate) struct Statuses(Vec<watch::Sender<EngineStatus>>);

impl Statuses {
    /// Sets whether this engine is ready.
    pub(crate) fn set(&self, engine: usize, ready: bool) {
        self.0[engine].send_replace(EngineStatus { ready, ..EngineStatus::not_ready("loads its model") });
    }
}

/// A board of engines with these names.
pub(crate) fn board(route: &Route, names: &[&str]) -> (Arc<Board>, Statuses) {
    let ready = EngineStatus { ready: true, ..EngineStatus::default() };
    let (senders, members) = names
        .iter()
        .map(|name| {
            let (sender, status) = watch::channel(ready.clone());
            (sender, Member { name: (*name).into(), status })
        })
        .unzip();
    (Board::new(route.kind, members, std::slice::from_ref(route)), Statuses(senders))
}
