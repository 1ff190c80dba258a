//! Extensions of resume tokens that are not in the file yet. Pure; time is passed in.
//!
//! Every call in progress extends its token every few seconds. Each write would wait for the disk, so the extensions of all calls
//! are
//! written together at intervals; until then the values here take precedence over the file. A process that dies loses the
//! extensions of
//! the last seconds, which is harmless: tokens outlast what is promised by more than that.

use std::collections::HashMap;
use std::time::Duration;

use crate::timeline::StoreTime;
use crate::token::TokenHash;

/// Least time between two writes. It is shorter than the time between two extensions of one token, so each extension is written
/// before
/// the next one.
const APART: Duration = Duration::from_secs(8);

/// Until when these tokens are good.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    until: HashMap<TokenHash, StoreTime>,
    /// When they were written last.
    written: StoreTime,
}

impl Extensions {
    /// A token is good until then.
    pub(super) fn note(&mut self, token: TokenHash, until: StoreTime) {
        self.until.insert(token, until);
    }

    /// Forgets a token's extension: the file is right.
    pub(super) fn forget(&mut self, token: &TokenHash) {
        self.until.remove(token);
    }

    /// Until when a token is good; `None`: until the time in the file.
    pub(super) fn of(&self, token: &TokenHash) -> Option<StoreTime> {
        self.until.get(token).copied()
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = (&TokenHash, StoreTime)> {
        self.until.iter().map(|(token, until)| (token, *until))
    }

    /// Whether there are no extensions.
    pub(super) fn is_empty(&self) -> bool {
        self.until.is_empty()
    }

    /// Whether they are to be written now.
    pub(super) fn is_due(&self, now: StoreTime) -> bool {
        !self.is_empty() && self.written.after(APART) <= now
    }

    /// They are in the file.
    pub(super) fn were_written(&mut self, now: StoreTime) {
        self.until.clear();
        self.written = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::ResumeToken;

    #[test]
    fn many_extensions_are_written_once_in_a_while_and_count_before() {
        let tokens = [(); 20].map(|()| ResumeToken::generate().unwrap().hash());
        let (mut extensions, mut writes) = (Extensions::default(), 0);
        for second in 1_000..1_060_u64 {
            let now = StoreTime(second * 1_000);
            for token in tokens {
                extensions.note(token, now.after(APART));
                if extensions.is_due(now) {
                    extensions.were_written(now);
                    writes += 1;
                }
            }
            let last = extensions.of(&tokens[19]);
            assert!(last.is_none_or(|until| until == now.after(APART)), "{last:?}");
        }
        assert_eq!(writes, 8, "every 8 s of a minute, however many tokens");
        extensions.note(tokens[0], StoreTime(1));
        extensions.forget(&tokens[0]);
        assert_eq!(extensions.of(&tokens[0]), None);
    }
}
