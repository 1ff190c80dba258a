//! Our own server on this host, if it runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use visavis_config::{Config, Server};

use crate::judge::serving::Serving;

/// A server on a busy host is slow to answer, and its ports must not be taken for another program's then.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to the server of this configuration.
pub(crate) struct Own {
    base: String,
    http: reqwest::Client,
}

impl Own {
    /// Whether its certificate is good is another check's question: it is for a name, and asked for by an address.
    pub(crate) fn of(config: &Config) -> Result<Self, String> {
        let made = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .tls_danger_accept_invalid_certs(true)
            .build();
        let http = made.map_err(|error| format!("no HTTP client can be made: {error}"))?;
        Ok(Self { base: base(&config.server), http })
    }

    /// What it says of itself; none: no server of ours answers.
    pub(crate) async fn serving(&self) -> Option<Serving> {
        let health = self.get("health").await.ok()?;
        let ready = self.get("ready").await.ok()?;
        Serving::read(&health, &ready)
    }

    /// What it tells clients of relays.
    pub(crate) async fn ice_servers(&self) -> Result<Value, String> {
        self.get("api/ice-servers").await.map_err(|error| error.to_string())
    }

    /// The addresses at which it tells callers to reach calls; none: it does not say.
    pub(crate) async fn told(&self) -> Option<Vec<SocketAddr>> {
        let answer = self.get("api/network").await.ok()?;
        let told = answer["udp"]["candidates"].as_array()?;
        Some(told.iter().filter_map(|one| one.as_str()?.parse().ok()).collect())
    }

    async fn get(&self, path: &str) -> reqwest::Result<Value> {
        self.http.get(format!("{}/{path}", self.base)).send().await?.json().await
    }
}

fn base(server: &Server) -> String {
    let scheme = if server.tls_cert.as_os_str().is_empty() { "http" } else { "https" };
    let loopback: IpAddr = match server.listen.ip() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let ip = if server.listen.ip().is_unspecified() { loopback } else { server.listen.ip() };
    format!("{scheme}://{}", SocketAddr::new(ip, server.listen.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_asked_where_it_listens() {
        for (listen, cert, expected) in [
            ("0.0.0.0:8080", "", "http://127.0.0.1:8080"),
            ("[::]:443", "/cert.pem", "https://[::1]:443"),
            ("10.0.0.5:80", "", "http://10.0.0.5:80"),
        ] {
            let listen = listen.parse().unwrap();
            assert_eq!(base(&Server { listen, tls_cert: cert.into(), ..Server::default() }), expected);
        }
    }
}
