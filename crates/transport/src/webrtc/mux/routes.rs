//! Which call a datagram belongs to: by the path on which it comes, or by the ICE user name that a check carries.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use crate::webrtc::checks::Unasked;
use crate::webrtc::endpoint::Endpoint;
use crate::webrtc::stun::{self, Transaction};
use crate::webrtc::ways::Path;

/// Addresses from which one call may be reached; beyond them the oldest is forgotten.
pub(super) const MAX_ADDRESSES: usize = 64;
/// ICE credentials of one call: the current ones and those before the last restart.
const MAX_CREDENTIALS: usize = 2;
/// Checks from one address that may await their response.
pub(super) const OPEN_CHECKS: usize = 8;

/// The ways from a datagram to its call.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) by_path: HashMap<Path, Route>,
    pub(super) by_ufrag: HashMap<String, (Arc<Endpoint>, String)>,
}

/// The call of a path.
pub(super) struct Route {
    pub(super) endpoint: Arc<Endpoint>,
    /// Set by a check that knew the password, not by our own sending to the address.
    pub(super) proven: bool,
    /// The local address that each of the client's last checks reached: its response is sent from there.
    pub(super) checks: VecDeque<(Transaction, Option<IpAddr>)>,
    /// The local address that the client's media reach: ours are sent from there.
    pub(super) media: Option<IpAddr>,
}

impl Routes {
    /// The route of what comes on a path.
    pub(super) fn known(&self, path: &Path) -> Option<&Route> {
        // A stream that has proved nothing belongs to no call, even if an earlier stream from its address did.
        self.by_path.get(path).filter(|route| route.proven || !path.is_stream())
    }

    /// The route of a path, if it leads to this call.
    pub(super) fn of(&self, endpoint: &Arc<Endpoint>, path: &Path) -> Option<&Route> {
        self.by_path.get(path).filter(|route| Arc::ptr_eq(&route.endpoint, endpoint))
    }

    /// Number of addresses and user names that route to a call.
    pub(super) fn count(&self) -> usize {
        self.by_path.len() + self.by_ufrag.len()
    }

    /// Routes checks with these credentials to the call.
    pub(super) fn admit(&mut self, endpoint: &Arc<Endpoint>, ufrag: &str, password: &str) {
        let mut names = endpoint.names.lock();
        if names.closed {
            return;
        }
        *endpoint.unasked.lock() = Unasked::default();
        let known = self.by_ufrag.insert(ufrag.to_owned(), (endpoint.clone(), password.to_owned())).is_some();
        if !known {
            names.ufrags.push_back(ufrag.to_owned());
        }
        if names.ufrags.len() > MAX_CREDENTIALS
            && let Some(old) = names.ufrags.pop_front()
        {
            self.by_ufrag.remove(&old);
        }
    }

    /// Removes a call's routes.
    pub(super) fn remove(&mut self, endpoint: &Arc<Endpoint>) {
        let mut names = endpoint.names.lock();
        names.closed = true;
        for ufrag in names.ufrags.drain(..) {
            self.by_ufrag.remove(&ufrag);
        }
        for path in names.paths.drain(..) {
            if self.of(endpoint, &path).is_some() {
                self.by_path.remove(&path);
            }
        }
    }

    /// Routes a path to a call. Only a proven owner takes it from another call.
    pub(super) fn enter(&mut self, path: Path, endpoint: &Arc<Endpoint>, proven: bool) {
        let mut names = endpoint.names.lock();
        if names.closed || (!proven && self.by_path.contains_key(&path)) {
            return;
        }
        self.by_path.insert(path, Route::new(endpoint, proven));
        if !names.paths.contains(&path) {
            names.paths.push_back(path);
        }
        if names.paths.len() > MAX_ADDRESSES
            && let Some(old) = names.paths.pop_front()
            && self.of(endpoint, &old).is_some()
        {
            self.by_path.remove(&old);
        }
    }
}

impl Route {
    fn new(endpoint: &Arc<Endpoint>, proven: bool) -> Self {
        Self { endpoint: endpoint.clone(), proven, checks: VecDeque::new(), media: None }
    }

    /// A check of the client has reached this local address.
    pub(super) fn note_check(&mut self, transaction: Transaction, ours: Option<IpAddr>) {
        self.checks.push_back((transaction, ours));
        if self.checks.len() > OPEN_CHECKS {
            self.checks.pop_front();
        }
    }

    /// The local address from which to send a datagram to the client, on a host that has several.
    pub(super) fn source(&self, datagram: &[u8]) -> Option<IpAddr> {
        let answered = stun::transaction(datagram)
            .and_then(|sent| self.checks.iter().rev().find(|(transaction, _)| *transaction == sent));
        match answered {
            Some((_, ours)) => *ours,
            None => self.media.or_else(|| self.checks.back().and_then(|(_, ours)| *ours)),
        }
    }
}
