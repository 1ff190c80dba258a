//! The configuration of renderers: where the faces of calls are sent over UDP.

use serde::{Deserialize, Serialize};

/// Longest `renderers.delay_ms`.
pub const LONGEST_DELAY_MS: u32 = 2000;
/// Longest name of a face in bytes.
pub const LONGEST_SUBJECT: usize = 64;

/// Where the faces of calls are sent over UDP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renderers {
    /// Live Link Face, for Unreal Engine: `host:port`; its default port is 11111.
    pub live_link: Vec<String>,
    /// VMC, for VRM avatars: `host:port`; its default port is 39539.
    pub vmc: Vec<String>,
    /// The name of the face in Live Link; `{call}` in it is replaced by the first eight letters of the call's id. A renderer
    /// shows only one call at a time under one name.
    pub subject: String,
    /// Milliseconds to delay faces after their sound leaves the server, for sound that is heard that much later.
    pub delay_ms: u32,
    /// Let clients name renderers for their call. Then any caller can have UDP sent to any address that this server reaches.
    pub from_clients: bool,
}

impl Default for Renderers {
    fn default() -> Self {
        Self {
            live_link: Vec::new(),
            vmc: Vec::new(),
            subject: "Visavis".into(),
            delay_ms: 0,
            from_clients: false,
        }
    }
}

/// Whether a text is `host:port`.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plain = !host.is_empty()
        && host.len() <= 253
        && host.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_'));
    let literal = bracketed && host[1..host.len() - 1].parse::<std::net::Ipv6Addr>().is_ok();
    (plain || literal)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Whether a text can name a face.
#[must_use]
pub fn is_subject(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= LONGEST_SUBJECT && !text.chars().any(char::is_control)
}

/// Adds a line for each fault.
pub(super) fn check(own: &Renderers, faults: &mut Vec<String>) {
    for (key, addresses) in [("live_link", &own.live_link), ("vmc", &own.vmc)] {
        for address in addresses.iter().filter(|address| !is_address(address)) {
            faults.push(format!("renderers.{key}: {address:?} is not host:port such as \"127.0.0.1:11111\""));
        }
    }
    if !is_subject(&own.subject) {
        faults.push(format!(
            "renderers.subject: {:?} is not a name of 1 to {LONGEST_SUBJECT} bytes",
            own.subject
        ));
    }
    if own.delay_ms > LONGEST_DELAY_MS {
        faults.push(format!("renderers.delay_ms: {} is outside 0 to {LONGEST_DELAY_MS}", own.delay_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::is_address;
    use crate::{Flag, Sources, load};

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["127.0.0.1:11111", "unreal.local:1", "[::1]:39539", "my_pc:65535"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            ":1",
            "host",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "::1:5",
            "a b:1",
            "http://x:1",
            "[x]:1",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn invalid_renderers_are_faults_with_their_key() {
        let set = |key: &str, value: &str| Flag { key: key.to_string(), value: value.to_string() };
        let flags = vec![
            set("renderers.live_link", r#"["127.0.0.1:11111", "unreal"]"#),
            set("renderers.vmc", r#"["[::1]:39539", "x:70000"]"#),
            set("renderers.subject", "\"\""),
            set("renderers.delay_ms", "9000"),
        ];
        let faults = load(&Sources { flags, ..Sources::default() }).unwrap_err().0;
        assert_eq!(faults.len(), 4, "{faults:#?}");
        for part in ["\"unreal\"", "\"x:70000\"", "renderers.subject", "9000"] {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
        }
    }
}
