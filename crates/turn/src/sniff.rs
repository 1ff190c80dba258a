//! Whether a stream begins with TURN, for a port that takes HTTP as well. Pure.

use rtc_stun::message::MAGIC_COOKIE;

/// Bytes of which a decision needs at most.
pub const NEEDED: usize = 8;

/// Whether a stream's first bytes are those of a STUN message, which each TURN client sends first; `None`: more bytes are needed.
///
/// The first byte of a request is below 64, a letter of an HTTP method or of HTTP/2's preface above; then a STUN message has the magic
/// cookie. After a TLS handshake these are the first bytes of the plain text.
#[must_use]
pub fn is_turn(begun: &[u8]) -> Option<bool> {
    let first = begun.first()?;
    if first >> 6 != 0 {
        return Some(false);
    }
    let cookie = begun.get(4..NEEDED)?;
    Some(cookie == MAGIC_COOKIE.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stun_is_told_from_http_as_soon_as_it_can_be() {
        let allocate = [0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3];
        assert_eq!((is_turn(&allocate), is_turn(&allocate[..8])), (Some(true), Some(true)));
        assert_eq!((is_turn(&[]), is_turn(&allocate[..7])), (None, None));
        for begun in ["G", "GET / HTTP/1.1", "POST", "OPTIONS", "PRI * HTTP/2.0", "get"] {
            assert_eq!(is_turn(begun.as_bytes()), Some(false), "{begun}");
        }
        // A TLS record, for one who sends TLS within TLS.
        assert_eq!(is_turn(&[0x16, 3, 1, 2, 0, 1, 0, 1]), Some(false));
    }
}
