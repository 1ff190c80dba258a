//! Work beside calls on a thread of its own, which leaves the processor to them.

/// How much nicer such a thread is than the others: beside busy ones it gets about a tenth of the time. So it slows them by no more than
/// that, and still is not starved.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

/// Lets the calling thread, and those that it starts from now on, work mostly where others leave the processor idle, for good. False: this system
/// cannot.
#[must_use]
pub fn step_aside() -> bool {
    #[cfg(target_os = "linux")]
    {
        // Elsewhere this would concern the whole process; here niceness is of a thread.
        let now = rustix::process::getpriority_process(None).unwrap_or(0);
        rustix::process::setpriority_process(None, (now + NICER).min(NICEST)).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a panic fails the test")]
mod tests {
    use super::*;

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[test]
    fn the_thread_and_those_that_it_starts_step_aside_and_no_other() {
        let before = niceness();
        let there = std::thread::spawn(|| {
            assert!(step_aside());
            [niceness(), std::thread::spawn(niceness).join().unwrap()]
        });
        assert_eq!(there.join().unwrap(), [(before + NICER).min(NICEST); 2]);
        assert_eq!(niceness(), before);
    }
}
