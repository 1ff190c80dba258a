//! Sends one call's face to one renderer.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::due::Due;
use super::live_link::{self, Subject};
use super::target::{Claim, Protocol};
use super::vmc;
use crate::ports::FaceMoment;

/// Time between attempts to resolve a renderer's name.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(10);

/// Sends each moment `delay` after it is heard, until the face ends or `token` is cancelled. An unreachable renderer is
/// logged once, and sending continues, since it may appear later.
pub(super) async fn run(
    mut renderer: Renderer,
    delay: Duration,
    mut moments: Receiver<FaceMoment>,
    token: CancellationToken,
) {
    let mut due = Due::new(delay);
    loop {
        let next = due.next();
        let time = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = token.cancelled() => return,
            received = moments.recv() => match received {
                Ok(moment) => due.push(moment),
                // The missed moments are over anyway.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            () = time => {
                if let Some(moment) = due.take(Instant::now().into_std()) {
                    // Resolving a name may take long; the end of the call does not wait for it.
                    tokio::select! {
                        () = token.cancelled() => return,
                        () = renderer.show(&moment) => {}
                    }
                }
            }
        }
    }
}

/// The renderer that one call's face is sent to.
pub(super) struct Renderer {
    call: String,
    claim: Claim,
    subject: Subject,
    fps: u32,
    /// Connected, so that errors report an unreachable renderer.
    socket: Option<UdpSocket>,
    resolve_at: Option<Instant>,
    frame: u32,
    reported: bool,
}

impl Renderer {
    pub(super) fn new(call: String, claim: Claim, fps: u32) -> Self {
        let subject = Subject { name: claim.target().subject.clone(), device: uuid::Uuid::new_v4() };
        Self { call, claim, subject, fps, socket: None, resolve_at: None, frame: 0, reported: false }
    }

    async fn show(&mut self, moment: &FaceMoment) {
        if self.socket.is_none() && self.resolve_at.is_none_or(|at| at <= Instant::now()) {
            match open(&self.claim.target().address).await {
                Ok(socket) => self.socket = Some(socket),
                Err(error) => self.failed(&error),
            }
            self.resolve_at = Some(Instant::now() + RESOLVE_INTERVAL);
        }
        let Some(socket) = &self.socket else { return };
        self.frame = self.frame.wrapping_add(1);
        let packets = match self.claim.target().protocol {
            Protocol::LiveLink => {
                vec![live_link::packet(&self.subject, self.frame, self.fps, &moment.face)]
            }
            Protocol::Vmc => vmc::packets(self.frame as f32 / self.fps.max(1) as f32, &moment.face),
        };
        for packet in packets {
            // A packet that does not fit into the buffer would be late, and UDP may lose it anyway.
            match socket.send(&packet) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return self.failed(&error),
            }
        }
    }

    fn failed(&mut self, error: &io::Error) {
        let renderer = self.claim.target().protocol.name();
        metrics::counter!("visavis_renderer_errors_total", "renderer" => renderer).increment(1);
        if !std::mem::replace(&mut self.reported, true) {
            let (call, address) = (&self.call, &self.claim.target().address);
            tracing::warn!(%call, renderer, %address, %error, "the renderer cannot be reached; faces are still sent");
        }
    }
}

async fn open(address: &str) -> io::Result<UdpSocket> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name resolves to no address");
    for address in tokio::net::lookup_host(address).await? {
        let socket = match address.is_ipv6() {
            true => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
            false => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
        };
        socket.set_nonblocking(true)?;
        match socket.connect(address) {
            Ok(()) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::super::target::{Claims, Wanted};
    use super::*;
    use crate::avatar::face::Face;

    fn claim(address: &str, protocol: Protocol) -> Claim {
        let mut wanted = Wanted { subject: "Visavis".into(), ..Wanted::default() };
        match protocol {
            Protocol::LiveLink => wanted.live_link.push(address.into()),
            Protocol::Vmc => wanted.vmc.push(address.into()),
        }
        Claims::default().take(wanted.targets("call").remove(0)).unwrap()
    }

    fn moment(response: u32, at: Instant) -> FaceMoment {
        FaceMoment { response, timestamp: 0, face: Face::default(), at }
    }

    #[tokio::test]
    async fn moments_arrive_as_packets_and_an_unreachable_renderer_does_not_end_the_face() {
        let listener = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (feed, moments) = tokio::sync::broadcast::channel(16);
        let token = CancellationToken::new();
        let run = |claim, moments| {
            tokio::spawn(run(Renderer::new("call".into(), claim, 30), Duration::ZERO, moments, token.clone()))
        };
        let here = run(claim(&address.to_string(), Protocol::LiveLink), moments);
        let nowhere = run(claim("no-such-host.invalid:1", Protocol::Vmc), feed.subscribe());
        let closed = run(claim("127.0.0.1:9", Protocol::Vmc), feed.subscribe());
        let mut buffer = [0; 2048];
        for number in 1..=3_u32 {
            feed.send(moment(1, Instant::now())).unwrap();
            let read = tokio::time::timeout(Duration::from_secs(10), listener.recv(&mut buffer)).await;
            let length = read.expect("a packet arrives").unwrap();
            let name = 45 + usize::from(buffer[44]);
            assert_eq!(&buffer[45..name], b"Visavis");
            assert_eq!(buffer[name..name + 4], number.to_be_bytes());
            assert_eq!(length, name + 17 + 61 * 4);
        }
        drop(feed);
        for task in [here, nowhere, closed] {
            tokio::time::timeout(Duration::from_secs(30), task)
                .await
                .expect("it ends with the face")
                .unwrap();
        }
    }
}
