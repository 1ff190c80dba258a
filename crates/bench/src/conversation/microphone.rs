//! What becomes of a sound on its way through a microphone: too loud, soft, switched on late, muted. Pure.

use visavis_core::frame::MIC_RATE;

/// Gain of a phrase that overloads the microphone: 12 dB.
const OVERLOAD: f32 = 4.0;
/// Gain of a soft phrase: -14 dB.
const SOFT: f32 = 0.2;
/// How long the microphone is off when it is muted, in ms.
pub(super) const MUTE: u32 = 1_000;

/// The samples of so many ms.
pub(super) fn at(ms: u32) -> usize {
    ms as usize * MIC_RATE as usize / 1_000
}

/// What a microphone makes of a sound that is too loud for it: flat tops.
pub(super) fn clipped(sound: &[i16]) -> Vec<i16> {
    times(sound, OVERLOAD)
}

/// The sound 14 dB softer.
pub(super) fn soft(sound: &[i16]) -> Vec<i16> {
    times(sound, SOFT)
}

fn times(sound: &[i16], gain: f32) -> Vec<i16> {
    sound.iter().map(|sample| (f32::from(*sample) * gain) as i16).collect()
}

/// The sound without its first ms, cut without a fade.
pub(super) fn late(mut sound: Vec<i16>, ms: u32) -> Vec<i16> {
    sound.split_off(at(ms).min(sound.len()))
}

/// The first so many per cent of the sound, cut without a fade.
pub(super) fn muted(mut sound: Vec<i16>, percent: u8) -> Vec<i16> {
    sound.truncate(sound.len() * usize::from(percent) / 100);
    sound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loud_sound_is_clipped_a_late_one_lacks_its_beginning_and_a_muted_one_its_end() {
        let sound: Vec<i16> = (0..16_000).map(|n| if n % 2 == 0 { 10_000 } else { -5_000 }).collect();
        let loud = clipped(&sound);
        assert_eq!((loud[0], loud[1], loud.len()), (i16::MAX, -20_000, sound.len()));
        assert_eq!(soft(&sound)[..2], [2_000, -1_000]);
        assert_eq!(late(sound.clone(), 250), sound[4_000..]);
        assert_eq!(late(sound.clone(), 2_000), Vec::<i16>::new());
        assert_eq!(muted(sound.clone(), 60), sound[..9_600]);
    }
}
