//! What the responses of STUN servers mean together. Pure.

use std::net::SocketAddr;

/// What is known of the outer address in one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nobody has responded.
    Nothing,
    Outer(SocketAddr),
    /// The NAT shows each server another address: none of them works for anybody else.
    Differs(Vec<SocketAddr>),
}

/// What is known of one family, of where each server has seen the port.
pub(super) fn agreed(seen: &[SocketAddr], v6: bool) -> Finding {
    let mut found: Vec<SocketAddr> = Vec::new();
    for at in seen.iter().filter(|at| at.is_ipv6() == v6) {
        if !found.contains(at) {
            found.push(*at);
        }
    }
    match found[..] {
        [] => Finding::Nothing,
        [outer] => Finding::Outer(outer),
        _ => Finding::Differs(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at: &str) -> SocketAddr {
        at.parse().unwrap()
    }

    #[test]
    fn an_outer_address_is_one_on_which_all_servers_of_its_family_agree() {
        let same = [seen("203.0.113.5:8080"), seen("203.0.113.5:8080"), seen("[2001:db8::5]:8080")];
        assert_eq!(agreed(&same, false), Finding::Outer(same[0]));
        assert_eq!(agreed(&same, true), Finding::Outer(same[2]));
        assert_eq!(agreed(&[], false), Finding::Nothing);
    }

    #[test]
    fn a_nat_with_a_port_for_each_destination_has_no_outer_address() {
        let both = [seen("203.0.113.5:61000"), seen("203.0.113.5:61001")];
        assert_eq!(agreed(&both, false), Finding::Differs(both.to_vec()));
    }
}
