//! Checks of connections, names and addresses.

use super::Range;
use crate::{IceServer, Server, Telemetry};

pub(super) fn check(server: &Server, faults: &mut Vec<String>) {
    let most_connections = server.max_connections as f64;
    for range in [
        Range::new("server.max_calls", server.max_calls as f64, 1.0, 100_000.0),
        Range::new("server.max_connections", most_connections, 8.0, 1_000_000.0),
        Range::new(
            "server.connections_per_address",
            server.connections_per_address as f64,
            1.0,
            most_connections,
        ),
        Range::new("server.calls_per_address", server.calls_per_address as f64, 0.0, 100_000.0),
        Range::new("server.max_requests", server.max_requests as f64, 1.0, 100_000.0),
        Range::new("server.requests_per_address", server.requests_per_address as f64, 0.0, 100_000.0),
        Range::new("server.memory_reserve_mib", server.memory_reserve_mib, 0.0, 1_048_576.0),
        Range::new("server.least_calls", server.least_calls as f64, 1.0, 100_000.0),
        Range::new("server.drain_seconds", server.drain_seconds as f64, 0.0, 3600.0),
    ] {
        range.check(faults);
    }
    if server.target_ms != 0 {
        // The wait for the end of a turn alone may be longer than less.
        Range::new("server.target_ms", server.target_ms, 300.0, 60_000.0).check(faults);
    }
    for origin in &server.cors_origins {
        let plain = url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
        if origin != "*" && !plain {
            faults.push(format!("server.cors_origins: {origin:?} is neither \"*\" nor scheme://host[:port]"));
        }
    }
    for name in &server.names {
        let plain = url::Host::parse(name).is_ok_and(|host| host.to_string() == name.to_ascii_lowercase());
        if !plain {
            faults.push(format!(
                "server.names: {name:?} is not a name such as \"voice.example.org\", without port"
            ));
        }
    }
    for proxy in server.trusted_proxies.iter().filter(|proxy| proxy.is_everyone()) {
        faults.push(format!(
            "server.trusted_proxies: {proxy} is everybody, and each could call in any other's name; name the proxies' own network"
        ));
    }
    server.ice_servers.iter().for_each(|ice| check_ice_server(ice, faults));
}

fn check_ice_server(server: &IceServer, faults: &mut Vec<String>) {
    for url in &server.urls {
        if !["stun:", "stuns:", "turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme)) {
            faults.push(format!("server.ice_servers: {url:?} does not begin with stun: or turn:"));
        }
    }
}

/// Checks the address of the collector of spans.
pub(super) fn check_collector(telemetry: &Telemetry, faults: &mut Vec<String>) {
    let endpoint = &telemetry.otlp_endpoint;
    if !endpoint.is_empty() && !["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
        faults.push(format!("telemetry.otlp_endpoint: {endpoint:?} does not begin with http:// or https://"));
    }
}
