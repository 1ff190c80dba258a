//! Stateless nonces: a time and its authentication tag. Pure; time is passed in.
//!
//! If the server remembered a nonce for each address, its memory would grow with every forged address. A nonce has 12 characters,
//! because
//! the answer that carries it must not be much larger than the request.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::prelude::*;
use rtc_turn::crypto::{HmacAlgorithm, RTCCrypto};

/// Seconds in a step of a nonce's time.
const STEP: u64 = 64;
/// Steps for which a nonce is valid: nearly an hour.
const VALID: u16 = 56;
/// Bytes of time and tag, whose Base64 needs no padding.
const TIME: usize = 2;
const BYTES: usize = 9;

/// Makes and checks nonces.
pub(super) struct Nonces {
    key: [u8; 32],
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}

impl Nonces {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A nonce for this client; `None` if the cryptography fails.
    pub(super) fn issue(&self, client: SocketAddr, now: Duration, crypto: &dyn RTCCrypto) -> Option<String> {
        self.at(client, step(now), crypto)
    }

    /// Whether a nonce was made for this client, and not long ago.
    pub(super) fn is_valid(
        &self,
        nonce: &str,
        client: SocketAddr,
        now: Duration,
        crypto: &dyn RTCCrypto,
    ) -> bool {
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let [high, low, ..] = bytes[..] else { return false };
        let made = u16::from_be_bytes([high, low]);
        if step(now).wrapping_sub(made) > VALID {
            return false;
        }
        let genuine = self.at(client, made, crypto);
        genuine
            .is_some_and(|genuine| rtc_turn::crypto::constant_time_eq(genuine.as_bytes(), nonce.as_bytes()))
    }

    fn at(&self, client: SocketAddr, step: u16, crypto: &dyn RTCCrypto) -> Option<String> {
        let ip = match client.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let time = step.to_be_bytes();
        let mut tag = [0; 32];
        let mut mac = crypto.new_hmac(HmacAlgorithm::Sha256, &self.key).ok()?;
        mac.sign(&[&time, &ip.octets(), &client.port().to_be_bytes()], &mut tag).ok()?;
        let bytes = [&time, &tag[..BYTES - TIME]].concat();
        Some(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Which step it is. The number wraps after 48 days.
#[allow(clippy::cast_possible_truncation, reason = "the difference of wrapped times is right")]
fn step(now: Duration) -> u16 {
    (now.as_secs() / STEP) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_short_and_valid_for_its_client_for_an_hour() {
        let provider = rtc_turn::crypto::default_provider().unwrap();
        let crypto = provider.crypto();
        let nonces = Nonces::new([7; 32]);
        let (client, other) = ("192.0.2.1:5000".parse().unwrap(), "192.0.2.1:5001".parse().unwrap());
        for began in [0, 1000, STEP * 65_530] {
            let at = |second: u64| Duration::from_secs(began + second);
            let nonce = nonces.issue(client, at(0), crypto).unwrap();
            assert_eq!(nonce.len(), 12);
            for (second, client, valid) in
                [(0, client, true), (3500, client, true), (3700, client, false), (0, other, false)]
            {
                assert_eq!(nonces.is_valid(&nonce, client, at(second), crypto), valid, "{began}, {second}");
            }
            assert!(!Nonces::new([8; 32]).is_valid(&nonce, client, at(0), crypto));
        }
        for nonce in ["", "AAAA", "AAAAAAAAAAAA", "not base64!!", "é"] {
            assert!(!nonces.is_valid(nonce, client, Duration::ZERO, crypto), "{nonce}");
        }
    }
}
