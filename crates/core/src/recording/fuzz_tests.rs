//! Recordings of arbitrary bytes.

use super::replay::replay;

#[test]
fn a_recording_of_arbitrary_bytes_is_replayed_as_far_as_it_is_valid() {
    visavis_fuzz::run("recording", |input| {
        let report = replay(input);
        let lines = input.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert!(report.inputs <= lines);
        assert!(!report.complete || report.fault.is_some() || report.inputs + 2 == lines, "{report:?}");
        assert!(report.fault.is_none() || !report.good());
        serde_json::to_string(&report).unwrap();
        let again = replay(input);
        assert_eq!((again.inputs, again.difference), (report.inputs, report.difference));
    });
}
