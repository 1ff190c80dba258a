//! Whether a sound has been cut whose end only the end of its connection tells. Pure.

/// Shortest time for which a letter or a digit sounds, in milliseconds. People say some 12 letters a second, 80 ms each; twice as fast,
/// which is the most that `tts.speed` allows, it is 40 ms. At 20 ms, 600 words a minute, nobody could follow: what is shorter was not
/// said to its end. So a sound that was cut in its first quarter is found; later cuts look like fast speech.
const LETTER_MS: usize = 20;

/// What a sound tells by itself about its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backends::speech) enum End {
    /// Its header told its length, and all of it has come.
    Told,
    /// It tells no length, and its last sample is whole.
    Untold,
    /// It tells no length, and ends within a sample.
    Torn,
}

/// Why a sound of a text with this many letters was cut, to follow "the connection was closed"; none: nothing tells that it was.
pub(in crate::backends::speech) fn cut(end: End, seconds: f64, letters: usize) -> Option<String> {
    let least = (letters * LETTER_MS) as f64 / 1000.0;
    match end {
        End::Torn => Some("within a sample".into()),
        End::Untold if seconds < least => {
            Some(format!("after {seconds:.2} s of sound for {letters} letters"))
        }
        End::Told | End::Untold => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_is_cut_that_ends_within_a_sample_or_is_too_short_to_be_said_and_none_that_tells_its_length() {
        for (end, seconds, letters, why) in [
            (End::Told, 0.0, 100, None),
            (End::Untold, 2.0, 100, None),
            (End::Untold, 1.99, 100, Some("after 1.99 s of sound for 100 letters")),
            (End::Untold, 0.0, 0, None),
            (End::Torn, 9.0, 10, Some("within a sample")),
        ] {
            assert_eq!(cut(end, seconds, letters).as_deref(), why, "{end:?} {seconds}");
        }
    }
}
