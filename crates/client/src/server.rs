//! A server's address, and its HTTP API as a client uses it.

use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::comeback::Pass;
use super::error::ClientError;

const HTTP_TIMEOUT: Duration = Duration::from_secs(15);

/// A server's address, with one HTTP client for all calls.
#[derive(Debug, Clone)]
pub struct Server {
    base: Url,
    /// The same for messages: without a user and a password.
    shown: String,
    http: reqwest::Client,
}

impl Server {
    /// A server at `http://HOST:PORT` or `https://HOST[:PORT]`; a path is kept as a prefix.
    pub fn new(address: &str) -> Result<Self, ClientError> {
        let bad = |reason: &str| ClientError::BadUrl { url: address.to_owned(), reason: reason.to_owned() };
        let mut base = Url::parse(address).map_err(|error| bad(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad("the scheme is neither http nor https"));
        }
        if base.host_str().is_none_or(str::is_empty) {
            return Err(bad("it names no host"));
        }
        base.set_query(None);
        base.set_fragment(None);
        let path = format!("{}/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        let mut shown = base.clone();
        // They fail only for addresses without a host.
        _ = shown.set_username("");
        _ = shown.set_password(None);
        let shown = shown.as_str().trim_end_matches('/').to_owned();
        install_crypto();
        let http = reqwest::Client::builder()
            .timeout(HTTP_TIMEOUT)
            .build()
            .map_err(|error| bad(&format!("no HTTP client can be made: {error}")))?;
        Ok(Self { base, shown, http })
    }

    /// The server's address, for messages: without a user and a password.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.shown
    }

    /// The origin of the server's own page.
    #[must_use]
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The port, if the address is a loopback address of this machine.
    #[must_use]
    pub fn local_port(&self) -> Option<u16> {
        let local = match self.base.host()? {
            url::Host::Domain(name) => name == "localhost",
            url::Host::Ipv4(address) => address.is_loopback(),
            url::Host::Ipv6(address) => address.is_loopback(),
        };
        local.then(|| self.base.port_or_known_default())?
    }

    /// The HTTP client.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The URL of a path, given without its leading slash.
    #[must_use]
    pub fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("a relative path joins a base that ends in a slash")
    }

    /// The URL for WebSocket mode.
    pub(crate) fn websocket_url(&self, language: Option<&str>, resume: Option<&Pass>) -> Url {
        let mut url = self.url("ws");
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).expect("ws and wss are as special as http and https");
        url.query_pairs_mut().append_pair("rate", "16000");
        if let Some(language) = language {
            url.query_pairs_mut().append_pair("language", language);
        }
        if let Some(pass) = resume {
            url.query_pairs_mut().append_pair("resume", &pass.token).append_pair("call", &pass.call);
        }
        url
    }

    /// The local address from which packets to the server are sent: the only host candidate that can reach it.
    pub(crate) async fn local_ip(&self) -> Result<IpAddr, ClientError> {
        let host = self.base.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = self.base.port_or_known_default().unwrap_or(80);
        let unreachable = |error: std::io::Error| self.unreachable(&error);
        let target = tokio::net::lookup_host((host, port))
            .await
            .map_err(unreachable)?
            .next()
            .ok_or_else(|| self.unreachable(&"its name has no address"))?;
        let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = tokio::net::UdpSocket::bind(any).await.map_err(unreachable)?;
        socket.connect(target).await.map_err(unreachable)?;
        Ok(socket.local_addr().map_err(unreachable)?.ip())
    }

    /// Sends the offer of a new call, or of one that is gone on with.
    pub async fn offer(
        &self,
        sdp: &str,
        language: Option<&str>,
        resume: Option<&Pass>,
    ) -> Result<Answer, ClientError> {
        let mut body = serde_json::json!({"sdp": sdp, "type": "offer"});
        if let Some(language) = language {
            body["language"] = language.into();
        }
        if let Some(pass) = resume {
            body["resume"] = serde_json::json!({"call": pass.call, "token": pass.token});
        }
        let sent = self.http.post(self.url("api/offer")).json(&body).send().await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        if !status.is_success() {
            return Err(ClientError::Refused {
                what: "the offer",
                status: status.as_u16(),
                detail: detail(&text),
            });
        }
        serde_json::from_str(&text)
            .map_err(|error| ClientError::Protocol { what: "the offer", detail: error.to_string() })
    }

    /// Hangs up over HTTP.
    pub async fn delete_call(&self, call: &str) -> Result<(), ClientError> {
        let sent = self.http.delete(self.url(&format!("api/calls/{call}"))).send().await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let text = response.text().await.unwrap_or_default();
        Err(ClientError::Refused { what: "the hang-up", status: status.as_u16(), detail: detail(&text) })
    }

    /// An "unreachable" error with the innermost cause: the outer ones only repeat the address.
    pub fn unreachable(&self, error: &(impl ToString + 'static)) -> ClientError {
        let any: &dyn std::any::Any = error;
        let reason = any.downcast_ref::<reqwest::Error>().map_or_else(|| error.to_string(), root_cause);
        ClientError::Unreachable { url: self.address().to_owned(), reason }
    }
}

/// The server's answer to an offer.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Answer {
    /// The session description.
    pub sdp: String,
    /// `answer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The call's id.
    pub pc_id: String,
}

/// A problem document's detail, or the beginning of any other body.
pub(crate) fn detail(body: &str) -> String {
    let problem: Option<Value> = serde_json::from_str(body).ok();
    let text = problem.as_ref().and_then(|problem| problem["detail"].as_str().or(problem["title"].as_str()));
    text.map_or_else(|| body.chars().take(200).collect(), str::to_owned)
}

fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no response in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn install_crypto() {
    static ONCE: Once = Once::new();
    // Fails only if a provider is already installed.
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_address_is_refused_with_the_expected_form() {
        for bad in ["localhost:8080", "ftp://host", "", "http://"] {
            let error = Server::new(bad).unwrap_err().to_string();
            assert!(error.contains("http://HOST:PORT"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_used_and_not_told() {
        let server = Server::new("https://ada:hush-hush@example.org/voice/").unwrap();
        assert_eq!(server.url("health").password(), Some("hush-hush"));
        assert_eq!(server.address(), "https://example.org/voice");
        assert!(!server.unreachable(&"gone").to_string().contains("hush-hush"));
    }

    #[test]
    fn a_prefix_and_tls_carry_over_to_the_websocket_address() {
        let server = Server::new("https://example.org/voice").unwrap();
        assert_eq!(
            server.websocket_url(Some("de"), None).as_str(),
            "wss://example.org/voice/ws?rate=16000&language=de"
        );
        let pass = Pass { call: "c".into(), token: "t".into() };
        let url = server.websocket_url(None, Some(&pass));
        assert_eq!(url.as_str(), "wss://example.org/voice/ws?rate=16000&resume=t&call=c");
    }
}
