//! Decodes packets into sound.

use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;

use super::aac_packets::AacPackets;
use super::block::{Block, Undecodable};
use super::opus_packets::OpusPackets;

/// The decoder of one track.
pub(super) enum Codec {
    /// Symphonia's own.
    Plain(Plain),
    /// Symphonia has no decoder for Opus.
    Opus(Box<OpusPackets>),
    /// Symphonia's decoder supports neither HE-AAC nor more than two channels.
    Aac(Box<AacPackets>),
}

pub(super) struct Plain {
    inner: Box<dyn AudioDecoder>,
    interleaved: Vec<f32>,
}

impl Codec {
    /// `None` if there is no decoder for the track.
    pub(super) fn new(params: &AudioCodecParameters) -> Option<Self> {
        match params.codec {
            CODEC_ID_OPUS => OpusPackets::new(params).map(|packets| Self::Opus(Box::new(packets))),
            CODEC_ID_AAC => AacPackets::new(params).map(|packets| Self::Aac(Box::new(packets))),
            _ => {
                let options = AudioDecoderOptions::default();
                let inner = symphonia::default::get_codecs().make_audio_decoder(params, &options).ok()?;
                Some(Self::Plain(Plain { inner, interleaved: Vec::new() }))
            }
        }
    }

    /// Puts a packet's sound into `block`, without what the container says is to be left out.
    pub(super) fn decode(&mut self, packet: &Packet, block: &mut Block) -> Result<(), Undecodable> {
        match self {
            Self::Plain(plain) => plain.decode(packet, block),
            Self::Opus(packets) => packets.decode(packet, block),
            Self::Aac(packets) => packets.decode(packet, block),
        }
    }
}

impl Plain {
    fn decode(&mut self, packet: &Packet, block: &mut Block) -> Result<(), Undecodable> {
        let sound = self.inner.decode(packet).map_err(|_| Undecodable)?;
        sound.copy_to_vec_interleaved(&mut self.interleaved);
        block.mix(sound.spec().rate(), &self.interleaved, sound.num_planes());
        Ok(())
    }
}
