//! Lists of interfaces as hosts have them.

use super::*;
use crate::webrtc::addresses::interface::{AddressState, Link};

const PORT: u16 = 8080;

/// An address of a device: an ordinary one, but for what its name says of the test's hosts.
fn on(name: &str, ip: &str) -> Interface {
    let mut link = Link::default();
    match name {
        "lo" | "loopback0" => link.is_loopback = true,
        "tun0" | "wg0" | "tailscale0" | "utun3" | "ppp0" => link.is_point_to_point = true,
        _ => {}
    }
    Interface { name: name.into(), ip: ip.parse().unwrap(), link, state: AddressState::default() }
}

fn linked(interface: Interface, change: impl FnOnce(&mut Link)) -> Interface {
    let mut interface = interface;
    change(&mut interface.link);
    interface
}

fn stated(interface: Interface, change: impl FnOnce(&mut AddressState)) -> Interface {
    let mut interface = interface;
    change(&mut interface.state);
    interface
}

fn socket(ip: &str) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), PORT)
}

fn outer(ips: &[&str]) -> Vec<SocketAddr> {
    ips.iter().map(|ip| socket(ip)).collect()
}

/// The addresses that are chosen, without their port.
fn told(choice: &Choice) -> Vec<String> {
    choice.candidates.iter().map(|candidate| candidate.address.ip().to_string()).collect()
}

fn why(choice: &Choice, ip: &str) -> Option<Reason> {
    let ip: IpAddr = ip.parse().unwrap();
    choice.left_out.iter().find(|left_out| left_out.ip == ip).map(|left_out| left_out.why)
}

/// A host, where its port is bound, which outer addresses are known, and what clients are told.
struct Case {
    name: &'static str,
    interfaces: Vec<Interface>,
    bound: &'static str,
    outer: &'static [&'static str],
    rule: OuterRule,
    told: &'static [&'static str],
}

fn check(cases: Vec<Case>) {
    for Case { name, interfaces, bound, outer: known, rule, told: expected } in cases {
        let rules = AddressRules { outer: rule, ..AddressRules::default() };
        let choice = choose(&interfaces, socket(bound), &rules, &outer(known));
        assert_eq!(told(&choice), expected, "{name}: {:?}", choice.left_out);
    }
}

/// A laptop with Docker, a VM manager and a VPN.
fn laptop() -> Vec<Interface> {
    vec![
        on("lo", "127.0.0.1"),
        on("docker0", "172.17.0.1"),
        on("br-0a1b2c3d4e5f", "172.18.0.1"),
        on("virbr0", "192.168.122.1"),
        on("tun0", "10.8.0.2"),
        on("wlan0", "192.168.1.20"),
        linked(on("eth0", "192.168.7.2"), |link| link.is_down = true),
        on("lo", "::1"),
        on("wlan0", "fd12:3456::20"),
        on("wlan0", "2001:db8::20"),
        stated(on("wlan0", "2001:db8::bad"), |state| state.is_temporary = true),
        stated(on("wlan0", "2001:db8::01d"), |state| state.is_deprecated = true),
        stated(on("wlan0", "2001:db8::d0b"), |state| state.is_tentative = true),
        on("wlan0", "fe80::20"),
        on("docker0", "fe80::42"),
        on("veth12ab34c", "fe80::77"),
    ]
}

/// An instance behind the 1:1 NAT of its cloud, with Docker.
fn instance() -> Vec<Interface> {
    vec![
        on("lo", "127.0.0.1"),
        linked(on("ens5", "10.0.3.17"), |link| link.is_routed = true),
        on("docker0", "172.17.0.1"),
        on("ens5", "fe80::1"),
    ]
}

/// A node of Kubernetes, whose network a pod with `hostNetwork` has.
fn node() -> Vec<Interface> {
    vec![
        on("lo", "127.0.0.1"),
        linked(on("eth0", "10.10.0.4"), |link| link.is_routed = true),
        on("cni0", "10.244.1.1"),
        on("flannel.1", "10.244.1.0"),
        on("cali8d1c2f3a4b5", "169.254.1.1"),
        on("vethf00dcafe", "10.244.9.1"),
        on("kube-ipvs0", "10.96.0.1"),
        on("nodelocaldns", "169.254.20.10"),
        on("tunl0", "10.244.1.2"),
        on("cilium_host", "10.244.1.3"),
    ]
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn hosts_tell_the_addresses_that_clients_elsewhere_can_use() {
    let first = OuterRule::First;
    check(vec![
        Case {
            name: "a laptop, for IPv4",
            interfaces: laptop(),
            bound: "0.0.0.0",
            outer: &[],
            rule: first,
            told: &["192.168.1.20", "10.8.0.2", "127.0.0.1"],
        },
        Case {
            name: "a laptop, for both families, whose IPv6 is public",
            interfaces: laptop(),
            bound: "::",
            outer: &[],
            rule: first,
            told: &["2001:db8::20", "192.168.1.20", "10.8.0.2"],
        },
        Case {
            name: "an instance that does not know its outer address",
            interfaces: instance(),
            bound: "0.0.0.0",
            outer: &[],
            rule: first,
            told: &["10.0.3.17", "127.0.0.1"],
        },
        Case {
            name: "a pod with hostNetwork",
            interfaces: node(),
            bound: "0.0.0.0",
            outer: &[],
            rule: first,
            told: &["10.10.0.4", "127.0.0.1"],
        },
        Case {
            name: "a pod of its own network",
            interfaces: vec![
                on("lo", "127.0.0.1"),
                linked(on("eth0", "10.244.1.23"), |link| link.is_routed = true),
                on("eth0", "fe80::23"),
            ],
            bound: "0.0.0.0",
            outer: &[],
            rule: first,
            told: &["10.244.1.23", "127.0.0.1"],
        },
        Case {
            name: "a server with a public address of its own",
            interfaces: vec![on("lo", "127.0.0.1"), on("eth0", "203.0.113.5"), on("eth0", "10.0.0.2")],
            bound: "0.0.0.0",
            outer: &[],
            rule: first,
            told: &["203.0.113.5", "10.0.0.2"],
        },
        Case {
            name: "IPv6 only",
            interfaces: vec![
                on("lo", "127.0.0.1"),
                on("lo", "::1"),
                on("eth0", "2001:db8::5"),
                on("eth0", "fe80::5"),
                on("eth0", "fd00::5"),
            ],
            bound: "::",
            outer: &[],
            rule: first,
            told: &["2001:db8::5"],
        },
        Case {
            name: "WSL2 with the NAT of its host",
            interfaces: vec![
                on("lo", "127.0.0.1"),
                on("lo", "10.255.255.254"),
                on("lo", "::1"),
                on("eth0", "172.29.144.7"),
                on("eth0", "fe80::215"),
                on("docker0", "172.17.0.1"),
            ],
            bound: "0.0.0.0",
            outer: &[],
            rule: first,
            told: &["172.29.144.7", "127.0.0.1"],
        },
        Case {
            name: "only loopback",
            interfaces: vec![on("lo", "127.0.0.1"), on("lo", "::1")],
            bound: "0.0.0.0",
            outer: &[],
            rule: first,
            told: &["127.0.0.1"],
        },
        Case {
            name: "nothing is told of interfaces",
            interfaces: Vec::new(),
            bound: "::",
            outer: &[],
            rule: first,
            told: &["127.0.0.1"],
        },
        Case {
            name: "a namespace with one end of a wire alone",
            interfaces: vec![on("lo", "127.0.0.1"), on("veth1", "10.9.0.2")],
            bound: "0.0.0.0",
            outer: &[],
            rule: first,
            told: &["10.9.0.2", "127.0.0.1"],
        },
        Case {
            name: "a router's line is a point-to-point device with a public address",
            interfaces: vec![on("lo", "127.0.0.1"), on("eth0", "192.168.1.1"), on("ppp0", "198.51.100.9")],
            bound: "0.0.0.0",
            outer: &[],
            rule: first,
            told: &["198.51.100.9", "192.168.1.1"],
        },
    ]);
}

#[test]
fn bridges_of_containers_are_told_from_bridges_to_a_network() {
    let inner = |link: &mut Link| link.is_inner_bridge = true;
    check(vec![Case {
        name: "a hypervisor",
        interfaces: vec![
            on("lo", "127.0.0.1"),
            on("br0", "192.168.1.9"),
            on("br-lan", "192.168.2.9"),
            linked(on("vmbr1", "10.99.0.1"), inner),
            on("lxdbr0", "10.98.0.1"),
            on("podman1", "10.89.0.1"),
        ],
        bound: "0.0.0.0",
        outer: &[],
        rule: OuterRule::First,
        told: &["192.168.1.9", "192.168.2.9", "127.0.0.1"],
    }]);
}

fn behind_nat(rule: OuterRule, bound: &'static str, told: &'static [&'static str]) -> Case {
    let name = "an instance behind 1:1 NAT";
    Case { name, interfaces: instance(), bound, outer: &["203.0.113.5"], rule, told }
}

#[test]
fn an_outer_address_comes_first_or_replaces_or_is_added_as_the_rule_says() {
    check(vec![
        behind_nat(OuterRule::First, "0.0.0.0", &["203.0.113.5", "10.0.3.17"]),
        behind_nat(OuterRule::Replace, "0.0.0.0", &["203.0.113.5"]),
        behind_nat(OuterRule::Reflexive, "0.0.0.0", &["10.0.3.17", "203.0.113.5"]),
        behind_nat(OuterRule::First, "10.0.3.17", &["203.0.113.5", "10.0.3.17"]),
    ]);
}

#[test]
fn a_reflexive_candidate_names_the_address_behind_it_and_keeps_its_own_port() {
    let rules = AddressRules { outer: OuterRule::Reflexive, ..AddressRules::default() };
    let mapped: SocketAddr = "203.0.113.5:61000".parse().unwrap();
    let choice = choose(&instance(), socket("0.0.0.0"), &rules, &[mapped]);
    let reflexive = Candidate { kind: CandidateKind::Reflexive(socket("10.0.3.17")), address: mapped };
    assert_eq!(choice.candidates, [Candidate::host(socket("10.0.3.17")), reflexive]);
    // Without an address of its own in that family a host has nothing to put behind it.
    let v6: SocketAddr = "[2001:db8::9]:8080".parse().unwrap();
    let choice = choose(&instance(), socket("0.0.0.0"), &rules, &[v6]);
    assert_eq!(choice.candidates[1], Candidate::host(v6));
}

#[test]
fn only_private_addresses_of_the_same_family_are_replaced() {
    let rules = AddressRules { outer: OuterRule::Replace, ..AddressRules::default() };
    let host = [on("eth0", "10.0.0.5"), on("eth1", "198.51.100.7"), on("eth0", "2001:db8::5")];
    let choice = choose(&host, socket("::"), &rules, &outer(&["203.0.113.5"]));
    assert_eq!(told(&choice), ["203.0.113.5", "198.51.100.7", "2001:db8::5"]);
    assert_eq!(why(&choice, "10.0.0.5"), Some(Reason::Replaced));
}

#[test]
fn an_outer_address_that_is_the_hosts_own_is_told_once() {
    for rule in [OuterRule::First, OuterRule::Replace, OuterRule::Reflexive] {
        let rules = AddressRules { outer: rule, ..AddressRules::default() };
        let host = [on("eth0", "203.0.113.5"), on("lo", "127.0.0.1")];
        let choice = choose(&host, socket("0.0.0.0"), &rules, &outer(&["203.0.113.5", "203.0.113.5"]));
        assert_eq!(choice.candidates, [Candidate::host(socket("203.0.113.5"))], "{rule:?}");
    }
}

#[test]
fn unique_local_addresses_are_told_last_and_only_if_asked_for() {
    let rules = AddressRules { unique_local: true, ..AddressRules::default() };
    let choice = choose(&laptop(), socket("::"), &rules, &[]);
    assert_eq!(told(&choice), ["2001:db8::20", "192.168.1.20", "10.8.0.2", "fd12:3456::20"]);
}

#[test]
fn what_is_left_out_has_its_reason() {
    let both = choose(&laptop(), socket("::"), &AddressRules::default(), &[]);
    for (ip, reason) in [
        ("127.0.0.1", Reason::Loopback),
        ("172.17.0.1", Reason::Containers),
        ("172.18.0.1", Reason::Containers),
        ("192.168.122.1", Reason::Containers),
        ("192.168.7.2", Reason::Down),
        ("fd12:3456::20", Reason::UniqueLocal),
        ("2001:db8::bad", Reason::Temporary),
        ("2001:db8::01d", Reason::Deprecated),
        ("2001:db8::d0b", Reason::Tentative),
        ("fe80::20", Reason::Link),
    ] {
        assert_eq!(why(&both, ip), Some(reason), "{ip}");
    }
    let v4 = choose(&laptop(), socket("0.0.0.0"), &AddressRules::default(), &[]);
    assert_eq!(why(&v4, "2001:db8::20"), Some(Reason::Family));
    let node = choose(&node(), socket("0.0.0.0"), &AddressRules::default(), &[]);
    assert_eq!(why(&node, "10.244.9.1"), Some(Reason::Containers), "a wire beside a real device");
}

#[test]
fn a_port_bound_to_one_address_is_told_at_that_address() {
    for bound in ["127.0.0.1", "10.8.0.2", "2001:db8::20"] {
        let choice = choose(&laptop(), socket(bound), &AddressRules::default(), &[]);
        assert_eq!(choice.candidates, [Candidate::host(socket(bound))]);
    }
}

#[test]
fn with_the_relay_alone_no_address_of_this_host_is_told_whatever_is_known() {
    let relayed: IpAddr = "192.0.0.8".parse().unwrap();
    for rule in [OuterRule::First, OuterRule::Replace, OuterRule::Reflexive] {
        for bound in ["0.0.0.0", "::", "10.8.0.2"] {
            let rules = AddressRules {
                outer: rule,
                unique_local: true,
                relayed: Some(vec![relayed]),
                tcp: Some(socket("0.0.0.0")),
                ..AddressRules::default()
            };
            let choice = choose(&laptop(), socket(bound), &rules, &outer(&["203.0.113.5"]));
            let relay = Candidate { kind: CandidateKind::Relay, address: SocketAddr::new(relayed, PORT) };
            assert_eq!(choice.candidates, [relay], "{rule:?}, bound to {bound}");
        }
    }
}

#[test]
fn a_host_with_very_many_addresses_tells_the_best() {
    let mut host: Vec<Interface> = (1..=20).map(|n| on("eth0", &format!("10.0.0.{n}"))).collect();
    host.push(on("eth1", "203.0.113.5"));
    let choice = choose(&host, socket("0.0.0.0"), &AddressRules::default(), &[]);
    assert_eq!(choice.candidates.len(), MOST);
    assert_eq!(told(&choice)[0], "203.0.113.5");
    assert_eq!(why(&choice, "10.0.0.20"), Some(Reason::TooMany));
}

#[test]
fn the_tcp_port_is_told_behind_the_udp_port_at_the_addresses_that_both_have() {
    for (listen, expected) in [
        ("0.0.0.0:443", &["203.0.113.5:443", "10.0.3.17:443"][..]),
        ("[::]:443", &["203.0.113.5:443", "10.0.3.17:443"]),
        ("10.0.3.17:443", &["10.0.3.17:443"]),
        // A proxy stands before it.
        ("127.0.0.1:8443", &[]),
    ] {
        let rules = AddressRules { tcp: Some(listen.parse().unwrap()), ..AddressRules::default() };
        let choice = choose(&instance(), socket("0.0.0.0"), &rules, &outer(&["203.0.113.5"]));
        let (udp, tcp) = choice.candidates.split_at(2);
        assert!(udp.iter().all(Candidate::is_udp), "{listen}: {udp:?}");
        assert!(tcp.iter().all(|candidate| candidate.kind == CandidateKind::Passive), "{listen}: {tcp:?}");
        let tcp: Vec<String> = tcp.iter().map(|candidate| candidate.address.to_string()).collect();
        assert_eq!(tcp, expected, "{listen}");
    }
}

#[test]
fn the_tcp_port_is_told_once_at_an_address_where_the_udp_port_has_two_numbers() {
    let rules = AddressRules { tcp: Some("0.0.0.0:443".parse().unwrap()), ..AddressRules::default() };
    let known = ["203.0.113.5:8080", "203.0.113.5:61000"].map(|text| text.parse::<SocketAddr>().unwrap());
    let choice = choose(&instance(), socket("0.0.0.0"), &rules, &known);
    let all: Vec<String> = choice.candidates.iter().map(|candidate| candidate.address.to_string()).collect();
    let udp = ["203.0.113.5:8080", "203.0.113.5:61000", "10.0.3.17:8080"];
    assert_eq!(all, [&udp[..], &["203.0.113.5:443", "10.0.3.17:443"]].concat());
}
