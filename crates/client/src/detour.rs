//! Leads a call's packets over another address, such as that of a proxy that loses some of them: descriptions whose candidates say
//! so. Pure.

use std::net::SocketAddr;

const CANDIDATE: &str = "a=candidate:";

/// An offer without candidates, so that the server answers only to where packets come from.
pub(crate) fn without_candidates(sdp: &str) -> String {
    sdp.split_inclusive('\n').filter(|line| !line.starts_with(CANDIDATE)).collect()
}

/// An answer with one candidate, the first that has UDP, which leads to `via`.
pub(crate) fn led_to(sdp: &str, via: SocketAddr) -> String {
    let (mut out, mut is_led) = (String::with_capacity(sdp.len()), false);
    for line in sdp.split_inclusive('\n') {
        let Some(candidate) = line.strip_prefix(CANDIDATE) else {
            out.push_str(line);
            continue;
        };
        // Foundation, component, transport, priority.
        let fields: Vec<&str> = candidate.split(' ').take(4).collect();
        if !is_led && fields.get(2).is_some_and(|transport| transport.eq_ignore_ascii_case("udp")) {
            is_led = true;
            let (ip, port) = (via.ip(), via.port());
            out.push_str(&format!("{CANDIDATE}{} {ip} {port} typ host\r\n", fields.join(" ")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\na=ice-pwd:b\r\na=candidate:1 1 tcp 9 10.0.0.1 8080 typ host tcptype passive\r\n\
        a=candidate:2 1 udp 7 10.0.0.1 8080 typ host\r\na=candidate:3 1 udp 5 10.0.0.2 8080 typ host\r\na=mid:0\r\n";

    #[test]
    fn the_only_candidate_of_a_led_answer_is_that_of_the_proxy() {
        let led = led_to(SDP, "127.0.0.1:9".parse().unwrap());
        let wanted = "v=0\r\na=ice-pwd:b\r\na=candidate:2 1 udp 7 127.0.0.1 9 typ host\r\na=mid:0\r\n";
        assert_eq!(led, wanted);
        assert_eq!(without_candidates(SDP), "v=0\r\na=ice-pwd:b\r\na=mid:0\r\n");
    }
}
