//! AAC's packets, HE-AAC's among them.

use rusty_aac::AacDecoder;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::packet::Packet;

use super::block::{Block, Undecodable};

/// A configuration can name this number of channels by 7 alone.
const EIGHT: usize = 8;

pub(super) struct AacPackets {
    inner: AacDecoder,
}

impl AacPackets {
    /// `None` for a variant that is not decoded.
    pub(super) fn new(params: &AudioCodecParameters) -> Option<Self> {
        let inner = match params.extra_data.as_deref() {
            Some(config) => AacDecoder::with_config_bytes(config),
            None => {
                // ADTS tells rate and channels in each header.
                let channels = match params.channels.as_ref()?.count() {
                    EIGHT => 7,
                    count => u16::try_from(count).ok().filter(|count| (1..=6).contains(count))?,
                };
                AacDecoder::with_config_bytes(&rusty_aac::audio_specific_config_bytes(
                    params.sample_rate?,
                    channels,
                ))
            }
        };
        Some(Self { inner: inner.ok()? })
    }

    pub(super) fn decode(&mut self, packet: &Packet, block: &mut Block) -> Result<(), Undecodable> {
        let sound = self.inner.decode(&packet.data, None).map_err(|_| Undecodable)?;
        block.mix(sound.sample_rate, &sound.samples, usize::from(sound.channels));
        Ok(())
    }
}
