//! Captions as files of subtitles. Pure.

use std::fmt::Write as _;

use crate::captions::captions;
use crate::words::Word;

/// The words as SubRip (`.srt`).
#[must_use]
pub fn srt(words: &[Word]) -> String {
    let mut file = String::new();
    for (number, caption) in (1..).zip(captions(words)) {
        let (start, end) = (time(caption.start, ','), time(caption.end, ','));
        // Writing to a text cannot fail.
        _ = writeln!(file, "{number}\n{start} --> {end}\n{}\n", caption.lines.join("\n"));
    }
    file
}

/// The words as `WebVTT` (`.vtt`).
#[must_use]
pub fn vtt(words: &[Word]) -> String {
    let mut file = String::from("WEBVTT\n\n");
    for caption in captions(words) {
        let (start, end) = (time(caption.start, '.'), time(caption.end, '.'));
        let lines = caption.lines.join("\n").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        _ = writeln!(file, "{start} --> {end}\n{lines}\n");
    }
    file
}

/// Hours, minutes, seconds and milliseconds.
fn time(seconds: f64, point: char) -> String {
    let all = (seconds.max(0.0) * 1000.0).round() as u64;
    let (whole, milliseconds) = (all / 1000, all % 1000);
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{point}{milliseconds:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, start: f64, end: f64) -> Word {
        Word { text: text.into(), start, end, glued: false }
    }

    fn words() -> Vec<Word> {
        vec![
            word("Hello,", 0.5, 0.9),
            word("you", 0.9, 1.2),
            word("&", 1.2, 1.4),
            word("<me>.", 1.4, 1.9996),
            word("Bye.", 3661.25, 3661.5),
        ]
    }

    #[test]
    fn subtitles_are_written_as_subrip() {
        let expected = "1\n00:00:00,500 --> 00:00:02,000\nHello, you & <me>.\n\n\
                        2\n01:01:01,250 --> 01:01:02,250\nBye.\n\n";
        assert_eq!(srt(&words()), expected);
        assert_eq!(srt(&[]), "");
    }

    #[test]
    fn subtitles_are_written_as_webvtt_without_markup_of_the_speakers() {
        let expected = "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nHello, you &amp; &lt;me&gt;.\n\n\
                        01:01:01.250 --> 01:01:02.250\nBye.\n\n";
        assert_eq!(vtt(&words()), expected);
        assert_eq!(vtt(&[]), "WEBVTT\n\n");
    }
}
