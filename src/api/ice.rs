//! STUN and TURN servers for clients: those of the configuration, and the relay, with a credential for this caller that expires.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use visavis_turn::credentials::UNKNOWN;
use visavis_turn::{Ports, SharedSecret};

use super::App;
use super::caller::Caller;
use super::names::name_of;
use super::problem::Problem;
use crate::admission::{Principal, Refusal};
use crate::config::IceServer;

/// Which servers clients are told of.
#[derive(Debug, Clone, Default)]
pub struct IceServers {
    fixed: Vec<IceServer>,
    relay: Option<Relay>,
    /// Clients may use nothing else.
    alone: bool,
}

/// A relay, and how credentials for it are made.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Where it is.
    pub place: Place,
    /// The secret that it has too.
    pub secret: SharedSecret,
    /// Seconds for which a credential opens allocations.
    pub credential_seconds: u64,
}

/// Where a relay is.
#[derive(Debug, Clone)]
pub enum Place {
    /// At these addresses.
    Urls(Vec<String>),
    /// In this server.
    Own {
        /// The name at which clients reach it; empty: the one under which they reach the server.
        host: String,
        /// Its ports there.
        ports: Ports,
    },
}

impl IceServers {
    /// Those of the configuration, and the relay if there is one.
    #[must_use]
    pub fn new(fixed: Vec<IceServer>, relay: Option<Relay>) -> Self {
        Self { fixed, relay, alone: false }
    }

    /// The same, where clients may (`true`) use nothing but a relay.
    #[must_use]
    pub fn alone(self, alone: bool) -> Self {
        Self { alone, ..self }
    }

    /// What a caller is told: `iceServers`, with a relay the seconds for which its credential is good, and whether it may use nothing
    /// else.
    fn told(&self, caller: &Principal, headers: &HeaderMap) -> Value {
        let mut servers = self.fixed.clone();
        let relay = self.relay.as_ref().and_then(|relay| Some((relay, relay.server_for(caller, headers)?)));
        let Some((relay, server)) = relay else {
            return self.with_policy(json!({ "iceServers": servers }));
        };
        servers.push(server);
        self.with_policy(json!({ "iceServers": servers, "ttl": relay.credential_seconds }))
    }

    /// Refuses to tell anybody of a relay that ends with this server, which stops: behind a balancer the next server has its own.
    fn check(&self, stopping: bool) -> Result<(), Refusal> {
        let ends = stopping && self.relay.as_ref().is_some_and(Relay::is_own);
        if ends { Err(Refusal::Stopping) } else { Ok(()) }
    }

    /// The addresses of all of them, but for a relay that ends with this server, if it stops.
    pub(super) fn urls(&self, caller: &Principal, headers: &HeaderMap, stopping: bool) -> Vec<String> {
        let relay = self.relay.as_ref().filter(|relay| !(stopping && relay.is_own()));
        let relay = relay.and_then(|relay| relay.server_for(caller, headers));
        self.fixed.iter().chain(&relay).flat_map(|server| server.urls.iter().cloned()).collect()
    }

    /// What browsers take as the configuration of a connection, for clients that read nothing else.
    pub(super) fn plain(&self, caller: &Principal, headers: &HeaderMap) -> Value {
        self.with_policy(json!({ "iceServers": self.told(caller, headers)["iceServers"] }))
    }

    /// With `iceTransportPolicy` where clients may use nothing but a relay.
    fn with_policy(&self, mut told: Value) -> Value {
        if self.alone {
            told["iceTransportPolicy"] = json!("relay");
        }
        told
    }
}

impl Relay {
    /// Whether it is in this server.
    fn is_own(&self) -> bool {
        matches!(self.place, Place::Own { .. })
    }

    /// The relay as an entry of `iceServers`; none if there is no way to it that the client could use.
    fn server_for(&self, caller: &Principal, headers: &HeaderMap) -> Option<IceServer> {
        let urls = match &self.place {
            Place::Urls(urls) => urls.clone(),
            Place::Own { host, ports } if host.is_empty() => {
                let asked = headers.get(header::HOST)?.to_str().ok()?;
                ports.urls(&name_of(asked)?)
            }
            Place::Own { host, ports } => ports.urls(host),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let user = match caller {
            Principal::Anonymous => Ok(UNKNOWN.to_owned()),
            Principal::Address(_) => self.secret.pseudonym(&caller.user()),
        };
        let issued = user.and_then(|user| self.secret.issue(&user, now + self.credential_seconds));
        match issued {
            Ok(issued) if !urls.is_empty() => {
                let (username, credential) = (Some(issued.username), Some(issued.password));
                Some(IceServer { urls, username, credential })
            }
            Ok(_) => None,
            Err(error) => {
                tracing::error!(%error, "no credential can be made for the relay");
                None
            }
        }
    }
}

/// STUN and TURN servers for the client.
///
/// # Errors
/// If its relay is this server's, and the server stops.
pub async fn ice_servers(
    State(app): State<App>,
    Caller(caller): Caller,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    app.ice.check(app.admission.is_stopping())?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(app.ice.told(&caller, &headers))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed() -> Vec<IceServer> {
        vec![IceServer { urls: vec!["stun:stun.example.org".into()], username: None, credential: None }]
    }

    fn relay(place: Place) -> Relay {
        Relay { place, secret: SharedSecret::new("0123456789abcdef").unwrap(), credential_seconds: 600 }
    }

    fn own(host: &str) -> Place {
        let ports = Ports { udp: Some(3478), tcp: None, tls: vec![5349], https: None };
        Place::Own { host: host.into(), ports }
    }

    fn asked(ice: &IceServers, caller: Option<&str>, host: &str) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        let address = caller.map(|address| address.parse::<std::net::IpAddr>().unwrap());
        ice.told(&address.into(), &headers)
    }

    #[test]
    fn without_a_relay_clients_are_told_the_configuration_alone() {
        let ice = IceServers::new(fixed(), None);
        let told = json!({ "iceServers": [{ "urls": ["stun:stun.example.org"] }] });
        assert_eq!(asked(&ice, Some("192.0.2.1"), "localhost"), told);
    }

    #[test]
    fn the_addresses_are_those_of_the_configuration_and_of_the_relay() {
        let ice = IceServers::new(fixed(), Some(relay(own("turn.example.org"))));
        let urls = ice.urls(&Principal::Anonymous, &HeaderMap::new(), false);
        assert_eq!(
            urls,
            [
                "stun:stun.example.org",
                "turn:turn.example.org:3478?transport=udp",
                "turns:turn.example.org:5349?transport=tcp"
            ]
        );
        assert!(IceServers::default().urls(&Principal::Anonymous, &HeaderMap::new(), false).is_empty());
    }

    #[test]
    fn a_server_that_stops_tells_nobody_of_its_own_relay_and_goes_on_telling_of_others() {
        let headers = HeaderMap::new();
        let urls = |ice: &IceServers| ice.urls(&Principal::Anonymous, &headers, true);
        let own = IceServers::new(fixed(), Some(relay(own("turn.example.org"))));
        assert_eq!(own.check(false), Ok(()));
        assert_eq!(own.check(true), Err(Refusal::Stopping));
        assert_eq!(urls(&own), ["stun:stun.example.org"]);
        let outside = Place::Urls(vec!["turn:turn.example.org".into()]);
        let outside = IceServers::new(fixed(), Some(relay(outside)));
        assert_eq!(outside.check(true), Ok(()));
        assert_eq!(urls(&outside), ["stun:stun.example.org", "turn:turn.example.org"]);
        assert_eq!(IceServers::new(fixed(), None).check(true), Ok(()));
    }

    #[test]
    fn the_relay_is_where_the_page_is_unless_it_is_told_elsewhere() {
        for (place, host, urls) in [
            (
                own(""),
                "voice.example.org:8080",
                json!([
                    "turn:voice.example.org:3478?transport=udp",
                    "turns:voice.example.org:5349?transport=tcp"
                ]),
            ),
            (own(""), "[::1]:8080", json!(["turn:[::1]:3478?transport=udp"])),
            (own("192.0.2.9"), "localhost:8080", json!(["turn:192.0.2.9:3478?transport=udp"])),
            (
                Place::Urls(vec!["turn:turn.example.org".into()]),
                "localhost",
                json!(["turn:turn.example.org"]),
            ),
        ] {
            let told = asked(&IceServers::new(fixed(), Some(relay(place))), None, host);
            assert_eq!((&told["iceServers"][1]["urls"], &told["ttl"]), (&urls, &json!(600)), "{host}");
        }
    }

    #[test]
    fn where_the_relay_is_the_only_way_clients_are_told_to_use_no_other() {
        let headers = HeaderMap::new();
        let place = || Place::Urls(vec!["turn:turn.example.org".into()]);
        for (ice, policy) in [
            (IceServers::new(fixed(), Some(relay(place()))).alone(true), json!("relay")),
            (IceServers::new(fixed(), None).alone(true), json!("relay")),
            (IceServers::new(fixed(), Some(relay(place()))), Value::Null),
        ] {
            let caller = Principal::Anonymous;
            assert_eq!(ice.told(&caller, &headers)["iceTransportPolicy"], policy);
            assert_eq!(ice.plain(&caller, &headers)["iceTransportPolicy"], policy);
        }
    }

    #[test]
    fn a_credential_is_its_callers_expires_and_does_not_name_the_caller() {
        let ice = IceServers::new(Vec::new(), Some(relay(own("turn.example.org"))));
        let user = |caller| {
            let told = asked(&ice, caller, "localhost");
            let name = told["iceServers"][0]["username"].as_str().unwrap().to_owned();
            let password = SharedSecret::new("0123456789abcdef").unwrap();
            let (expires, user) = name.split_once(':').unwrap();
            let expires: u64 = expires.parse().unwrap();
            let issued = password.issue(user, expires).unwrap();
            assert_eq!(told["iceServers"][0]["credential"], issued.password);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            assert!((now + 590..=now + 600).contains(&expires));
            user.to_owned()
        };
        assert_eq!(user(Some("192.0.2.1")), user(Some("192.0.2.1")));
        assert_ne!(user(Some("192.0.2.1")), user(Some("192.0.2.2")));
        assert!(!user(Some("192.0.2.1")).contains("192"));
        assert_eq!((user(None), user(None)), (UNKNOWN.into(), UNKNOWN.into()), "they share one quota");
    }
}
