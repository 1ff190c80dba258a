//! HTTP/2 without TLS, enough to open streams and block all responses.

/// Streams of one connection.
const STREAMS: u32 = 200;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
/// Flags: the head is complete, and the request has no body.
const WHOLE: u8 = 0x5;
/// The setting for each stream's initial window.
const INITIAL_WINDOW: u16 = 4;
/// `:method: GET` and `:scheme: http` in HPACK's static table, then names with literal values.
const GET: u8 = 0x82;
const HTTP: u8 = 0x86;
const PATH: u8 = 0x04;
const AUTHORITY: u8 = 0x01;

/// A connection's first bytes: a window of 0, and requests for this path on all streams.
pub(crate) fn streams(host: &str, path: &str) -> Vec<u8> {
    let setting = [INITIAL_WINDOW.to_be_bytes(), [0, 0], [0, 0]].concat();
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &setting)[..]].concat();
    let head = [&[GET, HTTP][..], &field(PATH, path)[..], &field(AUTHORITY, host)[..]].concat();
    for stream in 0..STREAMS {
        // A client's streams have odd numbers.
        bytes.extend(frame(HEADERS, WHOLE, 2 * stream + 1, &head));
    }
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags][..], &stream.to_be_bytes()[..], payload].concat()
}

/// A header field that is not indexed, with a literal value. A value of 127 bytes or more would need a longer length.
fn field(name: u8, value: &str) -> Vec<u8> {
    let value = value.get(..value.len().min(126)).unwrap_or_default();
    [&[name, value.len() as u8][..], value.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preface_is_followed_by_settings_and_200_whole_frames() {
        let bytes = streams("127.0.0.1:8080", "/static/a.glb");
        let mut rest = bytes.strip_prefix(PREFACE).unwrap();
        let mut streams = Vec::new();
        while !rest.is_empty() {
            let length = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
            let stream = u32::from_be_bytes(rest[5..9].try_into().unwrap());
            streams.push((rest[3], stream));
            rest = &rest[9 + length..];
        }
        assert_eq!(streams[0], (SETTINGS, 0));
        assert_eq!((streams.len(), streams[1], streams[200]), (201, (HEADERS, 1), (HEADERS, 399)));
        assert_eq!(bytes[PREFACE.len()..][..15], [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    }
}
