//! Offers of arbitrary bytes.

use std::net::SocketAddr;

use webrtc::peer_connection::RTCSessionDescription;

use super::lines::parse;
use super::offer::Part;
use super::{Candidates, Offer, Ours, Usable, check_offer};
use crate::webrtc::addresses::Candidate;

/// The crate's answer, as far as it is read.
const OURS: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AB:CD\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n\
    a=setup:active\r\na=msid:visavis voice\r\na=ssrc:7 cname:visavis\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=max-message-size:65536\r\n";
/// Bytes by which an answer may exceed its offer.
const ANSWER: usize = 8 << 10;

#[test]
fn an_arbitrary_offer_is_refused_or_answered_in_its_form() {
    visavis_fuzz::run("sdp_offer", |input| {
        let text = visavis_fuzz::text(input);
        let Ok(offer) = check_offer(&text) else { return };
        is_answered(&offer, text.len());
        is_plain(&offer);
    });
}

/// Checks that the answer has the offer's sections in order, and can be parsed.
pub(in crate::webrtc) fn is_answered(offer: &Offer, length: usize) {
    let addresses = [SocketAddr::from(([192, 0, 2, 1], 3478)), "[2001:db8::1]:3478".parse().unwrap()];
    let answer = Ours::read(OURS).unwrap().answer(offer, &addresses.map(Candidate::host));
    assert!(answer.len() <= length + ANSWER, "{} bytes for an offer of {length}", answer.len());
    let sections = parse(&answer).unwrap();
    let (session, media) = sections.split_first().unwrap();
    assert_eq!(media.len(), offer.sections.len());
    for (section, form) in media.iter().zip(&offer.sections) {
        let written = section.media().unwrap();
        assert_eq!((written.kind, written.protocol), (form.kind.as_str(), form.protocol.as_str()));
        assert_eq!(section.attribute("mid"), form.mid.as_deref());
        assert_eq!(written.is_off, matches!(form.part, Part::Off));
    }
    let group = session.attribute("group").unwrap_or("BUNDLE");
    let bundled: Vec<&str> = group.split(' ').skip(1).collect();
    for (at, mid) in bundled.iter().enumerate() {
        assert!(media.iter().any(|section| section.attribute("mid") == Some(mid)), "{mid} is no section");
        assert!(!bundled[..at].contains(mid), "{mid} is twice in {group}");
    }
    assert_eq!(answer.matches("a=end-of-candidates").count(), 1, "{answer}");
}

/// Checks that the crate's offer means the same, and that the crate can parse it.
fn is_plain(offer: &Offer) {
    let mut named = Candidates::default();
    let usable = offer.candidates.iter().filter(|candidate| named.take(candidate, Usable::default()));
    let usable: Vec<String> = usable.cloned().collect();
    let plain = offer.plain(&usable, false);
    let again = check_offer(&plain).unwrap();
    assert_eq!((again.opus, again.ssrc), (offer.opus, offer.ssrc));
    assert_eq!((&again.transport, &again.candidates), (&offer.transport, &usable));
    let data = |offer: &Offer| offer.data().map(|data| (data.port, data.max_message));
    assert_eq!(data(&again), data(offer));
    assert_eq!(again.plain(&usable, false), plain);
    RTCSessionDescription::offer(plain).unwrap();
}
