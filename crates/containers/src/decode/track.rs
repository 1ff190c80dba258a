//! Which track of a file is read.

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_AC3, CODEC_ID_DCA, CODEC_ID_EAC3, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3,
    CODEC_ID_OPUS, CODEC_ID_SPEEX, CODEC_ID_WMA,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};
use symphonia::core::formats;
use symphonia::core::formats::FormatReader;

use super::Info;
use super::codec::Codec;
use crate::error::DecodeError;

/// The track that is read.
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) codec: Codec,
    pub(super) info: Info,
    /// Samples at the end that an encoder added.
    pub(super) padding: usize,
    /// Samples without them.
    pub(super) frames: Option<u64>,
    /// For MP3 readers guess the length, and cut off what is behind.
    pub(super) untrusted_end: bool,
}

impl Track {
    /// The first one with sound that can be decoded.
    pub(super) fn choose(reader: &dyn FormatReader, container: &'static str) -> Result<Self, DecodeError> {
        let mut refused = None;
        for track in reader.tracks() {
            let Some(CodecParameters::Audio(params)) = &track.codec_params else { continue };
            match Codec::new(params) {
                Some(codec) => return Ok(Self::new(track, params, codec, container)),
                None => refused = refused.or_else(|| Some(name(params.codec))),
            }
        }
        Err(match refused {
            Some(codec) => DecodeError::Codec { container, codec },
            None => DecodeError::NoTrack { container },
        })
    }

    fn new(
        track: &formats::Track,
        params: &AudioCodecParameters,
        codec: Codec,
        container: &'static str,
    ) -> Self {
        let channels = params.channels.as_ref().map_or(0, |channels| channels.count());
        let info = Info {
            container,
            codec: name(params.codec),
            rate: params.sample_rate.unwrap_or_default(),
            channels: u16::try_from(channels).unwrap_or(u16::MAX),
            seconds: seconds(track, params),
        };
        let untrusted_end = params.codec == CODEC_ID_MP3;
        let padding = track.padding.filter(|_| untrusted_end).unwrap_or_default() as usize;
        Self { id: track.id, codec, info, padding, frames: track.num_frames, untrusted_end }
    }
}

fn seconds(track: &formats::Track, params: &AudioCodecParameters) -> Option<f64> {
    let told = match (track.time_base, track.duration) {
        (Some(base), Some(duration)) => base.calc_duration(duration).map(|time| time.as_secs_f64()),
        _ => None,
    };
    let rate = f64::from(params.sample_rate.filter(|&rate| rate > 0)?);
    let seconds = told.or_else(|| track.num_frames.map(|frames| frames as f64 / rate))?;
    // Opus' positions count what is skipped at the beginning.
    let skipped = track.delay.filter(|_| params.codec == CODEC_ID_OPUS).unwrap_or_default();
    Some((seconds - f64::from(skipped) / rate).max(0.0))
}

/// What people call a codec.
fn name(codec: AudioCodecId) -> String {
    let name = match codec {
        CODEC_ID_AAC => "aac",
        CODEC_ID_AC3 => "ac3",
        CODEC_ID_DCA => "dts",
        CODEC_ID_EAC3 => "eac3",
        CODEC_ID_MP1 => "mp1",
        CODEC_ID_MP2 => "mp2",
        CODEC_ID_OPUS => "opus",
        CODEC_ID_SPEEX => "speex",
        CODEC_ID_WMA => "wma",
        _ => match symphonia::default::get_codecs().get_audio_decoder(codec) {
            Some(decoder) => decoder.codec.info.short_name,
            None => "something unknown",
        },
    };
    name.to_owned()
}
