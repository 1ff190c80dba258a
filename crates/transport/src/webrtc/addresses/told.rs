//! The addresses that clients are told now; looked at again while the server runs, for calls that begin afterwards.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::agreement::{Finding, agreed};
use super::asking::ask;
use super::choice::{Choice, choose};
use super::interface::Interface;
use super::listing;
use super::scope::Scope;
use super::{AddressRules, Candidate};
use crate::webrtc::mux::Mux;

/// How often the host's addresses are looked at.
const LOOK: Duration = Duration::from_secs(30);
/// How often STUN servers are asked: within the two minutes for which a NAT keeps a mapping at least (RFC 4787, 4.3).
const ASK: Duration = Duration::from_secs(110);

/// The addresses that clients are told.
#[derive(Debug)]
pub(in crate::webrtc) struct Told {
    rules: AddressRules,
    local: SocketAddr,
    /// The port's outer addresses as STUN servers see it.
    seen: Mutex<Vec<SocketAddr>>,
    /// The port's outer addresses as others have learnt them.
    learnt: watch::Sender<Vec<IpAddr>>,
    /// The host's addresses have changed, and so may the outer ones have.
    moved: Notify,
    candidates: watch::Sender<Vec<Candidate>>,
}

impl Told {
    /// Those of a port that is bound to `local`.
    pub(in crate::webrtc) async fn new(local: SocketAddr, rules: AddressRules) -> Arc<Self> {
        let told = Self {
            rules,
            local,
            seen: Mutex::default(),
            learnt: watch::Sender::new(Vec::new()),
            moved: Notify::new(),
            candidates: watch::Sender::new(Vec::new()),
        };
        told.look().await;
        Arc::new(told)
    }

    /// The addresses now, best first.
    pub(in crate::webrtc) fn candidates(&self) -> Vec<Candidate> {
        self.candidates.borrow().clone()
    }

    /// The addresses, whenever they change.
    pub(in crate::webrtc) fn changes(&self) -> watch::Receiver<Vec<Candidate>> {
        self.candidates.subscribe()
    }

    /// Takes outer addresses that others have learnt, in place of those before.
    pub(in crate::webrtc) fn learn(&self, outer: Vec<IpAddr>) {
        self.learnt.send_if_modified(|before| {
            let is_new = *before != outer;
            *before = outer;
            is_new
        });
    }

    /// Looks again, for ever.
    pub(in crate::webrtc) async fn keep(self: Arc<Self>, mux: Arc<Mux>) {
        tokio::join!(self.keep_looking(), self.keep_asking(&mux));
    }

    async fn keep_looking(&self) {
        let mut tick = interval_at(Instant::now() + LOOK, LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut learnt = self.learnt.subscribe();
        // What was learnt before this task has begun counts as new.
        learnt.mark_changed();
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    if self.look().await {
                        self.moved.notify_one();
                    }
                }
                _ = learnt.changed() => {
                    self.look().await;
                }
            }
        }
    }

    async fn keep_asking(&self, mux: &Mux) {
        if self.rules.stun.is_empty() || self.rules.relayed.is_some() {
            return;
        }
        loop {
            let seen = ask(mux, &self.rules.stun).await;
            self.take(&seen);
            self.look().await;
            tokio::select! {
                () = sleep(ASK) => {}
                () = self.moved.notified() => {}
            }
        }
    }

    /// Takes what STUN servers have seen. A family in which none has responded keeps what was seen before.
    fn take(&self, seen: &[SocketAddr]) {
        let mut outer = Vec::new();
        for v6 in [false, true] {
            match agreed(seen, v6) {
                Finding::Outer(at) => outer.push(at),
                Finding::Nothing => {
                    outer.extend(self.seen.lock().iter().copied().filter(|at| at.is_ipv6() == v6));
                }
                Finding::Differs(at) => tracing::warn!(
                    ?at,
                    "this host's NAT shows each STUN server another address, of which none works for clients: forward UDP port {} in the \
                     router and set server.public_addresses, or serve a relay (turn.enabled)",
                    self.local.port()
                ),
            }
        }
        *self.seen.lock() = outer;
    }

    /// Looks at the host's addresses, and whether clients are told others from now on.
    async fn look(&self) -> bool {
        let listed = match self.list().await {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(%error, "the system does not list this host's addresses; set server.public_addresses");
                // What was found before stays.
                if !self.candidates.borrow().is_empty() {
                    return false;
                }
                Vec::new()
            }
        };
        let choice = choose(&listed, self.local, &self.rules, &self.outer());
        let changed = self.candidates.send_if_modified(|before| {
            let is_new = *before != choice.candidates;
            before.clone_from(&choice.candidates);
            is_new
        });
        if changed {
            report(&choice, self.local);
        }
        changed
    }

    /// This host's addresses; none where nothing depends on them: with the relay alone, or a port that is bound to one address.
    async fn list(&self) -> io::Result<Vec<Interface>> {
        if !self.local.ip().is_unspecified() || self.rules.relayed.is_some() {
            return Ok(Vec::new());
        }
        tokio::task::spawn_blocking(listing::interfaces).await?
    }

    /// The port's outer addresses, as configured, learnt and seen.
    fn outer(&self) -> Vec<SocketAddr> {
        let learnt = self.learnt.borrow().clone();
        let known = self.rules.public.iter().copied().chain(learnt);
        let mut outer: Vec<SocketAddr> =
            known.map(|ip| SocketAddr::new(ip.to_canonical(), self.local.port())).collect();
        outer.extend(self.seen.lock().iter());
        outer
    }
}

/// Says in the log what clients are told, and warns if that leads nowhere.
fn report(choice: &Choice, local: SocketAddr) {
    for left_out in &choice.left_out {
        let (name, ip, why) = (&left_out.name, left_out.ip, left_out.why);
        tracing::debug!(%name, %ip, "clients are not told this address: {why}");
    }
    let addresses: Vec<String> =
        choice.candidates.iter().map(|candidate| candidate.address.to_string()).collect();
    tracing::info!(addresses = %addresses.join(", "), "clients are told these addresses of the UDP port");
    let leads_nowhere =
        choice.candidates.iter().all(|candidate| Scope::of(candidate.address.ip()) == Scope::Loopback);
    if local.ip().is_unspecified() && leads_nowhere {
        tracing::warn!(
            "this host has no address that a client elsewhere could use: set server.public_addresses to its outer one, or server.udp to \
             \"[::]:{}\" if it has IPv6 alone",
            local.port()
        );
    }
}

#[cfg(test)]
mod tests;
