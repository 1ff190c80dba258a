//! A client's end of a stream, and a call's endpoint behind the mux.

use rtc::stun::attributes::ATTR_USERNAME;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, Message, Setter, TransactionId};
use rtc::stun::textattrs::TextAttribute;
use tokio::io::DuplexStream;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use webrtc::peer_connection::crypto;

use super::*;
use crate::webrtc::endpoint::Endpoint;

const UFRAG: &str = "ours";
const PASSWORD: &str = "a-password-of-a-test-alone";
const PATIENCE: Duration = Duration::from_secs(60);

struct Served {
    mux: Arc<Mux>,
    endpoint: Arc<Endpoint>,
    from: SocketAddr,
    client: DuplexStream,
    serving: JoinHandle<()>,
}

/// A call, and a stream to it.
fn served() -> Served {
    served_from("192.0.2.7:5000".parse().unwrap())
}

fn served_from(from: SocketAddr) -> Served {
    let mux = Mux::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = Arc::new(Endpoint::default());
    mux.admit(&endpoint, UFRAG, PASSWORD);
    let (client, stream) = tokio::io::duplex(4096);
    let streams = IceStreams(mux.clone());
    let serving = tokio::spawn(async move { streams.serve(Box::new(stream), from).await });
    Served { mux, endpoint, from, client, serving }
}

/// A connectivity check for the call.
fn check(password: &str) -> Vec<u8> {
    let provider = crypto::default_provider().unwrap();
    let integrity =
        MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), provider.crypto());
    let setters: Vec<Box<dyn Setter + '_>> = vec![
        Box::new(BINDING_REQUEST),
        Box::new(TransactionId::new()),
        Box::new(TextAttribute::new(ATTR_USERNAME, format!("{UFRAG}:theirs"))),
        Box::new(integrity),
    ];
    let mut message = Message::new();
    message.build(&setters).unwrap();
    message.raw.clone()
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&u16::try_from(datagram.len()).unwrap().to_be_bytes()[..], datagram].concat()
}

/// Waits until a check over the stream has been found genuine.
async fn is_proven(mux: &Mux, from: SocketAddr) {
    let proven = async {
        while !mux.is_proven(&Path::over_stream(from)) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, proven).await.expect("it is never proven");
}

/// Sends over UDP until this arrives: a new socket does not send yet. Returns all that has arrived.
async fn arrived(at: &UdpSocket, last: &[u8], send: impl Fn()) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let arrival = async {
        while all.last().is_none_or(|datagram: &Vec<u8>| datagram != last) {
            send();
            let mut memory = [0; 64];
            if let Ok(read) = timeout(Duration::from_millis(100), at.recv(&mut memory)).await {
                all.push(memory[..read.unwrap()].to_vec());
            }
        }
    };
    timeout(PATIENCE, arrival).await.expect("it never comes over UDP");
    all
}

#[tokio::test]
async fn a_stream_whose_check_is_genuine_carries_datagrams_both_ways_until_it_ends() {
    let Served { mux, endpoint, from, mut client, serving } = served();
    client.write_all(&framed(&check(PASSWORD))).await.unwrap();
    is_proven(&mux, from).await;
    mux.send(&endpoint, from, b"\x80 sound");
    let mut back = [0; 9];
    timeout(PATIENCE, client.read_exact(&mut back)).await.expect("nothing comes back").unwrap();
    assert_eq!(back, *b"\x00\x07\x80 sound");
    drop(client);
    timeout(PATIENCE, serving).await.expect("it goes on").unwrap();
    assert!(!mux.ways().send(&from, b"late"), "nobody is there any more");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_proves_nothing_is_closed() {
    let Served { mux, from, mut client, serving, .. } = served();
    client.write_all(&framed(&check("a-password-that-was-guessed"))).await.unwrap();
    timeout(PATIENCE, serving).await.expect("it goes on").unwrap();
    assert!(!mux.is_proven(&Path::over_stream(from)));
}

#[tokio::test]
async fn a_stream_from_the_address_of_a_client_over_udp_gets_nothing_before_it_has_proved_itself() {
    // Behind one NAT, another host's TCP port may have the number of the client's UDP port.
    let victim = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let from = victim.local_addr().unwrap();
    let Served { mux, endpoint, mut client, .. } = served_from(from);
    client.write_all(&framed(&check("a-password-that-was-guessed"))).await.unwrap();
    while mux.ways().open(from).is_some() {
        mux.ways().close(&from);
        tokio::task::yield_now().await;
    }
    arrived(&victim, b"\x80 for UDP", || mux.send(&endpoint, from, b"\x80 for UDP")).await;
    // What it gets first is what was sent after its proof.
    client.write_all(&framed(&check(PASSWORD))).await.unwrap();
    is_proven(&mux, from).await;
    mux.send(&endpoint, from, b"\x80 sound");
    let mut back = [0; 9];
    timeout(PATIENCE, client.read_exact(&mut back)).await.expect("nothing comes back").unwrap();
    assert_eq!(back, *b"\x00\x07\x80 sound");
}

#[tokio::test]
async fn what_is_sent_to_a_stream_that_has_ended_goes_nowhere_and_the_next_one_proves_itself_anew() {
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let from = stranger.local_addr().unwrap();
    let Served { mux, endpoint, mut client, serving, .. } = served_from(from);
    client.write_all(&framed(&check(PASSWORD))).await.unwrap();
    is_proven(&mux, from).await;
    drop(client);
    timeout(PATIENCE, serving).await.expect("it goes on").unwrap();
    assert!(!mux.is_proven(&Path::over_stream(from)));
    arrived(&stranger, b"UDP is open", || mux.send_question(from, b"UDP is open")).await;
    mux.send(&endpoint, from, b"\x80 late");
    let all = arrived(&stranger, b"a question", || mux.send_question(from, b"a question")).await;
    assert!(all.iter().all(|datagram| datagram != b"\x80 late"), "{all:?}");
    mux.remove(&endpoint);
    assert_eq!(mux.routes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_datagram_without_a_length_or_with_one_that_no_call_has_ends_the_stream_at_once() {
    for length in [0_u16, 2_001, u16::MAX] {
        let began = Instant::now();
        let Served { mut client, serving, .. } = served();
        client.write_all(&length.to_be_bytes()).await.unwrap();
        timeout(PATIENCE, serving).await.expect("it goes on").unwrap();
        assert!(began.elapsed() < STRANGER, "{length}");
    }
}

#[tokio::test]
async fn a_second_stream_of_the_same_address_does_not_take_over_the_first() {
    let Served { mux, from, client, serving, .. } = served();
    while mux.ways().open(from).is_some() {
        // It has not begun yet.
        mux.ways().close(&from);
        tokio::task::yield_now().await;
    }
    let (_other, stream) = tokio::io::duplex(64);
    timeout(PATIENCE, IceStreams(mux.clone()).serve(Box::new(stream), from)).await.expect("it goes on");
    assert!(mux.ways().send(&from, b"for the first"));
    drop(client);
    timeout(PATIENCE, serving).await.expect("it goes on").unwrap();
}
