//! How a node claims a call: while no other node has it, or by a redeemed resume token. Pure.

use crate::token::TokenHash;

/// How a lease is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Only if no other node has the call.
    Free,
    /// The call's present node loses it, unless a later redemption of the same token has claimed it.
    Over(Redemption),
}

/// A redemption of a resume token, by which a call is claimed. Until it is made void its bearer may redeem it again: the later
/// redemption has the higher number and gets the call, whichever claim arrives first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redemption {
    /// The token.
    pub token: TokenHash,
    /// The number of the redemption, from 1.
    pub number: u32,
}

impl Redemption {
    /// Whether it comes too late: a later redemption of the same token has claimed the call.
    pub(crate) fn is_behind(self, last: Option<Self>) -> bool {
        last.is_some_and(|last| last.token == self.token && last.number > self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::ResumeToken;

    #[test]
    fn only_a_later_redemption_of_the_same_token_keeps_a_claim_out() {
        let [token, other] = [(); 2].map(|()| ResumeToken::generate().unwrap().hash());
        let redemption = |token, number| Redemption { token, number };
        let first = redemption(token, 1);
        assert!(first.is_behind(Some(redemption(token, 2))));
        for last in [None, Some(first), Some(redemption(other, 2))] {
            assert!(!first.is_behind(last), "{last:?}");
        }
    }
}
