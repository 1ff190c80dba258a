//! Converts the bytes of tokens to whole characters, up to a stop string. Pure.

/// Holds back bytes that may be an incomplete character or the beginning of a stop string.
#[derive(Debug)]
pub(crate) struct TextGate {
    pending: Vec<u8>,
    stops: Vec<String>,
    stopped: bool,
}

impl TextGate {
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { pending: Vec::new(), stops, stopped: false }
    }

    /// Takes a token's bytes; returns the text that is now certain.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        if self.stopped {
            return String::new();
        }
        self.pending.extend_from_slice(bytes);
        if let Some(end) = self.stops.iter().filter_map(|stop| find(&self.pending, stop.as_bytes())).min() {
            self.stopped = true;
            self.pending.truncate(end);
            return self.finish();
        }
        let certain = self.pending.len() - self.held();
        let (text, taken) = decode(&self.pending[..certain]);
        self.pending.drain(..taken);
        text
    }

    /// Whether a stop string was found; nothing after it is text.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped
    }

    /// The response is over: returns what was held back. An incomplete character is dropped.
    pub(crate) fn finish(&mut self) -> String {
        let (text, _) = decode(&self.pending);
        self.pending.clear();
        text
    }

    /// Length of the longest suffix of the pending text that begins a stop string.
    fn held(&self) -> usize {
        let begins = |stop: &String| {
            let longest = self.pending.len().min(stop.len() - 1);
            (1..=longest).rev().find(|&n| self.pending.ends_with(&stop.as_bytes()[..n]))
        };
        self.stops.iter().filter_map(begins).max().unwrap_or(0)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Whole characters and the number of bytes consumed; invalid bytes become U+FFFD.
fn decode(bytes: &[u8]) -> (String, usize) {
    let mut text = String::new();
    let mut taken = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        taken += chunk.valid().len();
        let invalid = chunk.invalid();
        let incomplete = taken + invalid.len() == bytes.len()
            && std::str::from_utf8(invalid).is_err_and(|e| e.error_len().is_none());
        if !invalid.is_empty() && !incomplete {
            text.push(char::REPLACEMENT_CHARACTER);
            taken += invalid.len();
        }
    }
    (text, taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(stops: &[&str]) -> TextGate {
        TextGate::new(stops.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn characters_split_between_tokens_come_out_whole() {
        let mut gate = gate(&[]);
        let bytes = "a\u{20ac}\u{1f600}b".as_bytes();
        let parts: Vec<String> = bytes.iter().map(|byte| gate.push(&[*byte])).collect();
        assert_eq!(parts, ["a", "", "", "\u{20ac}", "", "", "", "\u{1f600}", "b"]);
    }

    #[test]
    fn a_stop_string_split_between_tokens_is_never_shown() {
        let mut gate = gate(&["\nUser:", "###"]);
        assert_eq!(gate.push(b"Yes.\nUs"), "Yes.");
        assert_eq!(gate.push(b"e it.\nUser"), "\nUse it.");
        assert_eq!(gate.push(b": no"), "");
        assert!(gate.stopped());
        assert_eq!((gate.push(b"more"), gate.finish()), (String::new(), String::new()));
    }

    #[test]
    fn a_partial_stop_string_is_released_and_an_incomplete_character_is_dropped() {
        let mut gate = gate(&["###"]);
        assert_eq!(gate.push(b"one ##"), "one ");
        assert_eq!(gate.push(&[0xe2, 0x82]), "##");
        assert_eq!(gate.finish(), "");
    }

    #[test]
    fn invalid_bytes_do_not_hold_up_the_rest() {
        assert_eq!(gate(&[]).push(b"a\xffb\xc3"), "a\u{fffd}b");
    }
}
