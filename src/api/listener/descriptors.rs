//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More are of no use, and some systems allow a billion.
const MOST: u64 = 65_536;

/// Raises the limit as far as it goes without privileges; returns it.
#[must_use]
pub fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST).min(MOST);
    let before = current.unwrap_or(MOST);
    let raised =
        before < wanted && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    usize::try_from(if raised { wanted } else { before }).unwrap_or(usize::MAX)
}
