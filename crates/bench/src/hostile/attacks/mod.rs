//! The attacks, one file for each target.
//!
//! - `crowd`: idle connections: half-sent heads, slow bodies, nothing sent, nothing read, streams of HTTP/2
//! - `pings`, `sound`, `silent`: WebSockets that do not read, speak too fast or too long, or say nothing
//! - `offers`, `packets`: WebRTC that never connects, candidates elsewhere, garbage on the UDP port
//! - `tools`, `typed`, `animate`: schemas, words and texts that are expensive to process
//! - `names`: pages of foreign names

mod animate;
mod crowd;
mod names;
mod offers;
mod packets;
mod pings;
mod silent;
mod sound;
mod tools;
mod typed;

use std::time::Duration;

use super::attack::Attack;

/// Pause before an attack that has ended starts again.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest wait for a response that needs little work.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// All attacks. Those that need a call come first: the others take the remaining connections.
pub(super) fn all() -> Vec<Box<dyn Attack>> {
    let mut all: Vec<Box<dyn Attack>> = vec![
        Box::new(tools::Tools),
        Box::new(typed::Typed),
        Box::new(sound::Noise),
        Box::new(sound::Fast),
        Box::new(pings::Pings),
        Box::new(packets::Packets),
        Box::new(animate::Texts),
        Box::new(animate::Unread),
        Box::new(names::Names),
        Box::new(offers::Candidates),
        Box::new(offers::Offers),
        Box::new(silent::Silent),
    ];
    for crowd in crowd::CROWDS {
        all.push(Box::new(crowd));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::target::CONNECTIONS;

    #[test]
    fn each_attack_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> = all().iter().map(|attack| attack.name()).collect();
        assert_eq!(names.len(), all().len());
    }

    #[test]
    fn crowds_leave_the_other_attacks_room() {
        let crowded: usize = crowd::CROWDS.iter().map(|crowd| crowd.size).sum();
        assert!(crowded <= 300 && crowded + 2 * silent::SOCKETS < CONNECTIONS, "{crowded}");
    }
}
