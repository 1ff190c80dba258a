//! Whether this machine's clock agrees with another's. Pure.

use crate::finding::Finding;

const NAME: &str = "clock";
/// HTTP tells whole seconds, and the way there takes time.
const NOTHING: i64 = 5;
/// From here on short-lived credentials and new certificates are refused.
const MUCH: i64 = 60;

/// Milliseconds by which this machine is ahead of a server; none: the server told no time.
pub(crate) fn judge(address: &str, ahead_ms: Option<i64>) -> Finding {
    let Some(ahead_ms) = ahead_ms else {
        return Finding::skipped(NAME, format!("{address} tells no time"));
    };
    let seconds = ahead_ms.abs() / 1000;
    if seconds < NOTHING {
        return Finding::ok(NAME, format!("agrees with that of {address} (HTTP tells whole seconds)"));
    }
    let side = if ahead_ms > 0 { "ahead of" } else { "behind" };
    let message = format!("{seconds} s {side} that of {address}");
    let fix = "set the clock that is wrong by NTP (timedatectl set-ntp true): credentials of relays and certificates have times";
    if seconds < MUCH { Finding::warning(NAME, message, fix) } else { Finding::failed(NAME, message, fix) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn a_clock_may_differ_by_what_http_does_not_tell() {
        for (ahead, state, told) in [
            (None, State::Skipped, "tells no time"),
            (Some(-900), State::Ok, "agrees"),
            (Some(4_900), State::Ok, "agrees"),
            (Some(20_000), State::Warning, "20 s ahead of"),
            (Some(-3_600_000), State::Failed, "3600 s behind"),
        ] {
            let found = judge("https://a", ahead);
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.message.contains(told), "{found:?}");
        }
    }
}
