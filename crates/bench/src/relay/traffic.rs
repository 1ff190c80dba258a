//! Packets that carry the time at which they were sent, as often and as large as those of a voice, both ways.

use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval_at, sleep_until};

use super::wire::Line;

/// Between two packets of a voice.
const EVERY: Duration = Duration::from_millis(20);
/// Bytes of a packet of 20 ms of a voice, with its header and its seal.
const LENGTH: usize = 80;
/// Channels are bound meanwhile, and memory is touched for the first time.
const WARM_UP: Duration = Duration::from_secs(1);
/// How much longer than callers the other ends stay: packets to a closed port would be errors.
const LONGER: Duration = Duration::from_secs(1);

/// The common clock of all ends, and when they stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) began: Instant,
    pub(super) length: Duration,
}

impl Clock {
    fn end(self) -> tokio::time::Instant {
        (self.began + WARM_UP + self.length).into()
    }

    /// A packet that is sent at this time.
    fn packet(self, now: Instant) -> [u8; LENGTH] {
        let mut packet = [0; LENGTH];
        let age = now.saturating_duration_since(self.began).as_nanos() as u64;
        packet[..8].copy_from_slice(&age.to_le_bytes());
        packet
    }

    /// How long a packet took, in ms; none: it is none of ours, or was sent during the warm-up.
    fn took_ms(self, packet: &[u8], now: Instant) -> Option<f64> {
        let sent = Duration::from_nanos(u64::from_le_bytes(*packet.first_chunk()?));
        let took = now.saturating_duration_since(self.began).checked_sub(sent)?;
        (packet.len() == LENGTH && sent >= WARM_UP).then_some(took.as_secs_f64() * 1_000.0)
    }
}

/// What came at one end.
#[derive(Debug, Clone, Default)]
pub(super) struct Came {
    /// How long each packet took, in ms.
    pub(super) took_ms: Vec<f64>,
    /// Packets that this end sent after the warm-up.
    pub(super) sent: usize,
}

/// The caller's end: sends in its own rhythm, and receives what the other end sends back.
pub(super) async fn caller(mut line: Line, clock: Clock, after: Duration) -> anyhow::Result<Came> {
    let mut rhythm = interval_at(tokio::time::Instant::now() + after, EVERY);
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut came, warm) = (Came::default(), clock.began + WARM_UP);
    loop {
        tokio::select! {
            () = sleep_until(clock.end()) => return Ok(came),
            _ = rhythm.tick() => {
                let now = Instant::now();
                line.send(&clock.packet(now)).await?;
                came.sent += usize::from(now >= warm);
            }
            packet = line.receive() => came.took_ms.extend(clock.took_ms(&packet?, Instant::now())),
        }
    }
}

/// The other end: sends a packet back for each that it receives.
pub(super) async fn callee(socket: UdpSocket, clock: Clock) -> anyhow::Result<Came> {
    let (mut came, warm) = (Came::default(), clock.began + WARM_UP);
    let mut memory = vec![0; 2 * LENGTH];
    loop {
        tokio::select! {
            () = sleep_until(clock.end() + LONGER) => return Ok(came),
            received = socket.recv_from(&mut memory) => {
                let (length, from) = received?;
                let now = Instant::now();
                came.took_ms.extend(clock.took_ms(&memory[..length], now));
                socket.send_to(&clock.packet(now), from).await?;
                came.sent += usize::from(now >= warm);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_says_how_long_it_took_but_for_those_of_the_warm_up_and_of_others() {
        let clock = Clock { began: Instant::now(), length: Duration::from_secs(1) };
        let at = |ms: u64| clock.began + Duration::from_millis(ms);
        let took = clock.took_ms(&clock.packet(at(1_500)), at(1_503)).unwrap();
        assert!((took - 3.0).abs() < 1e-6, "{took}");
        assert_eq!(clock.took_ms(&clock.packet(at(900)), at(903)), None);
        assert_eq!(clock.took_ms(&[1; 7], at(903)), None);
        assert_eq!(clock.took_ms(&clock.packet(at(1_500))[..40], at(1_503)), None);
    }
}
