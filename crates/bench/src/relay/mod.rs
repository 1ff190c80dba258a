//! What the embedded relay adds to the way of a packet: calls' worth of packets on loopback, straight and through the relay.
//!
//! - this file: what is measured, and the report
//! - `wire`: a caller's end, straight or by the client of `rtc-turn`
//! - `traffic`: packets that carry the time at which they were sent

mod traffic;
mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use serde::Serialize;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::statistics::{Summary, summarise};
use crate::table::line;
use traffic::{Came, Clock, callee, caller};
use visavis_turn::{
    Credential, Limits, OwnMedia, PeerPolicy, PeerRules, Settings, SharedSecret, Turn, addresses,
};
use wire::{Line, Relayed, Straight};

/// What the relay may add.
const LIMIT_MS: f64 = 5.0;
/// How many of a hundred packets must come through it: those that do not come are not measured.
const LEAST_CAME: usize = 99;
/// Between the beginnings of two callers, whose packets should not come all at once.
const APART: Duration = Duration::from_micros(390);

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Calls at once
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub calls: u16,
    /// How long packets are sent each way
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=600))]
    pub seconds: u16,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Packets of all calls on one way.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Way {
    /// Packets sent.
    pub sent: usize,
    /// From the caller to the other end, in ms.
    pub there: Option<Summary>,
    /// Back to the caller, in ms.
    pub back: Option<Summary>,
}

impl Way {
    fn came(&self) -> usize {
        [self.there, self.back].into_iter().flatten().map(|summary| summary.count).sum()
    }

    /// Whether hardly a packet was lost.
    fn is_whole(&self) -> bool {
        100 * self.came() >= LEAST_CAME * self.sent
    }
}

/// What the relay adds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Added {
    /// To the median, in ms.
    pub p50_ms: f64,
    /// To the 95th percentile, in ms.
    pub p95_ms: f64,
}

impl Added {
    /// The larger of both directions; none: packets are missing altogether.
    fn between(straight: &Way, relayed: &Way) -> Option<Self> {
        let one = |straight: Option<Summary>, relayed: Option<Summary>| {
            let (straight, relayed) = straight.zip(relayed)?;
            Some(Self { p50_ms: relayed.p50 - straight.p50, p95_ms: relayed.p95 - straight.p95 })
        };
        let there = one(straight.there, relayed.there)?;
        let back = one(straight.back, relayed.back)?;
        Some(Self { p50_ms: there.p50_ms.max(back.p50_ms), p95_ms: there.p95_ms.max(back.p95_ms) })
    }
}

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Calls at once.
    pub calls: u16,
    /// Without the relay.
    pub straight: Way,
    /// Through the relay.
    pub relayed: Way,
    /// The difference; none: nothing came.
    pub added: Option<Added>,
    /// Whether it is small enough.
    pub passed: bool,
}

/// Measures without the relay, and then through it.
///
/// # Errors
/// When the relay does not start or refuses a call.
pub async fn run(options: &Options, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let length = Duration::from_secs(u64::from(options.seconds));
    tell("straight");
    let peers = peers(options.calls).await?;
    let mut lines = Vec::new();
    for peer in &peers {
        lines.push(Line::Straight(Straight::open(peer.local_addr()?).await?));
    }
    let straight = exchange(lines, peers, length).await?;
    tell("through the relay");
    let relayed = through_the_relay(options.calls, length).await?;
    let added = Added::between(&straight, &relayed);
    let passed = added.is_some_and(|added| added.p95_ms <= LIMIT_MS) && relayed.is_whole();
    Ok(Report { calls: options.calls, straight, relayed, added, passed })
}

/// The other ends of calls.
async fn peers(count: u16) -> std::io::Result<Vec<UdpSocket>> {
    let mut peers = Vec::new();
    for _ in 0..count {
        peers.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
    }
    Ok(peers)
}

async fn through_the_relay(calls: u16, length: Duration) -> anyhow::Result<Way> {
    let peers = peers(calls).await?;
    let at = peers.iter().map(UdpSocket::local_addr).collect::<std::io::Result<Vec<SocketAddr>>>()?;
    let secret = SharedSecret::random().map_err(|error| anyhow!("{error}"))?;
    let turn = Turn::start(settings(&at, &secret)).await?;
    let port = turn.ports().udp.context("the relay has no UDP port")?;
    let relay = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut lines = Vec::new();
    for (number, peer) in at.iter().enumerate() {
        let line = Relayed::open(relay, *peer, credential(&secret, number)?).await?;
        lines.push(Line::Relayed(Box::new(line)));
    }
    let way = exchange(lines, peers, length).await;
    turn.stop().await;
    way
}

/// A relay on loopback to these ends alone.
fn settings(peers: &[SocketAddr], secret: &SharedSecret) -> Settings {
    let own_media = peers.iter().map(|own| OwnMedia { told: *own, reach: *own }).collect();
    Settings {
        udp: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        tcp: None,
        tls: None,
        relays: addresses::relays(IpAddr::from(Ipv4Addr::LOCALHOST), &[], 49_152..=65_535),
        secret: secret.clone(),
        policy: PeerPolicy::new(PeerRules { own_media, ..PeerRules::default() }),
        limits: Limits::default(),
    }
}

fn credential(secret: &SharedSecret, number: usize) -> anyhow::Result<Credential> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    secret.issue(&format!("caller-{number}"), now + 3_600).map_err(|error| anyhow!("{error}"))
}

/// Exchanges packets between callers and the other ends.
async fn exchange(lines: Vec<Line>, peers: Vec<UdpSocket>, length: Duration) -> anyhow::Result<Way> {
    let clock = Clock { began: Instant::now(), length };
    let (mut callers, mut callees) = (JoinSet::new(), JoinSet::new());
    for ((number, line), peer) in (0_u32..).zip(lines).zip(peers) {
        callers.spawn(caller(line, clock, APART * number));
        callees.spawn(callee(peer, clock));
    }
    let (back, there) = (all(callers).await?, all(callees).await?);
    let sent = back.sent + there.sent;
    Ok(Way { sent, there: summarise(there.took_ms), back: summarise(back.took_ms) })
}

async fn all(running: JoinSet<anyhow::Result<Came>>) -> anyhow::Result<Came> {
    let mut all = Came::default();
    for came in running.join_all().await {
        let Came { took_ms, sent } = came?;
        all.took_ms.extend(took_ms);
        all.sent += sent;
    }
    Ok(all)
}

/// The table.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut out = String::new();
    line(&mut out, &format!("{} calls of 50 packets a second each way", report.calls));
    line(&mut out, &format!("{:<24}{:>10}{:>10}{:>10}{:>10}", "ms", "packets", "P50", "P95", "max"));
    for (name, way) in [("straight", &report.straight), ("relayed", &report.relayed)] {
        for (direction, summary) in [("there", way.there), ("back", way.back)] {
            let name = format!("{name}, {direction}");
            let text = summary.map_or_else(
                || format!("{name:<24}{:>10}", 0),
                |one| {
                    format!("{name:<24}{:>10}{:>10.3}{:>10.3}{:>10.3}", one.count, one.p50, one.p95, one.max)
                },
            );
            line(&mut out, &text);
        }
        line(&mut out, &format!("{name}: {} of {} packets came", way.came(), way.sent));
    }
    let added = report.added.map_or_else(
        || "nothing came".to_owned(),
        |added| format!("added P50 {:.3} ms, P95 {:.3} ms", added.p50_ms, added.p95_ms),
    );
    let judgement = if report.passed { "passed" } else { "missed" };
    line(
        &mut out,
        &format!(
            "{added}; at most {LIMIT_MS} ms to P95, {LEAST_CAME} % of the packets through it: {judgement}"
        ),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(there: f64, back: f64) -> Way {
        let summary = |p50: f64| Some(Summary { count: 10, p50, p95: 2.0 * p50, max: 9.0 });
        Way { sent: 20, there: summary(there), back: summary(back) }
    }

    #[test]
    fn what_is_added_is_that_of_the_slower_direction() {
        let added = Added::between(&way(1.0, 1.0), &way(2.0, 4.0)).unwrap();
        assert_eq!(added, Added { p50_ms: 3.0, p95_ms: 6.0 });
        assert_eq!(Added::between(&way(1.0, 1.0), &Way::default()), None);
    }

    #[test]
    fn a_relay_that_loses_packets_shows_nothing_by_those_that_come() {
        assert!(way(1.0, 1.0).is_whole());
        assert!(!Way { sent: 21, ..way(1.0, 1.0) }.is_whole());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn packets_of_several_calls_go_both_ways_through_the_relay() {
        let way = through_the_relay(3, Duration::from_secs(1)).await.unwrap();
        let counts = [way.there, way.back].map(|summary| summary.map_or(0, |summary| summary.count));
        assert!(counts.iter().all(|count| *count > 0), "{way:?}");
        assert!(way.came() <= way.sent, "{way:?}");
    }
}
