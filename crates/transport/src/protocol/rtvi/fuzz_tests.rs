//! Fuzz test: messages of arbitrary bytes.

use super::*;

#[test]
fn a_message_of_any_bytes_is_accepted_or_gets_well_formed_replies() {
    visavis_fuzz::run("rtvi", |input| {
        let codec = Rtvi::default();
        for line in visavis_fuzz::text(input).lines() {
            is_decoded(&codec, line);
        }
    });
}

fn is_decoded(codec: &Rtvi, text: &str) {
    for reply in codec.decode(text).replies {
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert!(reply["label"] == "rtvi-ai" && reply["type"].is_string(), "{reply}");
    }
}
