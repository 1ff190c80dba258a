//! The offer that the `webrtc` crate gets: always of the same form, and always both ways. A client's hold is no business
//! of the crate's, which would stop the stream for good.

use super::offer::Offer;

/// The audio section's name between us and the crate.
pub(in crate::webrtc) const AUDIO: &str = "audio";
const DATA: &str = "data";

impl Offer {
    /// For the crate, with the candidates of the client that are looked at. `with_data`: the connection has a data section
    /// already, which has to stay.
    pub(in crate::webrtc) fn plain(&self, candidates: &[String], with_data: bool) -> String {
        let data = self.data();
        let with_data = with_data || data.is_some();
        let mut plain = String::with_capacity(2048);
        let mut push = |line: &str| {
            plain.push_str(line);
            plain.push_str("\r\n");
        };
        for line in ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"] {
            push(line);
        }
        push(&if with_data {
            format!("a=group:BUNDLE {AUDIO} {DATA}")
        } else {
            format!("a=group:BUNDLE {AUDIO}")
        });
        if self.transport.lite {
            push("a=ice-lite");
        }
        push(&format!("m=audio 9 UDP/TLS/RTP/SAVPF {}", self.opus));
        self.transport_lines(AUDIO, &mut push);
        for candidate in candidates {
            push(&format!("a={candidate}"));
        }
        push("a=sendrecv");
        push("a=rtcp-mux");
        push(&format!("a=rtpmap:{} opus/48000/2", self.opus));
        push("a=msid:client microphone");
        if let Some(ssrc) = self.ssrc {
            push(&format!("a=ssrc:{ssrc} cname:client"));
        }
        if with_data {
            push("m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
            self.transport_lines(DATA, &mut push);
            push(&format!("a=sctp-port:{}", data.map_or(5000, |data| data.port)));
            if let Some(size) = data.and_then(|data| data.max_message) {
                push(&format!("a=max-message-size:{size}"));
            }
        }
        plain
    }

    fn transport_lines(&self, mid: &str, push: &mut impl FnMut(&str)) {
        let transport = &self.transport;
        push("c=IN IP4 0.0.0.0");
        push(&format!("a=mid:{mid}"));
        push(&format!("a=ice-ufrag:{}", transport.ufrag));
        push(&format!("a=ice-pwd:{}", transport.password));
        push("a=ice-options:trickle");
        push(&format!("a=fingerprint:{}", transport.fingerprint));
        push(if transport.passive { "a=setup:passive" } else { "a=setup:actpass" });
    }
}
