//! Which files there are, and which are deleted first when there is no room. Pure.

use std::collections::{BTreeMap, HashMap};

use crate::key::Key;

/// The files of a folder, within a bound of bytes.
#[derive(Debug)]
pub(super) struct Index {
    limit: u64,
    bytes: u64,
    /// The number of the next use.
    next: u64,
    files: HashMap<Key, Entry>,
    /// The files by their last use.
    by_use: BTreeMap<u64, Key>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    bytes: u64,
    used: u64,
}

impl Index {
    /// An index of no files, which may have this many bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, bytes: 0, next: 0, files: HashMap::new(), by_use: BTreeMap::new() }
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether a file of this size may be kept.
    pub(super) fn fits(&self, bytes: u64) -> bool {
        bytes <= self.limit
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, key: Key) -> bool {
        self.files.contains_key(&key)
    }

    /// Whether there is such a file; it has been used now.
    pub(super) fn used(&mut self, key: Key) -> bool {
        let Some(entry) = self.files.get_mut(&key) else { return false };
        self.by_use.remove(&entry.used);
        entry.used = self.next;
        self.by_use.insert(self.next, key);
        self.next += 1;
        true
    }

    /// A file was written; returns those that are to be deleted.
    pub(super) fn add(&mut self, key: Key, bytes: u64) -> Vec<Key> {
        self.remove(key);
        self.files.insert(key, Entry { bytes, used: self.next });
        self.by_use.insert(self.next, key);
        self.next += 1;
        self.bytes += bytes;
        let mut old = Vec::new();
        while self.bytes > self.limit
            && let Some((_, oldest)) = self.by_use.first_key_value()
        {
            let oldest = *oldest;
            self.remove(oldest);
            old.push(oldest);
        }
        old
    }

    /// A file is gone.
    pub(super) fn remove(&mut self, key: Key) {
        if let Some(Entry { bytes, used }) = self.files.remove(&key) {
            self.by_use.remove(&used);
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Voiced;
    use crate::script::Script;

    fn key(voice: &str) -> Key {
        Key::of(&Script { voice: voice.into(), ..Script::default() }, &Voiced::default())
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut index = Index::new(100);
        assert!(index.add(key("a"), 40).is_empty());
        assert!(index.add(key("b"), 40).is_empty());
        assert!(index.used(key("a")));
        assert_eq!(index.add(key("c"), 40), [key("b")]);
        assert_eq!((index.bytes(), index.used(key("b"))), (80, false));
        assert!(index.add(key("c"), 10).is_empty(), "it is written again");
        assert_eq!(index.bytes(), 50);
        assert_eq!(index.add(key("d"), 95), [key("a"), key("c")]);
        index.remove(key("d"));
        assert_eq!(index.bytes(), 0);
        assert!(index.fits(100) && !index.fits(101));
    }
}
