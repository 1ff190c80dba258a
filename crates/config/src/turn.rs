//! The relay: our own TURN server, or the credentials of another.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// Shortest and longest secret in characters: long enough that nobody can guess it from a credential.
const SHORTEST: usize = 16;
const LONGEST: usize = 1024;
/// Most entries of a list.
const MOST_ENTRIES: usize = 64;

/// The relay for clients that cannot reach the UDP port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Run the server's own relay: also `--turn`.
    pub enabled: bool,
    /// Where it listens, over UDP and TCP.
    pub listen: SocketAddr,
    /// Where it listens for TLS, if there is a certificate.
    pub tls_listen: SocketAddr,
    /// The certificate for TLS in PEM, with those that lead to its root; empty: no TLS. Read again when it changes.
    pub tls_cert: PathBuf,
    /// Its private key in PEM.
    pub tls_key: PathBuf,
    /// The name or address at which clients reach it; empty: the one under which they reach the server.
    pub host: String,
    /// Addresses of a relay elsewhere, such as coturn, that clients are told with credentials of the secret, instead of our own.
    pub urls: Vec<String>,
    /// The secret of its credentials, coturn's `static-auth-secret`; empty: made anew at each start, for our own relay alone.
    /// `VISAVIS_TURN_SECRET` keeps it out of the file.
    pub secret: Secret,
    /// A file that holds the secret, instead of `secret`.
    pub secret_file: PathBuf,
    /// Seconds for which a credential opens allocations; what it has opened lasts longer.
    pub credential_seconds: u64,
    /// Where relayed addresses are opened; `0.0.0.0`: on all of the host's addresses.
    pub relay_address: IpAddr,
    /// What clients are told of relayed addresses, one of each family; empty: `server.public_addresses`, or else the host's own.
    pub public_addresses: Vec<IpAddr>,
    /// The first port of relayed addresses.
    pub first_port: u16,
    /// The last one.
    pub last_port: u16,
    /// Allocations at once. A call takes several while it connects.
    pub max_allocations: usize,
    /// The same of one caller.
    pub allocations_per_user: usize,
    /// Bytes per second that an allocation relays in each direction.
    pub bytes_per_second: u32,
    /// Connections over TCP and TLS at once.
    pub max_connections: usize,
    /// The same of one address.
    pub connections_per_address: usize,
    /// Whether packets are relayed to public addresses, not to the server's own calls alone.
    pub public_peers: bool,
    /// Networks, addresses or `address:port` to which packets are relayed although they are not public.
    pub allowed_peers: Vec<String>,
    /// The same to which none are, though they are public or allowed. Does not concern the server's own calls.
    pub denied_peers: Vec<String>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: SocketAddr::from(([0, 0, 0, 0], 3478)),
            tls_listen: SocketAddr::from(([0, 0, 0, 0], 5349)),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
            host: String::new(),
            urls: Vec::new(),
            secret: Secret::default(),
            secret_file: PathBuf::new(),
            credential_seconds: 43_200,
            relay_address: IpAddr::from([0, 0, 0, 0]),
            public_addresses: Vec::new(),
            first_port: 49_152,
            last_port: 65_535,
            max_allocations: 1000,
            allocations_per_user: 64,
            bytes_per_second: 1_000_000,
            max_connections: 512,
            connections_per_address: 64,
            public_peers: false,
            allowed_peers: Vec::new(),
            denied_peers: Vec::new(),
        }
    }
}

impl Turn {
    /// The secret, from `secret` or the file that holds it; empty: none is configured.
    ///
    /// # Errors
    /// When the file cannot be read, or the secret cannot be used; the message names the setting and holds no part of the secret.
    pub fn shared_secret(&self) -> Result<Secret, String> {
        if self.secret_file.as_os_str().is_empty() {
            return checked(self.secret.clone(), "turn.secret");
        }
        let file = self.secret_file.display();
        let text = std::fs::read_to_string(&self.secret_file)
            .map_err(|error| format!("turn.secret_file: {file} cannot be read: {error}"))?;
        let secret = text.trim();
        if secret.is_empty() {
            return Err(format!("turn.secret_file: {file} is empty; write the secret into it"));
        }
        checked(Secret::new(secret), &format!("turn.secret_file: {file}"))
    }

    /// Whether there is a certificate for TLS.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        !is_unset(&self.tls_cert) && !is_unset(&self.tls_key)
    }
}

fn is_unset(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

fn checked(secret: Secret, origin: &str) -> Result<Secret, String> {
    let text = secret.expose();
    if !text.is_empty() && !(SHORTEST..=LONGEST).contains(&text.len()) {
        let length = text.len();
        return Err(format!(
            "{origin}: {length} characters; make it {SHORTEST} to {LONGEST}, as `openssl rand -hex 32` does"
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{origin}: holds a line break or another control character; leave it out"));
    }
    Ok(secret)
}

/// Adds a line for each fault.
pub(super) fn check(turn: &Turn, faults: &mut Vec<String>) {
    check_numbers(turn, faults);
    match turn.shared_secret() {
        Err(fault) => faults.push(fault),
        Ok(secret) if secret.is_empty() && !turn.urls.is_empty() => faults.push(
            "turn.urls: needs turn.secret, which that relay has too (coturn's static-auth-secret)".into(),
        ),
        Ok(_) => {}
    }
    if !turn.secret.is_empty() && !is_unset(&turn.secret_file) {
        faults.push("turn.secret_file: turn.secret is set too; remove one of them".into());
    }
    if is_unset(&turn.tls_cert) != is_unset(&turn.tls_key) {
        faults.push("turn.tls_cert: goes with turn.tls_key; set both, or neither".into());
    }
    check_names(turn, faults);
    check_peers("turn.allowed_peers", &turn.allowed_peers, faults);
    check_peers("turn.denied_peers", &turn.denied_peers, faults);
}

fn check_numbers(turn: &Turn, faults: &mut Vec<String>) {
    for (name, number, least, most) in [
        ("credential_seconds", turn.credential_seconds, 60, 604_800),
        ("first_port", turn.first_port.into(), 1024, turn.last_port.into()),
        ("max_allocations", turn.max_allocations as u64, 1, 100_000),
        ("allocations_per_user", turn.allocations_per_user as u64, 1, 100_000),
        ("bytes_per_second", turn.bytes_per_second.into(), 10_000, 1_000_000_000),
        ("max_connections", turn.max_connections as u64, 1, 1_000_000),
        ("connections_per_address", turn.connections_per_address as u64, 1, 1_000_000),
    ] {
        if !(least..=most).contains(&number) {
            faults.push(format!("turn.{name}: {number} is outside {least} to {most}"));
        }
    }
}

fn check_names(turn: &Turn, faults: &mut Vec<String>) {
    let host = &turn.host;
    let plain = url::Host::parse(host).is_ok_and(|parsed| parsed.to_string() == host.to_ascii_lowercase());
    if !host.is_empty() && !plain && host.parse::<IpAddr>().is_err() {
        faults.push(format!("turn.host: {host:?} is not a name or an address, without port"));
    }
    for url in &turn.urls {
        if !["turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme)) {
            faults.push(format!(
                "turn.urls: {url:?} does not begin with turn: or turns:, such as \"turn:turn.example.org:3478?transport=udp\""
            ));
        }
    }
    let unusable = |ip: &&IpAddr| ip.is_unspecified() || ip.is_multicast();
    if let Some(ip) = turn.public_addresses.iter().find(unusable) {
        faults.push(format!("turn.public_addresses: {ip} is no address that clients can reach"));
    }
}

fn check_peers(key: &str, peers: &[String], faults: &mut Vec<String>) {
    if peers.len() > MOST_ENTRIES {
        faults.push(format!("{key}: {} entries; at most {MOST_ENTRIES}", peers.len()));
    }
    let reads = |text: &str| {
        text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
    };
    for peer in peers.iter().filter(|peer| !reads(peer)) {
        faults.push(format!(
            "{key}: {peer:?} is no network, address or address:port, such as \"10.0.0.0/8\" or \"10.0.0.7:8080\""
        ));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::loaded;

    #[test]
    fn each_fault_names_its_key_and_what_would_be_right_and_shows_no_secret() {
        for (text, told) in [
            ("secret = \"hush-hush\"", "turn.secret: 9 characters; make it 16 to 1024"),
            ("secret_file = \"/nowhere/secret\"", "turn.secret_file: /nowhere/secret cannot be read"),
            ("urls = [\"turn:turn.example.org\"]", "turn.urls: needs turn.secret"),
            (
                "urls = [\"turn.example.org\"]\nsecret = \"0123456789abcdef\"",
                "does not begin with turn: or turns:",
            ),
            ("tls_cert = \"/etc/cert.pem\"", "turn.tls_cert: goes with turn.tls_key"),
            ("host = \"turn.example.org:3478\"", "without port"),
            ("allowed_peers = [\"10.0.0.0/8\", \"everywhere\"]", "turn.allowed_peers: \"everywhere\""),
            ("denied_peers = [\"10.0.0.0/40\"]", "turn.denied_peers: \"10.0.0.0/40\""),
            ("first_port = 80", "turn.first_port: 80 is outside 1024 to 65535"),
            ("first_port = 60000\nlast_port = 50000", "turn.first_port: 60000 is outside 1024 to 50000"),
            ("credential_seconds = 5", "turn.credential_seconds: 5 is outside 60 to 604800"),
            (
                "public_addresses = [\"0.0.0.0\"]",
                "turn.public_addresses: 0.0.0.0 is no address that clients can reach",
            ),
        ] {
            let faults = loaded(&format!("[turn]\n{text}\n"), &[], &[]).unwrap_err();
            assert!(faults.len() == 1 && faults[0].contains(told), "{text}: {faults:#?}");
            assert!(!faults[0].contains("hush-hush"));
        }
    }

    #[test]
    fn the_secret_comes_from_the_file_the_variable_or_a_file_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "of-a-file-of-its-own\n").unwrap();
        let named = format!("[turn]\nsecret_file = \"{}\"\n", file.display());
        let of_environment = [("VISAVIS_TURN_SECRET", "1234567890123456")];
        for (text, variables, expected) in [
            ("[turn]\nsecret = \"of-the-file-itself\"\n", &[][..], "of-the-file-itself"),
            // A number is a text as well.
            ("", &of_environment[..], "1234567890123456"),
            (named.as_str(), &[][..], "of-a-file-of-its-own"),
            ("", &[][..], ""),
        ] {
            let config = loaded(text, variables, &[]).unwrap();
            assert_eq!(config.turn.shared_secret().unwrap().expose(), expected);
            assert!(expected.is_empty() || !format!("{config:?}").contains(expected));
        }
        let both = loaded(&named, &[("VISAVIS_TURN_SECRET", "0123456789abcdef")], &[]).unwrap_err();
        assert!(both[0].contains("turn.secret is set too"), "{both:?}");
    }
}
