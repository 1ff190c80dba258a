//! Datagrams of arbitrary bytes at the single port.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::routes::{MAX_ADDRESSES, OPEN_CHECKS};
use super::*;

const UFRAG: &str = "fuzz";
const PASSWORD: &str = "fuzzfuzzfuzzfuzzfuzzfuzz";

/// A port that nobody sends to; the datagrams are dispatched by hand.
static MUX: LazyLock<(tokio::runtime::Runtime, Arc<Mux>)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guard = runtime.enter();
    let mux = Mux::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    drop(guard);
    (runtime, mux)
});

/// Reads an input as datagrams, each with its source address: one byte for that, two for the length.
fn datagrams(mut input: &[u8]) -> Vec<(SocketAddr, &[u8])> {
    let mut all = Vec::new();
    while let [from, high, low, rest @ ..] = input {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (datagram, behind) = rest.split_at(length);
        all.push((SocketAddr::from(([192, 0, 2, *from], 9)), datagram));
        input = behind;
    }
    all
}

#[test]
fn arbitrary_datagrams_reach_a_call_only_from_addresses_that_know_its_password() {
    visavis_fuzz::run("datagrams", |input| {
        let mux = &MUX.1;
        *mux.routes.write() = Routes::default();
        let endpoint = Arc::new(Endpoint::default());
        mux.admit(&endpoint, UFRAG, PASSWORD);
        let mut proven = HashSet::new();
        for (from, datagram) in datagrams(input) {
            assert!(stun::transaction(datagram).is_none() || stun::is_stun(datagram));
            if datagram.len() <= MAX_DATAGRAM && stun::is_stun(datagram) && stun::is_request(datagram) {
                let genuine = stun::Check::decode(datagram).is_some_and(|mut check| {
                    check.ufrag == UFRAG && check.is_genuine(PASSWORD, mux.crypto.as_ref())
                });
                proven.extend(genuine.then_some(from));
            }
            mux.dispatch(Path::over_udp(from), None, datagram);
            let routes = mux.routes.read();
            assert!(routes.by_path.keys().all(|path| proven.contains(&path.address)));
            assert!(routes.by_path.len() <= MAX_ADDRESSES && routes.by_ufrag.len() == 1);
            assert!(routes.by_path.values().all(|route| route.checks.len() <= OPEN_CHECKS));
        }
        mux.remove(&endpoint);
        assert_eq!(mux.routes(), 0);
    });
}
