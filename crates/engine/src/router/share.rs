//! Which users are in an engine's share: the same ones in every process, and all of them still when the share grows. Pure.

/// Limits a hash to 32 bits, so that products with percentages fit into 64.
const BITS: u32 = 32;

/// An engine's share of the users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its index.
    pub engine: usize,
    /// Its name.
    pub name: String,
    /// 0 to 100.
    pub percent: u32,
}

/// Returns the engine whose share contains the user; none for users without a name.
///
/// Each engine in turn takes its percentage of the remaining users, by its own hash, so a growing share keeps its users. With
/// several shares, the others may exchange users; a stateless rule cannot avoid that for more than two.
#[must_use]
pub fn engine_of(user: &str, shares: &[Share]) -> Option<usize> {
    if user.is_empty() {
        return None;
    }
    let mut left: u64 = 100;
    for share in shares {
        let percent = u64::from(share.percent).min(left);
        if hash(user, &share.name) * left < percent << BITS {
            return Some(share.engine);
        }
        left -= percent;
    }
    None
}

/// FNV-1a of 64 bits, which leaves similar names close together, then the finaliser of SplitMix64, which spreads them.
fn hash(user: &str, engine: &str) -> u64 {
    let bytes = engine.bytes().chain([0]).chain(user.bytes());
    let fnv = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) >> BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USERS: usize = 10_000;

    fn shares(percents: &[u32]) -> Vec<Share> {
        let one = |(engine, percent): (usize, &u32)| Share {
            engine,
            name: format!("e{engine}"),
            percent: *percent,
        };
        percents.iter().enumerate().map(one).collect()
    }

    /// The engine of each of many users, as addresses and as numbers.
    fn users(percents: &[u32]) -> Vec<Option<usize>> {
        let shares = shares(percents);
        let name = |number: usize| match number % 2 {
            0 => format!("192.0.{}.{}", number / 256, number % 256),
            _ => format!("user-{number}"),
        };
        (0..USERS).map(|number| engine_of(&name(number), &shares)).collect()
    }

    #[test]
    fn a_share_has_its_percentage_of_the_users_and_keeps_them_when_it_grows() {
        let mut before = users(&[0]);
        assert!(before.iter().all(Option::is_none));
        for percent in [10, 25, 50, 75, 100] {
            let now = users(&[percent]);
            let count = now.iter().flatten().count();
            let expected = USERS * percent as usize / 100;
            assert!(count.abs_diff(expected) <= USERS / 66, "{percent} %: {count}");
            assert!(
                before.iter().zip(&now).all(|(before, now)| before.is_none() || now == before),
                "{percent} %"
            );
            before = now;
        }
        assert!(before.iter().all(Option::is_some), "at 100 % nobody is left out");
    }

    #[test]
    fn several_shares_have_their_percentages_side_by_side() {
        let engines = users(&[30, 50, 20]);
        for (engine, percent) in [(0, 30), (1, 50), (2, 20)] {
            let count = engines.iter().filter(|one| **one == Some(engine)).count();
            assert!(count.abs_diff(USERS * percent / 100) <= USERS / 66, "{engine}: {count}");
        }
    }

    #[test]
    fn users_are_the_same_in_every_process_and_version() {
        let shares = shares(&[50]);
        let inside = ["ann", "bob", "eve", "joe"].map(|user| engine_of(user, &shares).is_some());
        assert_eq!(inside, [false, true, false, true]);
        assert_eq!(engine_of("", &shares), None, "who has no name is in no share");
    }

    proptest! {
        #[test]
        fn a_share_that_grows_gives_no_user_away(
            user in "[a-z0-9.:-]{1,40}",
            percents in proptest::collection::vec(0_u32..=30, 3),
            grown in 0_usize..3,
            by in 0_u32..=10,
        ) {
            let before = engine_of(&user, &shares(&percents));
            let mut more = percents.clone();
            more[grown] += by;
            let after = engine_of(&user, &shares(&more));
            prop_assert!(before != Some(grown) || after == before, "{before:?} {after:?}");
            prop_assert!(grown != 2 || after == before || after == Some(grown), "{before:?} {after:?}");
        }
    }
}
