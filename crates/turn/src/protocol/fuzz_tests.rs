//! Messages of arbitrary bytes, of a stranger and of one who has an allocation.

use super::tests::caller::{Caller, at, now, server};
use super::*;
use crate::peers::{OwnMedia, PeerRules};

/// What the input's messages begin with: who sends it, and when.
const STRANGER: u8 = 0;
const PEER: u8 = 1;

#[test]
fn arbitrary_messages_get_bounded_answers_and_reach_permitted_peers_alone() {
    visavis_fuzz::run("turn", |mut input| {
        let (told, reach) = (at("203.0.113.9:8080"), at("127.0.0.1:8080"));
        let rules =
            PeerRules { own_media: vec![OwnMedia { told, reach }], public: true, ..PeerRules::default() };
        let mut server = server(Limits { allocations: 4, ..Limits::default() }, rules);
        let (ada, id) = Caller::new("192.0.2.1:5000", "ada").allocated(&mut server, 50_000, &now(0));
        assert_eq!(ada.binds(&mut server, 0x4000, "203.0.113.9:8080", &now(0)), 0);
        let mut out = Vec::new();
        // Of each message: one byte of its sender, two of its length.
        while let [from, high, low, rest @ ..] = input {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
            let (message, behind) = rest.split_at(length);
            input = behind;
            let time = now(u64::from(from >> 2));
            match from & 3 {
                STRANGER => {
                    let client = Client::Datagrams { address: at("192.0.2.2:5000") };
                    match server.received(client, message, &time) {
                        Step::Dropped(_) => {}
                        Step::Answer(answer) | Step::Refused { answer, .. } => {
                            assert!(2 * (answer.len() + 28) <= 3 * (message.len() + 28));
                        }
                        step => panic!("a stranger is given something: {step:?}"),
                    }
                }
                PEER => {
                    let from =
                        message.first().map_or(reach, |last| SocketAddr::from(([127, 0, 0, *last], 8080)));
                    if server.peer_sent(id, from, message, &time, &mut out).is_ok() {
                        assert!(from == reach && out.len() <= message.len() + 48);
                    }
                }
                _ => match server.received(ada.client, message, &time) {
                    Step::Forward { to, payload, .. } => {
                        assert!(to == reach && payload.end <= message.len());
                    }
                    Step::Dropped(_) | Step::Refused { .. } | Step::Answer(_) => {}
                    step => panic!("nobody can sign for her: {step:?}"),
                },
            }
            assert_eq!(server.count(), 1);
        }
    });
}
