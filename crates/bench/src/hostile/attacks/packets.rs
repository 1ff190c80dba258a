//! Garbage on the UDP port of all calls.

use std::time::Duration;

use async_trait::async_trait;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::super::attack::Attack;
use super::super::payload::{offer, packets};
use super::super::tally::Count;
use super::super::target::Target;
use super::AGAIN;
use super::offers::offered;

/// How long the ICE fragment of one offer is used; the server forgets its call after 12 s.
const FRESH: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_millis(10);

pub(super) struct Packets;

#[async_trait]
impl Attack for Packets {
    fn name(&self) -> &'static str {
        "bad STUN, DTLS, RTP and RTCP over UDP"
    }

    async fn run(&self, target: &Target, count: &Count) {
        loop {
            let answer = offered(target, count).await;
            let media = answer.as_ref().and_then(|answer| offer::media(answer["sdp"].as_str()?));
            if let Some(media) = media
                && let Ok(socket) = target.udp(media.port).await
            {
                let valid = packets::valid(&media.fragment);
                garbage(&socket, &valid, target, count).await;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Sends each packet as it is and with one byte changed, and as many random ones, until the fragment is old.
async fn garbage(socket: &UdpSocket, valid: &[Vec<u8>], target: &Target, count: &Count) {
    let until = Instant::now() + FRESH;
    let mut pace = tokio::time::interval(EVERY);
    while Instant::now() < until {
        pace.tick().await;
        for packet in valid {
            let (place, change) = (rand::random(), rand::random());
            for bytes in [packet.clone(), packets::changed(packet, place, change), packets::random()] {
                count.sent(bytes.len());
                if target.spent().spend(bytes.len()).is_err() {
                    return;
                }
                // The port may be closed by now.
                _ = socket.send(&bytes).await;
            }
        }
    }
}
