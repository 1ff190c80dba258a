use super::*;

fn policy(rules: PeerRules) -> PeerPolicy {
    PeerPolicy::new(rules)
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ranges(texts: &[&str]) -> Vec<PeerRange> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn only_public_addresses_are_peers_unless_configured() {
    let policy = policy(PeerRules { public: true, ..PeerRules::default() });
    for (peer, judged) in [
        ("8.8.8.8:3478", Ok(())),
        ("1.1.1.1:1", Ok(())),
        ("[2606:4700::1111]:443", Ok(())),
        ("127.0.0.1:8080", Err(Denial::Loopback)),
        ("127.255.255.254:8080", Err(Denial::Loopback)),
        ("0.0.0.0:8080", Err(Denial::Reserved)),
        ("10.1.2.3:8080", Err(Denial::Private)),
        ("172.16.0.1:8080", Err(Denial::Private)),
        ("172.31.255.255:8080", Err(Denial::Private)),
        ("172.32.0.1:8080", Ok(())),
        ("192.168.1.1:8080", Err(Denial::Private)),
        ("100.64.0.1:8080", Err(Denial::CarrierNat)),
        ("100.128.0.1:8080", Ok(())),
        ("169.254.1.1:80", Err(Denial::LinkLocal)),
        ("169.254.169.254:80", Err(Denial::Metadata)),
        ("168.63.129.16:80", Err(Denial::Metadata)),
        ("100.100.100.200:80", Err(Denial::Metadata)),
        ("192.0.0.192:80", Err(Denial::Metadata)),
        ("[fd00:ec2::254]:80", Err(Denial::Metadata)),
        ("192.0.2.1:80", Err(Denial::Documentation)),
        ("198.18.0.1:80", Err(Denial::Documentation)),
        ("198.51.100.1:80", Err(Denial::Documentation)),
        ("203.0.113.1:80", Err(Denial::Documentation)),
        ("224.0.0.1:80", Err(Denial::Multicast)),
        ("255.255.255.255:80", Err(Denial::Multicast)),
        ("240.0.0.1:80", Err(Denial::Reserved)),
        ("[::]:80", Err(Denial::Reserved)),
        ("[::1]:80", Err(Denial::Loopback)),
        ("[fe80::1]:80", Err(Denial::LinkLocal)),
        ("[fc00::1]:80", Err(Denial::Private)),
        ("[fd12:3456::1]:80", Err(Denial::Private)),
        ("[fec0::1]:80", Err(Denial::Private)),
        ("[ff02::1]:80", Err(Denial::Multicast)),
        ("[2001:db8::1]:80", Err(Denial::Documentation)),
        ("[3fff::1]:80", Err(Denial::Documentation)),
        ("[2001:0:7f00:1::1]:80", Err(Denial::Reserved)),
        ("[100::1]:80", Err(Denial::Reserved)),
        ("[4000::1]:80", Err(Denial::Reserved)),
        ("8.8.8.8:0", Err(Denial::NoPort)),
    ] {
        assert_eq!(policy.judge(at(peer)), judged, "{peer}");
    }
}

#[test]
fn an_address_that_stands_for_another_is_judged_as_that_one() {
    let policy = policy(PeerRules { public: true, ..PeerRules::default() });
    for (peer, judged) in [
        // Mapped.
        ("[::ffff:8.8.8.8]:80", Ok(())),
        ("[::ffff:127.0.0.1]:80", Err(Denial::Loopback)),
        ("[::ffff:169.254.169.254]:80", Err(Denial::Metadata)),
        ("[::ffff:10.0.0.1]:80", Err(Denial::Private)),
        // "Compatible", and SIIT's.
        ("[::127.0.0.1]:80", Err(Denial::Reserved)),
        ("[::ffff:0:127.0.0.1]:80", Err(Denial::Reserved)),
        // NAT64.
        ("[64:ff9b::8.8.8.8]:80", Ok(())),
        ("[64:ff9b::127.0.0.1]:80", Err(Denial::Loopback)),
        ("[64:ff9b::a9fe:a9fe]:80", Err(Denial::Metadata)),
        ("[64:ff9b:1::8.8.8.8]:80", Err(Denial::Private)),
        // 6to4.
        ("[2002:808:808::1]:80", Ok(())),
        ("[2002:7f00:1::1]:80", Err(Denial::Loopback)),
        ("[2002:a00:1::1]:80", Err(Denial::Private)),
        // ISATAP.
        ("[2606:4700::5efe:10.0.0.1]:80", Err(Denial::Private)),
        ("[2606:4700::200:5efe:127.0.0.1]:80", Err(Denial::Loopback)),
    ] {
        assert_eq!(policy.judge(at(peer)), judged, "{peer}");
    }
}

#[test]
fn our_own_calls_are_peers_at_their_port_alone_and_where_they_are_reached() {
    let (told, reach) = (at("203.0.113.9:8080"), at("10.0.0.5:8080"));
    let own_media = vec![OwnMedia { told, reach }, OwnMedia { told: reach, reach }];
    let own_addresses = vec![told.ip(), reach.ip(), "8.8.4.4".parse().unwrap()];
    // Not even a rule that denies all addresses keeps clients from our own calls.
    let denied = ranges(&["0.0.0.0/0"]);
    let closed = policy(PeerRules { own_media: own_media.clone(), denied, ..PeerRules::default() });
    let open = policy(PeerRules { own_media, own_addresses, public: true, ..PeerRules::default() });
    for policy in [&closed, &open] {
        assert_eq!(policy.judge(told), Ok(()));
        assert_eq!((policy.judge(reach), policy.reach(told), policy.reach(reach)), (Ok(()), reach, reach));
        assert_eq!(policy.judge_permission(at("203.0.113.9:0")), Ok(()));
        assert!(policy.judge_permission(at("203.0.113.9:22")).is_err());
    }
    assert_eq!(closed.judge(at("9.9.9.9:1")), Err(Denial::Configured));
    assert_eq!(open.judge(at("203.0.113.9:22")), Err(Denial::ThisHost));
    assert_eq!(open.judge(at("8.8.4.4:53")), Err(Denial::ThisHost));
    assert_eq!(open.judge(at("[::ffff:8.8.4.4]:53")), Err(Denial::ThisHost));
    assert_eq!(open.judge(at("8.8.8.8:53")), Ok(()));
}

#[test]
fn the_configuration_allows_and_denies_and_denying_wins() {
    let rules = PeerRules {
        allowed: ranges(&["10.0.0.0/8", "192.168.1.7:8080"]),
        denied: ranges(&["10.9.0.0/16", "9.9.9.9"]),
        public: true,
        ..PeerRules::default()
    };
    let with_rules = policy(rules.clone());
    for (peer, judged) in [
        ("10.1.2.3:5", Ok(())),
        ("10.9.2.3:5", Err(Denial::Configured)),
        ("192.168.1.7:8080", Ok(())),
        ("192.168.1.7:22", Err(Denial::Private)),
        ("9.9.9.9:5", Err(Denial::Configured)),
        ("[64:ff9b::9.9.9.9]:5", Err(Denial::Configured)),
        // What is allowed is an address, not what stands for it elsewhere.
        ("[64:ff9b::10.1.2.3]:5", Err(Denial::Private)),
    ] {
        assert_eq!(with_rules.judge(at(peer)), judged, "{peer}");
    }
    let closed = policy(PeerRules { public: false, ..rules });
    assert_eq!(
        (closed.judge(at("8.8.8.8:5")), closed.judge(at("10.1.2.3:5"))),
        (Err(Denial::NotOurs), Ok(()))
    );
}

#[test]
fn a_permission_without_a_port_is_given_where_some_port_is_a_peer() {
    let rules = PeerRules {
        allowed: ranges(&["192.168.1.7:8080", "10.0.0.0/8"]),
        public: true,
        ..PeerRules::default()
    };
    let policy = policy(rules);
    for (peer, given) in [
        ("192.168.1.7:0", true),
        ("192.168.1.8:0", false),
        ("10.0.0.1:0", true),
        ("8.8.8.8:0", true),
        ("127.0.0.1:0", false),
    ] {
        assert_eq!(policy.judge_permission(at(peer)).is_ok(), given, "{peer}");
    }
}

#[test]
fn addresses_of_this_host_that_change_are_judged_as_they_are_now() {
    let own = |text: &str| OwnMedia { told: at(text), reach: at(text) };
    let ips = |text: &str| vec![text.parse::<IpAddr>().unwrap()];
    let mut policy = policy(PeerRules {
        own_media: vec![own("8.8.8.8:8080")],
        own_addresses: ips("8.8.8.8"),
        public: true,
        ..PeerRules::default()
    });
    policy.set_own(vec![own("1.1.1.1:8080")], ips("1.1.1.1"));
    for (peer, judged) in [
        ("1.1.1.1:8080", Ok(())),
        ("1.1.1.1:22", Err(Denial::ThisHost)),
        ("8.8.8.8:22", Ok(())),
        ("10.0.0.5:8080", Err(Denial::Private)),
    ] {
        assert_eq!(policy.judge(at(peer)), judged, "{peer}");
    }
    policy.set_own(vec![own("10.0.0.5:8080")], ips("10.0.0.5"));
    assert_eq!(policy.judge(at("10.0.0.5:8080")), Ok(()));
}
