//! The engine that each conversation uses, where its prompt is cached, and the engines that have seen it.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;

/// Most conversations that are tracked; calls release theirs when they end.
const MOST: usize = 8192;

/// The state of one conversation.
#[derive(Debug, Default)]
struct Talk {
    /// The engine that served it last, and the index of the route.
    on: Option<Place>,
    /// The engine that failed it last, until another has served.
    failed: Option<usize>,
    seen: BTreeSet<usize>,
}

/// A conversation's engine and route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) engine: usize,
    pub(super) route: usize,
}

/// All conversations; requests without a conversation name are not tracked.
#[derive(Debug, Default)]
pub(super) struct Talks(Mutex<HashMap<String, Talk>>);

impl Talks {
    fn with(&self, conversation: &str, told: impl FnOnce(&mut Talk)) {
        let mut all = self.0.lock();
        if conversation.is_empty() || (all.len() >= MOST && !all.contains_key(conversation)) {
            return;
        }
        told(all.entry(conversation.to_owned()).or_default());
    }

    /// The engine to keep, if the request takes the same route as the last one.
    pub(super) fn kept(&self, conversation: &str, route: usize) -> Option<usize> {
        let place = self.0.lock().get(conversation).and_then(|talk| talk.on);
        place.filter(|place| place.route == route).map(|place| place.engine)
    }

    /// The engine that has just failed it.
    pub(super) fn failed(&self, conversation: &str) -> Option<usize> {
        self.0.lock().get(conversation).and_then(|talk| talk.failed)
    }

    /// Records that an engine is given its messages.
    pub(super) fn sees(&self, conversation: &str, engine: usize) {
        self.with(conversation, |talk| {
            talk.seen.insert(engine);
        });
    }

    /// Records that an engine serves it.
    pub(super) fn is_on(&self, conversation: &str, place: Place) {
        self.with(conversation, |talk| {
            (talk.on, talk.failed) = (Some(place), None);
        });
    }

    /// Records that an engine failed it in the middle of a response.
    pub(super) fn fails(&self, conversation: &str, engine: usize) {
        self.with(conversation, |talk| {
            (talk.on, talk.failed) = (None, Some(engine));
        });
    }

    /// Forgets it; returns the engines that have seen it.
    pub(super) fn release(&self, conversation: &str) -> BTreeSet<usize> {
        self.0.lock().remove(conversation).map(|talk| talk.seen).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_stays_until_its_engine_fails_or_its_route_changes_and_is_released_everywhere() {
        let talks = Talks::default();
        for engine in [0, 2, 2] {
            talks.sees("a", engine);
        }
        talks.is_on("a", Place { engine: 2, route: 1 });
        assert_eq!((talks.kept("a", 1), talks.kept("a", 0), talks.kept("b", 1)), (Some(2), None, None));
        talks.fails("a", 2);
        assert_eq!((talks.kept("a", 1), talks.failed("a")), (None, Some(2)));
        talks.is_on("a", Place { engine: 0, route: 1 });
        assert_eq!(talks.failed("a"), None);
        assert_eq!(talks.release("a"), BTreeSet::from([0, 2]));
        assert_eq!(talks.kept("a", 1), None);
        talks.sees("", 0);
        assert_eq!(talks.release(""), BTreeSet::new(), "nothing is kept without a name");
    }
}
