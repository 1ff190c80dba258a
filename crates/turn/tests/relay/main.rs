//! The relay over real sockets: with another's client, with requests of our own, with garbage, and coturn in its place.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod asking;
mod coturn;
mod driven;
mod hostile;
mod ipv6;
mod refusals;
mod relaying;
mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use visavis_turn::{
    Credential, Limits, OwnMedia, PeerPolicy, PeerRules, Settings, SharedSecret, TlsPort, Turn, addresses,
};

pub(crate) const SECRET: &str = "a-secret-of-these-tests";
/// Far longer than anything here takes, and less than a connection may do nothing before the server ends it.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A free port of this host's loopback address.
pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// What a server of these tests is told: UDP and TCP on loopback, and peers that are our own calls.
pub(crate) fn settings(calls: &[SocketAddr]) -> Settings {
    let own_media = calls.iter().map(|own| OwnMedia { told: *own, reach: *own }).collect();
    let rules = PeerRules { own_media, public: true, ..PeerRules::default() };
    Settings {
        udp: Some(any_port()),
        tcp: Some(any_port()),
        tls: None,
        relays: addresses::relays(IpAddr::from(Ipv4Addr::LOCALHOST), &[], 49_152..=65_535),
        secret: SharedSecret::new(SECRET).unwrap(),
        policy: PeerPolicy::new(rules),
        limits: Limits::default(),
    }
}

/// The address of one of a server's ports.
pub(crate) fn at(port: Option<u16>) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap()))
}

/// A credential that is good for so many more seconds.
pub(crate) fn credential(user: &str, seconds: i64) -> Credential {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    SharedSecret::new(SECRET).unwrap().issue(user, now.saturating_add_signed(seconds)).unwrap()
}

/// Settings with a port for TLS, whose certificate is made here.
pub(crate) struct WithTls {
    pub(crate) settings: Settings,
    pub(crate) certificate: rustls::pki_types::CertificateDer<'static>,
    /// Holds the files.
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn with_tls(calls: &[SocketAddr]) -> WithTls {
    let folder = tempfile::tempdir().unwrap();
    let port = TlsPort {
        listen: any_port(),
        certificate: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
        look: Duration::from_millis(20),
    };
    let certificate = write_certificate(&port);
    WithTls { settings: Settings { tls: Some(port), ..settings(calls) }, certificate, folder }
}

/// Makes a certificate for `localhost`, and returns it.
pub(crate) fn write_certificate(port: &TlsPort) -> rustls::pki_types::CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&port.certificate, made.cert.pem()).unwrap();
    std::fs::write(&port.key, made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// Waits until the server has this many allocations.
pub(crate) async fn until_allocations(turn: &Turn, count: usize) {
    let began = Instant::now();
    while turn.allocations() != count {
        assert!(began.elapsed() < SOON, "{} allocations instead of {count}", turn.allocations());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
