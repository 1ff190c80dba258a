//! When a filler is due.

/// Silence before the first filler, while words or a response are late.
const FILLER_AFTER: u64 = 2_500;
/// Silence before the second filler: after 4 s without a sound people think that the call is dead.
const FILLER_AGAIN: u64 = 4_000;
/// Silence before each later filler: more of them would be a nuisance.
const FILLER_ON: u64 = 8_000;

/// Silence before the next filler, after `before` earlier ones.
pub(super) fn filler_after(before: u32) -> u64 {
    match before {
        0 => FILLER_AFTER,
        1 => FILLER_AGAIN,
        _ => FILLER_ON,
    }
}
