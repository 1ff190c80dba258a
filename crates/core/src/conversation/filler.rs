//! When a filler is due.

/// Silence before the first filler, while words or a response are late.
const FILLER_AFTER: u64 = 2_500;
/// Silence before the first filler inside a response. A model or a voice that stalls there fails after 3 s: the apology for that is
/// not to break into a filler.
const FILLER_INSIDE: u64 = 3_200;
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

/// Silence inside a response before its next filler, after `before` earlier ones in all its silences.
pub(super) fn filler_inside_after(before: u32) -> u64 {
    if before == 0 { FILLER_INSIDE } else { filler_after(before) }
}
