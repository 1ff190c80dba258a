//! How many files and sockets the process may have open, and what of it each part gets: `shares` (pure).

mod shares;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub use shares::Shares;

/// More are not useful, and some systems allow a billion.
const MOST: u64 = 65_536;

/// What of these there may be, after the limit was raised. What it does not allow is told in the log.
#[must_use]
pub fn grant(wanted: Shares) -> Shares {
    let descriptors = raise();
    if let Some(warning) = wanted.warning(descriptors) {
        tracing::warn!("{warning}");
    }
    wanted.within(descriptors)
}

/// Raises the limit as far as is possible without privileges; returns it.
fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST).min(MOST);
    let before = current.unwrap_or(MOST);
    let raised =
        before < wanted && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    usize::try_from(if raised { wanted } else { before }).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_possible_and_returned() {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let most = maximum.unwrap_or(MOST).min(65_536);
        // The default of many systems; enough for the other tests of this process meanwhile.
        let usual = Rlimit { current: Some(most.min(1_024)), maximum };
        setrlimit(Resource::Nofile, usual).unwrap();
        let told = raise();
        assert_eq!((getrlimit(Resource::Nofile).current, told as u64), (Some(most), most));
    }
}
