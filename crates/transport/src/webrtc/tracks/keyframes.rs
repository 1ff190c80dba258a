//! Passes a client's keyframe requests through the crate, which delivers only marked feedback.

use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{Attribute, AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// After all interceptors that read reports.
pub(super) const SLOT: usize = 14_000;

/// Marks requests about these streams.
pub(super) struct Keyframes {
    streams: Vec<u32>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Keyframes {
    pub(super) fn new(streams: Vec<u32>) -> Self {
        Self { streams, reads: VecDeque::new(), writes: VecDeque::new() }
    }

    /// The stream that a request is about, if it is one of ours.
    fn requested(&self, packet: &dyn rtcp::Packet) -> Option<u32> {
        let any = packet.as_any();
        let is_request = any.is::<PictureLossIndication>() || any.is::<FullIntraRequest>();
        let about = packet.destination_ssrc().into_iter();
        about.filter(|_| is_request).find(|stream| self.streams.contains(stream))
    }

    /// One request per stream, taken out of compound packets: the crate delivers a packet to the track of its first part only.
    fn requests(&self, packets: &[Box<dyn rtcp::Packet>]) -> Vec<PictureLossIndication> {
        let mut streams: Vec<u32> =
            packets.iter().filter_map(|packet| self.requested(packet.as_ref())).collect();
        streams.sort_unstable();
        streams.dedup();
        streams.into_iter().map(|media_ssrc| PictureLossIndication { sender_ssrc: 0, media_ssrc }).collect()
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Keyframes {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Self::Error> {
        if let Packet::Rtcp(packets) = &packet.message.packet {
            for request in self.requests(packets) {
                let mut message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(request)]));
                message.add(Attribute::DeliverToApplication);
                let (now, transport) = (packet.now, packet.transport);
                self.reads.push_back(TaggedPacket { now, transport, message });
            }
        }
        self.reads.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<Self::Rout> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Self::Error> {
        self.writes.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<Self::Wout> {
        self.writes.pop_front()
    }
}

impl Interceptor for Keyframes {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
