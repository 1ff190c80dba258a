//! A port and a STUN server on loopback.

use tokio::net::UdpSocket;

use super::*;

/// A STUN server that sees everybody at this address; returns where it is.
async fn stun_server(sees: SocketAddr) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut request = [0; 64];
        let mut is_first = true;
        while let Ok((length, from)) = socket.recv_from(&mut request).await {
            // The first request is lost, as on a network.
            if std::mem::take(&mut is_first) {
                continue;
            }
            assert_eq!(length, 20);
            let SocketAddr::V4(sees) = sees else { panic!("IPv4 alone") };
            let ip = (u32::from(*sees.ip()) ^ 0x2112_a442).to_be_bytes();
            let port = (sees.port() ^ 0x2112).to_be_bytes();
            let attribute = [&[0, 0x20, 0, 8, 0, 1][..], &port, &ip].concat();
            let response = [&[1, 1, 0, 12][..], &request[4..20], &attribute].concat();
            socket.send_to(&response, from).await.unwrap();
        }
    });
    address
}

async fn told_by(servers: &[SocketAddr]) -> Arc<Told> {
    let rules =
        AddressRules { stun: servers.iter().map(SocketAddr::to_string).collect(), ..AddressRules::default() };
    let mux = Mux::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let told = Told::new(mux.local_addr(), rules).await;
    tokio::spawn(mux.clone().run());
    tokio::spawn(told.clone().keep(mux));
    told
}

async fn until(told: &Told, is_so: impl FnMut(&Vec<Candidate>) -> bool) {
    let mut changes = told.changes();
    let wait = changes.wait_for(is_so);
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("never happened").unwrap();
}

#[tokio::test]
async fn the_port_as_a_stun_server_sees_it_is_told_before_the_hosts_own_address() {
    let sees: SocketAddr = "203.0.113.5:61000".parse().unwrap();
    let told = told_by(&[stun_server(sees).await]).await;
    let own = told.local;
    until(&told, |candidates| *candidates == [Candidate::host(sees), Candidate::host(own)]).await;
}

#[tokio::test]
async fn an_address_that_differs_from_server_to_server_is_not_told() {
    let told = told_by(&[]).await;
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    told.take(&[at("203.0.113.5:61000")]);
    told.look().await;
    assert_eq!(told.candidates().len(), 2);
    // Nobody responds: what was seen before stays.
    told.take(&[]);
    told.look().await;
    assert_eq!(told.candidates().len(), 2);
    told.take(&[at("203.0.113.5:61000"), at("203.0.113.5:61001")]);
    told.look().await;
    assert_eq!(told.candidates(), [Candidate::host(told.local)]);
}

#[tokio::test]
async fn outer_addresses_that_are_learnt_while_the_server_runs_are_told_from_then_on() {
    let told = told_by(&[]).await;
    let port = told.local.port();
    for ip in ["203.0.113.5", "203.0.113.6"] {
        let outer: IpAddr = ip.parse().unwrap();
        told.learn(vec![outer]);
        let first = Candidate::host(SocketAddr::new(outer, port));
        until(&told, |candidates| candidates.first() == Some(&first)).await;
        assert_eq!(told.candidates().len(), 2);
    }
}
