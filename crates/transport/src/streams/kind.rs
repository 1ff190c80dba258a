//! What a stream speaks, by its first bytes. Pure.
//!
//! The first byte tells kinds apart, as RFC 7983 has it for one UDP port: STUN begins with a byte from 0 to 3, TLS with 22, HTTP
//! with a letter. On TCP, STUN comes as it is (TURN, RFC 8656) or behind its length (ICE, RFC 4571 and RFC 6544); its
//! magic cookie says which.

/// Most bytes that are read of a stream before it is passed on. Ten always decide.
pub const PEEK: usize = 24;

/// What follows type and length in every STUN message.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Length of a STUN message without its attributes, in bytes.
const HEADER: u16 = 20;

/// What a stream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// HTTP, or anything that is none of the others.
    Http,
    /// TLS: the client begins a handshake.
    Tls,
    /// STUN behind its length: ICE over TCP.
    FramedStun,
    /// STUN as it is: TURN over TCP or TLS.
    Stun,
}

/// What a stream speaks that begins with these bytes. `None`: more of them are needed. Further bytes never change what was found.
#[must_use]
pub fn kind_of_stream(first: &[u8]) -> Option<StreamKind> {
    match *first {
        [] | [22] => None,
        [22, 3, ..] => Some(StreamKind::Tls),
        [0..=3, ..] => stun(first),
        _ => Some(StreamKind::Http),
    }
}

/// How far some bytes are the beginning of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    No,
    SoFar,
    Whole,
}

fn stun(first: &[u8]) -> Option<StreamKind> {
    // The cookie cannot stand at both places: they overlap.
    match (header(first), framed(first)) {
        (Fit::Whole, _) => Some(StreamKind::Stun),
        (_, Fit::Whole) => Some(StreamKind::FramedStun),
        (Fit::No, Fit::No) => Some(StreamKind::Http),
        _ => None,
    }
}

/// How far these bytes are a STUN header: a type in use, a length in whole words, the cookie.
fn header(bytes: &[u8]) -> Fit {
    let class = bytes.first().is_none_or(|byte| *byte <= 3);
    let words = bytes.get(3).is_none_or(|byte| byte % 4 == 0);
    let cookie = bytes.iter().skip(4).zip(COOKIE).all(|(byte, own)| *byte == own);
    if !(class && words && cookie) {
        return Fit::No;
    }
    if bytes.len() >= 4 + COOKIE.len() { Fit::Whole } else { Fit::SoFar }
}

/// How far these bytes are a length and a STUN header whose message is as long.
fn framed(bytes: &[u8]) -> Fit {
    let number = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let fits = match (number(0), number(4)) {
        (Some(frame), Some(attributes)) => attributes.checked_add(HEADER) == Some(frame),
        (Some(frame), None) => frame >= HEADER,
        (None, _) => true,
    };
    if fits { header(bytes.get(2..).unwrap_or_default()) } else { Fit::No }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The methods that browsers and our routes use, and HTTP/2's.
    const METHODS: [&str; 10] =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PRI"];

    /// A STUN message of a method and class, with attributes of this many words.
    fn message(method: u16, class: u16, words: u16) -> Vec<u8> {
        let method = (method & 0x0f) | ((method & 0x70) << 1) | ((method & 0x80) << 2);
        let kind = method | ((class & 1) << 4) | ((class & 2) << 7);
        let length = words * 4;
        let head = [kind.to_be_bytes(), length.to_be_bytes()].concat();
        [&head[..], &COOKIE, &[9; 12], &vec![5; usize::from(length)]].concat()
    }

    fn behind_its_length(message: &[u8]) -> Vec<u8> {
        let length = u16::try_from(message.len()).unwrap();
        [&length.to_be_bytes()[..], message].concat()
    }

    /// Checks that each prefix tells nothing or the kind of the whole; returns that.
    fn told(bytes: &[u8]) -> Option<StreamKind> {
        let whole = kind_of_stream(bytes);
        let mut known = None;
        for end in 0..=bytes.len() {
            let found = kind_of_stream(&bytes[..end]);
            assert!(known.is_none() || found == known, "{known:?}, then {found:?} of {:?}", &bytes[..end]);
            known = found;
        }
        whole
    }

    proptest! {
        #[test]
        fn no_method_of_http_is_taken_for_stun(method in 0..METHODS.len(), rest in vec(any::<u8>(), 0..40)) {
            let request = [METHODS[method].as_bytes(), &rest].concat();
            prop_assert_eq!(told(&request), Some(StreamKind::Http));
            prop_assert_eq!(kind_of_stream(&request[..1]), Some(StreamKind::Http), "at once");
        }

        #[test]
        fn stun_is_taken_for_nothing_else(method in 0..=0xff_u16, class in 0..4_u16, words in 0..=245_u16) {
            let message = message(method, class, words);
            prop_assert_eq!(told(&message), Some(StreamKind::Stun));
            prop_assert_eq!(told(&behind_its_length(&message)), Some(StreamKind::FramedStun));
        }

        #[test]
        fn what_was_found_stays_true_and_ten_bytes_decide(
            start in 0..6_usize, changed in 0..12_usize, to in any::<u8>(), rest in vec(any::<u8>(), 10..40),
        ) {
            let binding = message(1, 0, 2);
            let framed = behind_its_length(&binding);
            let starts: [&[u8]; 6] = [&[], &[0], &[22], &binding, &framed, b"\r\nGET / HTTP/1.1"];
            let mut bytes = [starts[start], &rest].concat();
            let at = changed.min(bytes.len() - 1);
            prop_assert!(told(&bytes).is_some() && kind_of_stream(&bytes[..10]).is_some());
            bytes[at] = to;
            prop_assert!(told(&bytes).is_some() && kind_of_stream(&bytes[..10]).is_some());
        }
    }

    #[test]
    fn other_protocols_and_cut_off_messages_are_told_apart() {
        let binding = message(1, 0, 0);
        let framed = behind_its_length(&binding);
        let mut longer = framed.clone();
        longer[1] += 4;
        for (bytes, kind) in [
            (&[][..], None),
            (&[22], None),
            (&[22, 3, 1, 2, 0, 1], Some(StreamKind::Tls)),
            (&[22, 254], Some(StreamKind::Http)),
            (&binding[..7], None),
            (&binding[..8], Some(StreamKind::Stun)),
            (&framed[..9], None),
            (&framed[..10], Some(StreamKind::FramedStun)),
            // A frame that is longer than its message, a length in no whole words, another cookie.
            (&longer, Some(StreamKind::Http)),
            (&[0, 1, 0, 3], Some(StreamKind::Http)),
            (&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43], Some(StreamKind::Http)),
            // SOCKS 4, SOCKS 5, PostgreSQL.
            (&[4, 1, 0, 80], Some(StreamKind::Http)),
            (&[5, 1, 0], Some(StreamKind::Http)),
            (&[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f], Some(StreamKind::Http)),
        ] {
            assert_eq!(kind_of_stream(bytes), kind, "{bytes:?}");
        }
    }
}
