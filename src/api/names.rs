//! Which host names the server accepts, and which pages may open a call. Pure.
//!
//! If an attacker points a name at this server (DNS rebinding), a browser treats the attacker's page as the server's own
//! origin. So the Host header must name the server. Addresses are always allowed, since nobody can point them elsewhere.

use std::net::IpAddr;

use axum::http::uri::Authority;

use crate::config;

/// The server's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Whether pages of all origins are allowed, so that checking names protects nothing.
    any: bool,
    configured: Vec<String>,
    others: Vec<String>,
    origins: Vec<String>,
}

impl Names {
    /// The configured names and the machine's own.
    #[must_use]
    pub fn new(server: &config::Server, machine: &str) -> Self {
        let machine = machine.to_ascii_lowercase();
        let of_origin = |origin: &String| url::Url::parse(origin).ok()?.host_str().map(str::to_owned);
        let mut others: Vec<String> = server.cors_origins.iter().filter_map(of_origin).collect();
        if !machine.is_empty() {
            others.push(format!("{machine}.local"));
            others.push(machine);
        }
        Self {
            any: server.cors_origins.iter().any(|origin| origin == "*"),
            configured: server.names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            others,
            origins: server.cors_origins.clone(),
        }
    }

    /// Whether a Host header, with or without a port, names this server.
    #[must_use]
    pub fn host(&self, host: &str) -> bool {
        let Some(name) = name_of(host) else { return false };
        self.any
            || is_address(&name)
            || is_local(&name)
            || self.configured.contains(&name)
            || self.others.contains(&name)
    }

    /// Whether pages of this origin may open a call, on a request with this Host header.
    #[must_use]
    pub fn origin(&self, origin: &str, host: &str) -> bool {
        if self.any || self.origins.iter().any(|allowed| allowed == origin) {
            return true;
        }
        let Some((_, authority)) = origin.split_once("://") else { return false };
        let Some(name) = name_of(authority) else { return false };
        // A proxy may have replaced the Host header; on the same machine, the port distinguishes programs.
        self.configured.contains(&name) || (self.host(host) && authority.eq_ignore_ascii_case(host))
    }
}

/// The name in `name[:port]`, in lower case and without brackets.
pub(super) fn name_of(authority: &str) -> Option<String> {
    if authority.contains('@') {
        return None;
    }
    let authority: Authority = authority.parse().ok()?;
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

fn is_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

fn is_local(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str], origins: &[&str]) -> Names {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let server =
            config::Server { names: own(names), cors_origins: own(origins), ..config::Server::default() };
        Names::new(&server, "Rack7")
    }

    #[test]
    fn the_host_header_must_name_the_server() {
        let own = names(&["Voice.Example.org"], &["https://app.example.net:8443"]);
        for host in [
            "localhost",
            "localhost:9000",
            "LOCALHOST.:80",
            "app.localhost:1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.168.0.7",
            "203.0.113.5:80",
            "voice.example.org",
            "voice.example.org:443",
            "rack7:8080",
            "rack7.local",
            "app.example.net",
        ] {
            assert!(own.host(host), "{host}");
        }
        for host in [
            "evil.example:8080",
            "",
            "voice.example.org.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "user@localhost",
            "127.0.0.1.evil.example",
            "local host",
            "?",
            "evil.example/localhost",
        ] {
            assert!(!own.host(host), "{host}");
        }
        assert!(names(&[], &["*"]).host("anything.example"));
    }

    #[test]
    fn a_page_may_call_from_the_servers_own_names_and_the_configured_origins() {
        let own = names(&["voice.example.org"], &["https://app.example.net"]);
        for (origin, host, allowed) in [
            ("http://localhost:9000", "localhost:9000", true),
            ("http://192.168.0.7:8080", "192.168.0.7:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            // A proxy that sends its own Host, and one that passes on the browser's.
            ("https://voice.example.org", "127.0.0.1:8080", true),
            ("https://voice.example.org", "voice.example.org", true),
            ("https://app.example.net", "127.0.0.1:8080", true),
            // Another program on the same machine, and foreign names that point here.
            ("http://localhost:3000", "localhost:8080", false),
            ("http://evil.example:8080", "evil.example:8080", false),
            ("https://evil.example", "localhost:8080", false),
            ("https://app.example.net:444", "127.0.0.1:8080", false),
            ("null", "localhost:8080", false),
            ("", "localhost:8080", false),
        ] {
            assert_eq!(own.origin(origin, host), allowed, "{origin} at {host}");
        }
    }
}
