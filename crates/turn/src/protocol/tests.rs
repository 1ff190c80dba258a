pub(crate) mod caller;

use caller::{Caller, at, binding, code, lasting, now, part, plain, read, secret, server, to, udp};
use rtc_stun::attributes::{
    ATTR_DATA, ATTR_EVEN_PORT, ATTR_XOR_PEER_ADDRESS, ATTR_XOR_RELAYED_ADDRESS, ATTR_XORMAPPED_ADDRESS,
    AttrType, RawAttribute,
};
use rtc_stun::message::{
    Getter, METHOD_ALLOCATE, METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_DATA, METHOD_REFRESH,
    Message,
};
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::proto::Protocol;
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::reqfamily::{REQUESTED_FAMILY_IPV6, RequestedAddressFamily};
use rtc_turn::proto::reqtrans::RequestedTransport;

use super::*;
use crate::peers::{OwnMedia, PeerRules};

fn open() -> PeerRules {
    PeerRules { public: true, ..PeerRules::default() }
}

fn address(message: &Message, kind: AttrType) -> SocketAddr {
    let mut address = XorMappedAddress::default();
    address.get_from_as(message, kind).unwrap();
    SocketAddr::new(address.ip, address.port)
}

fn lifetime_of(message: &Message) -> u64 {
    let mut lifetime = Lifetime::default();
    lifetime.get_from(message).unwrap();
    lifetime.0.as_secs()
}

#[test]
fn an_allocation_is_opened_once_for_one_request_and_no_other_takes_its_place() {
    let mut server = server(Limits::default(), open());
    let caller = Caller::new("192.0.2.1:5000", "ada").challenged(&mut server, &now(0));
    let request = caller.signed(METHOD_ALLOCATE, vec![udp()]);
    let Step::Open(opening) = server.received(caller.client, &request.raw, &now(0)) else { panic!() };
    assert_eq!(opening.family, Family::V4);
    let opened = server.opened(*opening, 50_000, &now(0)).unwrap();
    let answer = read(&opened.answer);
    assert_eq!(address(&answer, ATTR_XOR_RELAYED_ADDRESS), at("198.51.100.1:50000"));
    assert_eq!(address(&answer, ATTR_XORMAPPED_ADDRESS), at("192.0.2.1:5000"));
    assert_eq!(lifetime_of(&answer), 600);
    // The answer was lost, and the client asks again.
    let Step::Answer(again) = server.received(caller.client, &request.raw, &now(1)) else { panic!() };
    assert_eq!(again, opened.answer);
    assert_eq!(code(caller.asks(&mut server, METHOD_ALLOCATE, vec![udp()], &now(1))), 437);
    assert_eq!(server.count(), 1);
}

#[test]
fn an_allocation_for_which_there_is_no_port_is_refused_and_counts_for_nothing() {
    let mut server = server(Limits::default(), open());
    let caller = Caller::new("192.0.2.1:5000", "ada").challenged(&mut server, &now(0));
    let Step::Open(opening) = caller.asks(&mut server, METHOD_ALLOCATE, vec![udp()], &now(0)) else {
        panic!()
    };
    assert_eq!(code(server.not_opened(*opening)), 508);
    assert_eq!((server.count(), server.of_user.len()), (0, 0));
}

#[test]
fn credentials_that_are_wrong_expired_or_of_another_are_refused() {
    let mut server = server(Limits::default(), open());
    let address = "192.0.2.1:5000";
    let good = || Caller::new(address, "ada");
    let mut asked = |change: &dyn Fn(&mut Caller), after| {
        let mut caller = good().challenged(&mut server, &now(0));
        change(&mut caller);
        code(caller.asks(&mut server, METHOD_ALLOCATE, vec![udp()], &now(after)))
    };
    assert_eq!(asked(&|_| {}, 0), 0);
    assert_eq!(asked(&|caller| caller.credential.password.push('x'), 0), 401);
    assert_eq!(asked(&|caller| caller.credential.username.push('x'), 0), 401);
    assert_eq!(asked(&|caller| caller.credential.username = "ada".into(), 0), 401);
    assert_eq!(asked(&|caller| caller.realm = "elsewhere".into(), 0), 401);
    assert_eq!(asked(&|caller| caller.credential = secret().issue("ada", 999_999).unwrap(), 0), 401);
    assert_eq!(asked(&|caller| caller.nonce = "AAAAAAAAAAAA".into(), 0), 438);
    assert_eq!(asked(&|caller| caller.client = Client::Datagrams { address: at("192.0.2.9:5000") }, 0), 438);
    assert_eq!(asked(&|_| {}, 3700), 438, "the nonce has expired, and only then the credential is looked at");
    assert_eq!(server.count(), 0);
}

#[test]
fn an_allocation_outlives_its_credential_and_belongs_to_it_alone() {
    let mut server = server(Limits::default(), open());
    let (ada, _) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(0));
    let bob = Caller { credential: secret().issue("bob", 2_000_000).unwrap(), ..ada };
    assert_eq!(code(bob.refreshes(&mut server, 0, &now(1))), 441);
    let ada = Caller { credential: secret().issue("ada", 1_003_600).unwrap(), ..bob };
    assert_eq!(code(ada.refreshes(&mut server, 3600, &now(500))), 0);
    // The credential has expired at 3,600.
    let ada = ada.nonced(&server, 4000);
    assert_eq!(code(ada.refreshes(&mut server, 600, &now(4000))), 0);
    assert_eq!(ada.permits(&mut server, "8.8.8.8:5", &now(4001)), 0);
    assert_eq!(server.expire(&now(4601)).len(), 1);
    assert_eq!(code(ada.asks(&mut server, METHOD_ALLOCATE, vec![udp()], &now(4602))), 401);
}

impl Caller {
    /// With a nonce of this second.
    fn nonced(mut self, server: &TurnServer, second: u64) -> Self {
        let request = plain(METHOD_ALLOCATE, vec![udp()]);
        let request = Request::read(&request.raw).unwrap();
        let code = rtc_stun::error_code::CODE_STALE_NONCE;
        let answer = server.authority.refuse(&request, code, self.client.address(), &now(second)).unwrap();
        let nonce =
            rtc_stun::textattrs::TextAttribute::get_from_as(&read(&answer), rtc_stun::attributes::ATTR_NONCE);
        self.nonce = nonce.unwrap().text;
        self
    }
}

#[test]
fn lifetimes_are_ten_minutes_to_an_hour_and_zero_gives_back() {
    let mut server = server(Limits::default(), open());
    let (caller, id) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(0));
    for (asked, granted) in [(1, 600), (700, 700), (100_000, 3600)] {
        let Step::Answer(answer) = caller.refreshes(&mut server, asked, &now(0)) else { panic!() };
        assert_eq!(lifetime_of(&read(&answer)), granted);
    }
    assert!(server.expire(&now(3599)).is_empty());
    let Step::Close { allocation, answer: Some(_) } = caller.refreshes(&mut server, 0, &now(1)) else {
        panic!()
    };
    assert_eq!((allocation, server.count(), server.of_user.len()), (id, 0, 0));
    assert_eq!(code(caller.refreshes(&mut server, 600, &now(1))), 437);
    let (caller, id) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(1));
    assert_eq!(
        caller.permits(&mut server, "8.8.8.8:5", &now(602)),
        437,
        "its time is over, though nobody looked"
    );
    assert_eq!(server.expire(&now(602)), [id]);
    let (caller, id) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(2));
    assert_eq!((server.hung_up(&caller.client), server.hung_up(&caller.client)), (Some(id), None));
}

#[test]
fn peers_that_are_not_public_get_no_permission_no_channel_and_no_data() {
    let mut server = server(Limits::default(), open());
    let (caller, id) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(0));
    for peer in ["127.0.0.1:80", "169.254.169.254:80", "10.0.0.1:80", "192.168.0.1:80", "224.0.0.1:80"] {
        assert_eq!(caller.permits(&mut server, peer, &now(0)), 403, "{peer}");
        assert_eq!(caller.binds(&mut server, 0x4000, peer, &now(0)), 403, "{peer}");
        let step = caller.sends(&mut server, peer, b"data", &now(0));
        assert!(matches!(step, Step::Dropped(Reason::Forbidden)), "{peer}: {step:?}");
        let answer = server.peer_sent(id, at(peer), b"data", &now(0), &mut Vec::new());
        assert_eq!(answer, Err(Reason::Forbidden), "{peer}");
    }
    // One of two is enough.
    let both = vec![to("8.8.8.8:80"), to("127.0.0.1:80")];
    assert_eq!(code(caller.asks(&mut server, METHOD_CREATE_PERMISSION, both, &now(0))), 403);
    let step = caller.sends(&mut server, "8.8.8.8:80", b"data", &now(0));
    assert!(matches!(step, Step::Dropped(Reason::Forbidden)), "no permission was given: {step:?}");
}

#[test]
fn data_goes_both_ways_by_indications_and_channels_while_it_is_permitted() {
    let mut server = server(Limits::default(), open());
    let (caller, id) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(0));
    let peer = at("8.8.8.8:5");
    assert_eq!(caller.permits(&mut server, "8.8.8.8:5", &now(0)), 0);
    let step = caller.sends(&mut server, "8.8.8.8:5", b"hello", &now(299));
    let Step::Forward { allocation, to, payload } = step else { panic!("{step:?}") };
    assert_eq!((allocation, to, payload.len()), (id, peer, 5));
    let mut out = Vec::new();
    assert_eq!(server.peer_sent(id, peer, b"hi", &now(299), &mut out), Ok(caller.client));
    let indication = read(&out);
    assert_eq!((indication.typ.method, address(&indication, ATTR_XOR_PEER_ADDRESS)), (METHOD_DATA, peer));
    assert_eq!(indication.get(ATTR_DATA).unwrap(), b"hi");
    let late = caller.sends(&mut server, "8.8.8.8:5", b"hello", &now(300));
    assert!(matches!(late, Step::Dropped(Reason::Forbidden)), "{late:?}");
    // A channel brings a permission with it.
    assert_eq!(caller.binds(&mut server, 0x4001, "8.8.8.8:5", &now(300)), 0);
    let frame = [&[0x40, 1, 0, 3][..], b"abc", &[0]].concat();
    let step = server.received(caller.client, &frame, &now(599));
    assert!(
        matches!(&step, Step::Forward { to, payload, .. } if *to == peer && *payload == (4..7)),
        "{step:?}"
    );
    server.peer_sent(id, peer, b"hi", &now(599), &mut out).unwrap();
    assert_eq!(out, [0x40, 1, 0, 2, b'h', b'i']);
    // Another port of a permitted address has no channel.
    server.peer_sent(id, at("8.8.8.8:6"), b"hi", &now(599), &mut out).unwrap();
    assert_eq!(read(&out).typ.method, METHOD_DATA);
    assert_eq!(server.peer_sent(id, at("9.9.9.9:5"), b"hi", &now(599), &mut out), Err(Reason::Forbidden));
}

#[test]
fn on_a_connection_the_data_of_a_channel_is_padded() {
    let mut server = server(Limits::default(), open());
    let client = Client::Stream { address: at("192.0.2.1:5000"), number: 1 };
    let caller = Caller::with(client, secret().issue("ada", 2_000_000).unwrap());
    let (caller, id) = caller.allocated(&mut server, 50_000, &now(0));
    assert_eq!(caller.binds(&mut server, 0x4000, "8.8.8.8:5", &now(0)), 0);
    let mut out = Vec::new();
    server.peer_sent(id, at("8.8.8.8:5"), b"abcde", &now(0), &mut out).unwrap();
    assert_eq!(out, [0x40, 0, 0, 5, b'a', b'b', b'c', b'd', b'e', 0, 0, 0]);
}

#[test]
fn our_own_calls_are_reached_where_they_are_and_answer_from_where_clients_think_they_are() {
    let (told, reach) = (at("203.0.113.9:8080"), at("127.0.0.1:8080"));
    let mut server =
        server(Limits::default(), PeerRules { own_media: vec![OwnMedia { told, reach }], ..open() });
    let (caller, id) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(0));
    assert_eq!(caller.permits(&mut server, "203.0.113.9:8080", &now(0)), 0);
    assert_eq!(caller.permits(&mut server, "203.0.113.9:22", &now(0)), 403);
    let step = caller.sends(&mut server, "203.0.113.9:8080", b"check", &now(0));
    assert!(matches!(&step, Step::Forward { to, .. } if *to == reach), "{step:?}");
    let mut out = Vec::new();
    server.peer_sent(id, reach, b"answer", &now(0), &mut out).unwrap();
    assert_eq!(address(&read(&out), ATTR_XOR_PEER_ADDRESS), told);
    // Its permission is for an address, and the policy for a port.
    for from in ["203.0.113.9:22", "127.0.0.1:22"] {
        assert_eq!(server.peer_sent(id, at(from), b"x", &now(0), &mut out), Err(Reason::Forbidden), "{from}");
    }
}

#[test]
fn a_user_has_its_quota_and_all_have_theirs() {
    let limits = Limits { allocations: 5, allocations_per_user: 3, ..Limits::default() };
    let mut server = server(limits, open());
    let mut flood = |user: &str, from: u16| -> Vec<u16> {
        let asked = (0..20).map(|number| {
            let address = format!("192.0.2.1:{}", from + number);
            let caller = Caller::new(&address, user).challenged(&mut server, &now(0));
            match caller.asks(&mut server, METHOD_ALLOCATE, vec![udp()], &now(0)) {
                Step::Open(opening) => server.opened(*opening, 50_000 + number, &now(0)).map_or(1, |_| 0),
                step => code(step),
            }
        });
        let mut codes: Vec<u16> = asked.collect();
        codes.dedup();
        codes
    };
    assert_eq!(flood("ada", 1000), [0, 486]);
    assert_eq!(flood("bob", 2000), [0, 508]);
    assert_eq!(server.count(), 5);
    assert_eq!(server.expire(&now(601)).len(), 5);
    assert!(server.of_user.is_empty() && server.of_client.is_empty());
}

#[test]
fn an_allocation_has_few_permissions_and_channels_and_relays_its_share_of_a_second() {
    let mut server = server(Limits { bytes_per_second: 1000, ..Limits::default() }, open());
    let (caller, id) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(0));
    let granted = |codes: Vec<u16>| (codes.iter().filter(|code| **code == 0).count(), codes.last().copied());
    let peers: Vec<String> = (1..=40).map(|last| format!("8.8.8.{last}:5")).collect();
    let permitted = peers.iter().map(|peer| caller.permits(&mut server, peer, &now(0))).collect();
    assert_eq!(granted(permitted), (32, Some(508)));
    let ports: Vec<String> = (1..=40).map(|port| format!("8.8.8.1:{port}")).collect();
    let bound =
        ports.iter().zip(0x4000..).map(|(peer, number)| caller.binds(&mut server, number, peer, &now(1)));
    assert_eq!(granted(bound.collect()), (32, Some(508)));
    assert_eq!(caller.permits(&mut server, "8.8.8.40:5", &now(302)), 0, "the others have expired");
    assert_eq!(caller.permits(&mut server, "8.8.8.1:5", &now(302)), 0);
    let sent = |server: &mut TurnServer| {
        let steps = (0..20).map(|_| caller.sends(server, "8.8.8.1:5", &[0; 100], &now(302)));
        steps.filter(|step| matches!(step, Step::Forward { .. })).count()
    };
    assert_eq!(sent(&mut server), 10);
    let came = (0..20)
        .filter(|_| server.peer_sent(id, at("8.8.8.1:5"), &[0; 100], &now(302), &mut Vec::new()).is_ok());
    assert_eq!(came.count(), 10, "each direction has its own share");
}

#[test]
fn what_a_request_asks_for_is_checked() {
    let mut server = server(Limits::default(), open());
    let raw = |kind, value: &[u8]| part(RawAttribute { typ: kind, length: 0, value: value.to_vec() });
    let fresh = Caller::new("192.0.2.1:5000", "ada").challenged(&mut server, &now(0));
    for (parts, refused) in [
        (vec![], 400),
        (vec![part(RequestedTransport { protocol: Protocol(6) })], 442),
        (vec![udp(), raw(ATTR_EVEN_PORT, &[0])], 508),
        (vec![udp(), part(RequestedAddressFamily(REQUESTED_FAMILY_IPV6.0))], 440),
        (vec![udp(), raw(AttrType(0x0017), &[9, 0, 0, 0])], 440),
        (vec![udp(), raw(AttrType(0x7ff0), &[])], 420),
    ] {
        assert_eq!(code(fresh.asks(&mut server, METHOD_ALLOCATE, parts, &now(0))), refused);
    }
    let (caller, _) = Caller::new("192.0.2.1:5001", "ada").allocated(&mut server, 50_000, &now(0));
    let channel = |number: u16| raw(AttrType(0x000c), &[number.to_be_bytes(), [0, 0]].concat());
    for (method, parts, refused) in [
        (METHOD_CREATE_PERMISSION, vec![], 400),
        (METHOD_CREATE_PERMISSION, vec![raw(ATTR_XOR_PEER_ADDRESS, &[0, 1, 0, 80, 8])], 400),
        (METHOD_CREATE_PERMISSION, vec![to("[2606:4700::1111]:5")], 443),
        (METHOD_CHANNEL_BIND, vec![to("8.8.8.8:5")], 400),
        (METHOD_CHANNEL_BIND, vec![channel(0x3fff), to("8.8.8.8:5")], 400),
        (METHOD_CHANNEL_BIND, vec![channel(0x8000), to("8.8.8.8:5")], 400),
        (METHOD_CHANNEL_BIND, vec![channel(0x4000)], 400),
        (METHOD_CHANNEL_BIND, vec![channel(0x4000), to("8.8.8.8:5")], 0),
        (METHOD_CHANNEL_BIND, vec![channel(0x4000), to("8.8.8.8:5")], 0),
        (METHOD_CHANNEL_BIND, vec![channel(0x4001), to("8.8.8.8:5")], 400),
        (METHOD_CHANNEL_BIND, vec![channel(0x4000), to("8.8.8.8:6")], 400),
        (METHOD_REFRESH, vec![part(RequestedAddressFamily(REQUESTED_FAMILY_IPV6.0))], 443),
        (METHOD_REFRESH, vec![lasting(600), raw(AttrType(0x7ff0), &[])], 420),
    ] {
        assert_eq!(code(caller.asks(&mut server, method, parts, &now(0))), refused, "{method}");
    }
}

#[test]
fn what_stands_behind_a_signature_counts_for_nothing() {
    let mut server = server(Limits::default(), open());
    let (caller, _) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(0));
    let mut request = caller.signed(METHOD_CREATE_PERMISSION, Vec::new());
    to("8.8.8.8:5").add_to(&mut request).unwrap();
    assert_eq!(code(server.received(caller.client, &request.raw, &now(0))), 400);
}

#[test]
fn strangers_get_small_answers_and_few_of_them() {
    let mut server = server(Limits::default(), open());
    let client = Client::Datagrams { address: at("192.0.2.1:5000") };
    let request = plain(METHOD_ALLOCATE, vec![udp()]).raw;
    let Step::Refused { answer, .. } = server.received(client, &request, &now(0)) else { panic!() };
    // As packets they have 28 bytes more.
    assert_eq!((request.len() + 28, answer.len() + 28), (56, 84));
    let binding = binding().raw;
    let Step::Answer(answer) = server.received(client, &binding, &now(0)) else { panic!() };
    assert_eq!((binding.len() + 28, answer.len() + 28), (48, 60));
    let empty = plain(METHOD_REFRESH, Vec::new()).raw;
    assert!(matches!(server.received(client, &empty, &now(0)), Step::Dropped(Reason::Larger)));
    let answered =
        (0..1000).filter(|_| matches!(server.received(client, &request, &now(0)), Step::Refused { .. }));
    assert!(answered.count() < 150);
    assert!(matches!(server.received(client, &binding, &now(0)), Step::Dropped(Reason::Rate)));
}

#[test]
fn what_is_no_message_gets_no_answer() {
    let mut server = server(Limits::default(), open());
    let client = Client::Datagrams { address: at("192.0.2.1:5000") };
    let whole = plain(METHOD_ALLOCATE, vec![udp()]).raw;
    let (short, long) = (&whole[..whole.len() - 1], [&whole[..], &[0; 4]].concat());
    let mut foreign = whole.clone();
    foreign[4] = 0;
    let packets: [&[u8]; 8] =
        [&[], &[0x40], &[0x40, 0, 0, 9, 1], &[0x80; 40], b"GET / HTTP/1.1\r\n\r\n", short, &long, &foreign];
    for packet in packets {
        let step = server.received(client, packet, &now(0));
        assert!(matches!(step, Step::Dropped(Reason::Malformed)), "{packet:?}: {step:?}");
    }
    assert!(matches!(server.received(client, &[0x40, 0, 0, 1, 7], &now(0)), Step::Dropped(Reason::Unknown)));
}
