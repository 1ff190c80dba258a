//! The checks of relays: the configured ones, with a credential of the secret or of our own server, and those that a server tells of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use visavis_client::Server;
use visavis_config::Config;
use visavis_turn::SharedSecret;

use super::{Host, here};
use crate::check::{Check, millis};
use crate::finding::Finding;
use crate::judge::relays::{Entry, Target, told};
use crate::judge::turn::{self, Issuer};
use crate::look;

/// Seconds for which a credential of this program is good.
const GOOD_FOR: u64 = 600;
/// Most addresses that are asked.
const MOST: usize = 12;

/// Relays, and who has made their credentials.
struct Relays {
    issuer: Issuer,
    entries: Vec<Entry>,
    /// Where they should lead; empty: that is not known here.
    calls: Vec<SocketAddr>,
}

/// The relay of this host's configuration.
pub(super) fn own(host: &Arc<Host>) -> Vec<Check> {
    let host = host.clone();
    let check = Check::new("turn", 60, async move {
        match of_host(&host).await {
            Ok(all) => {
                let mut found = Vec::new();
                for relays in all {
                    found.extend(ask("", relays).await);
                }
                if found.is_empty() {
                    let why = "no relay is configured: callers without UDP get the WebSocket (docs/turn.md)";
                    found.push(Finding::skipped("turn", why));
                }
                found
            }
            Err(finding) => vec![finding],
        }
    });
    vec![check]
}

/// The relays of which a server tells its clients.
pub(super) fn of_server(server: &Server) -> Check {
    const NAME: &str = "from-turn";
    let server = server.clone();
    Check::new(NAME, 60, async move {
        let answer = match look::outside::ice_servers(&server).await {
            Ok(answer) => answer,
            Err(why) => {
                let fix = "see that the server runs, and that a proxy passes /api/ice-servers on";
                return vec![Finding::failed(NAME, why, fix)];
            }
        };
        let entries = told(&answer);
        if entries.is_empty() {
            return vec![Finding::skipped(NAME, "the server tells its clients of no relay (docs/turn.md)")];
        }
        ask("from-", Relays { issuer: Issuer::Server, entries, calls: Vec::new() }).await
    })
}

async fn of_host(host: &Host) -> Result<Vec<Relays>, Finding> {
    let config = &host.config;
    let calls = here::calls(host).await;
    let mut all = vec![fixed(config, calls.clone())];
    if !config.turn.urls.is_empty() {
        let failed = |why: String| {
            Finding::failed("turn", why, "set turn.secret to the relay's own, as docs/turn.md says")
        };
        let entries = elsewhere(config).map_err(failed)?;
        all.push(Relays { issuer: Issuer::Secret, entries, calls });
    } else if config.turn.enabled {
        if host.serving.is_none() {
            let why = "the relay is our own server's, which does not run: check again while it does";
            return Err(Finding::skipped("turn", why));
        }
        let answer = host.own.ice_servers().await.map_err(|why| {
            Finding::failed("turn", format!("our own server tells of no relay: {why}"), "see its log")
        })?;
        let is_fixed =
            |entry: &Entry| config.server.ice_servers.iter().any(|it| it.urls.contains(&entry.url));
        let entries: Vec<Entry> = told(&answer).into_iter().filter(|entry| !is_fixed(entry)).collect();
        if entries.is_empty() {
            let message = "turn.enabled is set, but our own server tells of no relay";
            return Err(Finding::failed(
                "turn",
                message,
                "restart it with this configuration, and see its log",
            ));
        }
        all.push(Relays { issuer: Issuer::Server, entries, calls: Vec::new() });
    }
    Ok(all)
}

/// Those with a user and a password in the configuration.
fn fixed(config: &Config, calls: Vec<SocketAddr>) -> Relays {
    let servers = config.server.ice_servers.iter();
    let entries = servers.flat_map(|server| {
        let urls = server.urls.iter().filter(|url| url.starts_with("turn"));
        urls.map(|url| Entry {
            url: url.clone(),
            username: server.username.clone().unwrap_or_default(),
            password: server.credential.clone().unwrap_or_default(),
        })
    });
    Relays { issuer: Issuer::Fixed, entries: entries.collect(), calls }
}

/// Those of `turn.urls`, with a credential as the server would make it.
fn elsewhere(config: &Config) -> Result<Vec<Entry>, String> {
    let secret = config.turn.shared_secret()?;
    let secret = SharedSecret::new(secret.expose()).map_err(|error| error.to_string())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let made = secret.issue("doctor", now + GOOD_FOR).map_err(|error| error.to_string())?;
    let entry = |url: &String| Entry {
        url: url.clone(),
        username: made.username.clone(),
        password: made.password.clone(),
    };
    Ok(config.turn.urls.iter().map(entry).collect())
}

/// Asks each, all at the same time.
async fn ask(prefix: &'static str, relays: Relays) -> Vec<Finding> {
    let Relays { issuer, entries, calls } = relays;
    let calls: Arc<[SocketAddr]> = calls.into();
    let mut running = Vec::new();
    for entry in entries.into_iter().take(MOST) {
        let calls = calls.clone();
        running.push(tokio::spawn(async move { one(prefix, issuer, &entry, &calls).await }));
    }
    let mut found = Vec::new();
    for one in running {
        found.push(one.await.unwrap_or_else(|error| {
            Finding::failed(
                format!("{prefix}turn"),
                format!("the check broke off: {error}"),
                "please report it",
            )
        }));
    }
    found
}

async fn one(prefix: &str, issuer: Issuer, entry: &Entry, calls: &[SocketAddr]) -> Finding {
    let Some(target) = Target::read(&entry.url) else { return turn::unreadable(prefix, &entry.url) };
    let began = Instant::now();
    let asked = look::turn::ask(&target, entry, calls).await;
    let mut finding = turn::judge(prefix, &target, entry, issuer, &asked);
    finding.ms = millis(began.elapsed()).max(1);
    finding
}
