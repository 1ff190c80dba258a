//! Whether UDP arrives within this host. Pure.

use std::net::IpAddr;

use crate::finding::{Finding, Problem};

/// What became of a packet to an address of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Echo {
    Came,
    Lost,
    Fault(String),
}

/// A packet to an address of this host, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) to: IpAddr,
    pub(crate) echo: Echo,
}

pub(crate) fn loopback(sent: &Sent) -> Finding {
    Finding::of("udp-loopback", "UDP arrives over loopback", problem(sent, 1).into_iter().collect())
}

/// The other addresses. Of several one may be out of use.
pub(crate) fn own(all: &[Sent]) -> Finding {
    if all.is_empty() {
        return Finding::skipped("udp-own", "this host has no address but loopback");
    }
    let lost = all.iter().filter(|sent| sent.echo != Echo::Came).count();
    let weight = if lost == all.len() { 1 } else { all.len() };
    let addresses: Vec<String> = all.iter().map(|sent| sent.to.to_string()).collect();
    let fine = format!("UDP arrives at {}", addresses.join(", "));
    Finding::of("udp-own", fine, all.iter().filter_map(|sent| problem(sent, weight)).collect())
}

/// What is wrong with this address, which is one of `of`.
fn problem(sent: &Sent, of: usize) -> Option<Problem> {
    let to = sent.to;
    let message = match &sent.echo {
        Echo::Came => return None,
        Echo::Lost => format!("UDP from this host to {to} is lost"),
        Echo::Fault(fault) => format!("UDP to {to} cannot be sent: {fault}"),
    };
    let fix = "let UDP pass in this host's firewall (nft list ruleset, iptables -L, ufw status)";
    Some(if of == 1 { Problem::failed(message, fix) } else { Problem::warning(message, fix) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    fn sent(echo: &Echo) -> Sent {
        Sent { to: IpAddr::from([10, 0, 0, 5]), echo: echo.clone() }
    }

    #[test]
    fn udp_fails_if_no_address_gets_it_and_one_of_several_is_warned_of() {
        let fault = Echo::Fault("no way".into());
        for (echoes, state) in [
            (vec![], State::Skipped),
            (vec![Echo::Came], State::Ok),
            (vec![Echo::Came, Echo::Lost], State::Warning),
            (vec![Echo::Lost, fault.clone()], State::Failed),
            (vec![fault], State::Failed),
        ] {
            let found = own(&echoes.iter().map(sent).collect::<Vec<_>>());
            assert_eq!(found.state, state, "{echoes:?}: {found:?}");
        }
        assert_eq!(loopback(&sent(&Echo::Lost)).state, State::Failed);
        assert_eq!(loopback(&sent(&Echo::Came)).state, State::Ok);
    }
}
