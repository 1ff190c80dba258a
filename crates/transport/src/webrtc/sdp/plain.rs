//! The offer that the `webrtc` crate gets: always of the same form, with sound in both directions. A client's hold is kept from
//! the crate, which would stop the stream for good.

use super::further::{Slot, TrackId};
use super::offer::Offer;

/// The mid of the audio section in the crate's offer.
pub(in crate::webrtc) const AUDIO: &str = "audio";
const DATA: &str = "data";
/// The SSRC given for a client that sends no sound. Beside other streams the crate wants one for each.
const SILENT: u32 = 0;

impl Offer {
    /// Writes the crate's offer, with the client's usable candidates. `with_data`: the connection has a data section already,
    /// which must stay.
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
        // Sections stay in the order in which they were added.
        let slots = &self.carried.slots;
        let before_data = self.carried.before_data.unwrap_or(0).min(slots.len());
        let (first, last) = slots.split_at(if with_data { before_data } else { slots.len() });
        let names = |slots: &[Slot]| slots.iter().map(|slot| format!(" {}", slot.name())).collect::<String>();
        let data_name = if with_data { format!(" {DATA}") } else { String::new() };
        push(&format!("a=group:BUNDLE {AUDIO}{}{data_name}{}", names(first), names(last)));
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
        if let Some(ssrc) = self.ssrc.or_else(|| (!slots.is_empty()).then_some(SILENT)) {
            push(&format!("a=ssrc:{ssrc} cname:client"));
        }
        first.iter().for_each(|slot| self.track_lines(slot, &mut push));
        if with_data {
            push("m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
            self.transport_lines(DATA, &mut push);
            push(&format!("a=sctp-port:{}", data.map_or(5000, |data| data.port)));
            if let Some(size) = data.and_then(|data| data.max_message) {
                push(&format!("a=max-message-size:{size}"));
            }
        }
        last.iter().for_each(|slot| self.track_lines(slot, &mut push));
        plain
    }

    fn track_lines(&self, slot: &Slot, push: &mut impl FnMut(&str)) {
        push(&format!("m={} 9 UDP/TLS/RTP/SAVPF {}", slot.kind(), slot.payload_type));
        self.transport_lines(&slot.name(), push);
        push(match slot.track {
            TrackId::Outgoing(_) => "a=recvonly",
            TrackId::Incoming(_) => "a=sendonly",
        });
        push("a=rtcp-mux");
        slot.codec_lines().iter().for_each(|line| push(line));
        if let TrackId::Incoming(track) = slot.track {
            push(&format!("a=msid:client {track}"));
            push(&format!("a=ssrc:{} cname:client", slot.ssrc.unwrap_or(SILENT)));
        }
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
