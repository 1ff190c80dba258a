//! The answer that the client gets: in the form of its offer, with our addresses, best first, and our wishes for its encoder.

use super::candidate::candidate_line;
use super::direction::Direction;
use super::further::{Taken, TrackId};
use super::lines::{Section, attribute, parse};
use super::offer::{Data, Form, Offer, Part};
use crate::webrtc::OfferError;
use crate::webrtc::addresses::Candidate;

/// What we ask of the client's encoder: no packets for silence, forward error correction, nothing above 8 kHz.
const OPUS_PARAMETERS: &str = "minptime=10;useinbandfec=1;usedtx=1;stereo=0;maxplaybackrate=16000";
/// SCTP streams that an old client may open.
const OLD_STREAMS: u16 = 1024;

/// Our side, as read from the `webrtc` crate's answer.
#[derive(Debug)]
pub(in crate::webrtc) struct Ours {
    pub(in crate::webrtc) ufrag: String,
    pub(in crate::webrtc) password: String,
    origin: String,
    fingerprints: Vec<String>,
    setup: String,
    /// `a=msid` and `a=ssrc` of our voice.
    voice: Vec<String>,
    /// The same for further tracks.
    streams: Vec<Stream>,
    max_message: Option<String>,
}

/// A further track's section in the crate's answer.
#[derive(Debug)]
struct Stream {
    mid: String,
    /// Its `a=msid` and `a=ssrc`.
    lines: Vec<String>,
}

impl Ours {
    /// Reads the crate's answer.
    ///
    /// # Errors
    /// When it lacks what every answer contains.
    pub(in crate::webrtc) fn read(answer: &str) -> Result<Self, OfferError> {
        let missing = |what: &str| OfferError::Internal { detail: format!("the answer has no {what}") };
        let sections = parse(answer)?;
        let [session, media @ ..] = sections.as_slice() else { return Err(missing("lines")) };
        let audio = media.iter().find(|section| section.lines[0].starts_with("m=audio"));
        let audio = audio.ok_or_else(|| missing("audio section"))?;
        let find = |name: &str| {
            let found = audio.attribute(name).or_else(|| session.attribute(name)).map(str::to_owned);
            found.ok_or_else(|| missing(name))
        };
        let own = |section: &Section<'_>| section.attributes("fingerprint").map(str::to_owned).collect();
        let mut fingerprints: Vec<String> = own(audio);
        if fingerprints.is_empty() {
            fingerprints = own(session);
        }
        if fingerprints.is_empty() {
            return Err(missing("fingerprint"));
        }
        let origin = session.lines.iter().find(|line| line.starts_with("o="));
        let is_stream = |line: &&&str| attribute(line, "msid").or_else(|| attribute(line, "ssrc")).is_some();
        let stream = |section: &Section<'_>| -> Vec<String> {
            section.lines.iter().filter(is_stream).map(|line| (*line).to_owned()).collect()
        };
        let named = media.iter().filter_map(|section| Some((section.attribute("mid")?, section)));
        Ok(Self {
            ufrag: find("ice-ufrag")?,
            password: find("ice-pwd")?,
            origin: (*origin.ok_or_else(|| missing("origin"))?).to_owned(),
            fingerprints,
            setup: find("setup")?,
            voice: stream(audio),
            streams: named.map(|(mid, part)| Stream { mid: mid.to_owned(), lines: stream(part) }).collect(),
            max_message: media.iter().find_map(|part| part.attribute("max-message-size")).map(str::to_owned),
        })
    }

    /// Writes the answer to this offer.
    pub(in crate::webrtc) fn answer(&self, offer: &Offer, candidates: &[Candidate]) -> String {
        let mut answer = Lines(String::with_capacity(2048));
        for line in ["v=0", self.origin.as_str(), "s=-", "t=0 0", "a=msid-semantic:WMS *"] {
            answer.push(line);
        }
        let is_on = |form: &&Form| !matches!(form.part, Part::Off);
        let on: Vec<&Form> = offer.sections.iter().filter(is_on).collect();
        let bundle = offer.bundle.iter().flatten();
        let mids: Vec<&str> = bundle
            .filter(|mid| on.iter().any(|form| form.mid.as_ref() == Some(mid)))
            .map(String::as_str)
            .collect();
        if !mids.is_empty() {
            answer.push(&format!("a=group:BUNDLE {}", mids.join(" ")));
        }
        for form in &offer.sections {
            match &form.part {
                Part::Off => off(form, &mut answer),
                Part::Audio => self.audio(form, offer, &mut answer),
                Part::Data(data) => self.data(form, data, &mut answer),
                Part::Track(taken) => self.track(form, taken, offer, &mut answer),
            }
            // All sections share the transport of the bundle's first.
            let carries = mids
                .first()
                .map_or(matches!(form.part, Part::Audio), |first| form.mid.as_deref() == Some(first));
            if carries {
                for (index, candidate) in candidates.iter().enumerate() {
                    answer.push(&candidate_line(index, candidate));
                }
                answer.push("a=end-of-candidates");
            }
        }
        answer.0
    }

    fn audio(&self, form: &Form, offer: &Offer, answer: &mut Lines) {
        let opus = offer.opus;
        answer.push(&format!("m=audio 9 {} {opus}", form.protocol));
        self.transport(form, answer);
        let ours = match offer.direction {
            Direction::SendRecv => "a=sendrecv",
            Direction::SendOnly => "a=recvonly",
            Direction::RecvOnly => "a=sendonly",
            Direction::Inactive => "a=inactive",
        };
        for line in ["a=rtcp-mux", "a=rtcp-rsize", ours] {
            answer.push(line);
        }
        answer.push(&format!("a=rtpmap:{opus} opus/48000/2"));
        answer.push(&format!("a=fmtp:{opus} {OPUS_PARAMETERS}"));
        if offer.direction.receives() {
            for line in &self.voice {
                answer.push(line);
            }
        }
    }

    fn data(&self, form: &Form, data: &Data, answer: &mut Lines) {
        let format = if data.old { "5000" } else { "webrtc-datachannel" };
        answer.push(&format!("m=application 9 {} {format}", form.protocol));
        self.transport(form, answer);
        answer.push("a=sendrecv");
        if data.old {
            answer.push(&format!("a=sctpmap:5000 webrtc-datachannel {OLD_STREAMS}"));
        } else {
            answer.push("a=sctp-port:5000");
        }
        if let Some(size) = &self.max_message {
            answer.push(&format!("a=max-message-size:{size}"));
        }
    }

    fn track(&self, form: &Form, taken: &Taken, offer: &Offer, answer: &mut Lines) {
        let Some(slot) = offer.carried.slots.get(taken.slot) else { return off(form, answer) };
        let number = slot.payload_type;
        answer.push(&format!("m={} 9 {} {number}", form.kind, form.protocol));
        self.transport(form, answer);
        for line in ["a=rtcp-mux", "a=rtcp-rsize", taken.answered(slot.track)] {
            answer.push(line);
        }
        slot.codec_lines().iter().for_each(|line| answer.push(line));
        for wish in &taken.feedback {
            answer.push(&format!("a=rtcp-fb:{number} {wish}"));
        }
        if matches!(slot.track, TrackId::Outgoing(_)) && taken.direction.receives() {
            let name = slot.name();
            let ours = self.streams.iter().filter(|stream| stream.mid == name);
            ours.flat_map(|stream| &stream.lines).for_each(|line| answer.push(line));
        }
    }

    fn transport(&self, form: &Form, answer: &mut Lines) {
        answer.push("c=IN IP4 0.0.0.0");
        answer.mid(form);
        answer.push(&format!("a=ice-ufrag:{}", self.ufrag));
        answer.push(&format!("a=ice-pwd:{}", self.password));
        for fingerprint in &self.fingerprints {
            answer.push(&format!("a=fingerprint:{fingerprint}"));
        }
        answer.push(&format!("a=setup:{}", self.setup));
    }
}

fn off(form: &Form, answer: &mut Lines) {
    answer.push(&format!("m={} 0 {} {}", form.kind, form.protocol, form.formats));
    answer.push("c=IN IP4 0.0.0.0");
    answer.mid(form);
    answer.push("a=inactive");
}

/// A session description being written.
struct Lines(String);

impl Lines {
    fn push(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push_str("\r\n");
    }

    fn mid(&mut self, form: &Form) {
        if let Some(mid) = &form.mid {
            self.push(&format!("a=mid:{mid}"));
        }
    }
}
