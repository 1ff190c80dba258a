//! Clips of arbitrary bytes. None is long enough to be accepted: the target tests how a file is read and refused.

#[test]
fn any_bytes_too_few_for_a_clip_are_refused_with_a_reason() {
    visavis_fuzz::run("clip", |input| {
        let refused = super::read(input).expect_err("no 8 KiB hold 6 s");
        assert!(!refused.to_string().is_empty());
    });
}
