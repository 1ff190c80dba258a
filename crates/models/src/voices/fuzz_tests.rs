//! Files of voices made of arbitrary bytes.

use std::io::Cursor;

use super::{description, network};

#[test]
fn any_description_is_refused_or_complete() {
    visavis_fuzz::run("piper_description", |input| {
        let Ok(about) = description::parse(input) else { return };
        assert!(!about.language.is_empty() && about.speakers >= 1);
        assert!((8_000..=48_000).contains(&about.sample_rate));
    });
}

#[test]
fn any_network_is_refused_or_read_to_its_end() {
    visavis_fuzz::run("piper_network", |input| {
        let length = input.len() as u64;
        let Ok(inputs) = network::inputs(Cursor::new(input), length) else { return };
        // Three bytes for the character that replaces an invalid one.
        assert!(inputs.iter().map(String::len).sum::<usize>() <= 3 * input.len());
        assert!(network::inputs(Cursor::new(input), length - 1).is_err());
    });
}
