//! Types of the store's methods: calls, nodes, and the right to write of a call. Pure.

use std::fmt;
use std::sync::Arc;

/// A call's id, in a form that is safe in a key: 1 to 64 letters, digits, `-` or `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallId(Arc<str>);

impl CallId {
    /// Longest id in bytes.
    pub const LONGEST: usize = 64;

    /// The id, if it has that form.
    #[must_use]
    pub fn new(id: &str) -> Option<Self> {
        let fits = (1..=Self::LONGEST).contains(&id.len()) && id.bytes().all(is_plain);
        fits.then(|| Self(id.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a server that owns calls; each start of a server is another node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// Longest name in bytes.
    pub const LONGEST: usize = 128;

    /// A name; characters other than letters, digits, `-` and `_` become `-`, and what is too long is cut.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let plain = name.bytes().take(Self::LONGEST).map(|byte| if is_plain(byte) { byte } else { b'-' });
        Self(plain.map(char::from).collect::<String>().into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number that grows with each lease of a call. A holder of a lower number than the newest may not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Fence(pub u64);

/// The right of one node to write of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The call.
    pub call: CallId,
    /// Who may write.
    pub node: NodeId,
    /// Which lease of this call it is.
    pub fence: Fence,
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_leave_its_place_in_a_key_is_none() {
        let longest = "x".repeat(CallId::LONGEST);
        for good in ["a", "6f9619ff8b864d01b42d00cf4fc964ff", "a-b_C9", &longest] {
            assert_eq!(CallId::new(good).unwrap().as_str(), good);
        }
        let too_long = format!("{longest}x");
        for bad in ["", "a b", "a}b", "a:b", "a/..", "ä", "a\0", &too_long] {
            assert_eq!(CallId::new(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn any_host_name_makes_a_node() {
        assert_eq!(NodeId::new("box.example/1").as_str(), "box-example-1");
        assert_eq!(NodeId::new(&"ä".repeat(500)).as_str().len(), NodeId::LONGEST);
    }
}
