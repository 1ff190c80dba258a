//! Fuzz test: recordings of arbitrary bytes.

use super::recording;

/// Samples that the resampler may add.
const EDGE: usize = 4_096;

#[test]
fn a_recording_of_any_bytes_is_refused_or_becomes_sections_that_follow_each_other() {
    visavis_fuzz::run("animated_wav", |input| {
        let Ok(samples) = recording::decode(input) else { return };
        assert!(samples.len() <= input.len() * 6 + EDGE, "{} of {} bytes", samples.len(), input.len());
        assert_eq!(recording::decode(&recording::encode(&samples).unwrap()).unwrap(), samples);
        let sections = recording::sections(&samples);
        let ends = sections.iter().map(|section| section.end);
        assert!(
            sections.iter().map(|section| section.start).eq([0].into_iter().chain(ends).take(sections.len()))
        );
    });
}
