//! Times for words that have none, from those of their neighbours. Pure.

/// When a word is said, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Time {
    pub(crate) start: f64,
    pub(crate) end: f64,
}

/// Each word's time, in order and without overlaps: words without one share the time between their neighbours evenly, and those at
/// an end take none. `from`: the earliest time.
pub(crate) fn filled(times: &[Option<Time>], from: f64) -> Vec<Time> {
    let mut filled: Vec<Time> = Vec::with_capacity(times.len());
    let first = times.iter().flatten().next().map_or(from, |time| time.start);
    let mut over = first.max(from);
    let mut at = 0;
    while at < times.len() {
        if let Some(time) = times[at] {
            let start = time.start.max(over);
            over = time.end.max(start);
            filled.push(Time { start, end: over });
            at += 1;
            continue;
        }
        let missing = times[at..].iter().take_while(|time| time.is_none()).count();
        let until = times.get(at + missing).copied().flatten().map_or(over, |time| time.start.max(over));
        let share = (until - over) / missing as f64;
        filled.extend((0..missing).map(|word| {
            let start = over + share * word as f64;
            Time { start, end: start + share }
        }));
        (at, over) = (at + missing, until);
    }
    filled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(start: f64, end: f64) -> Time {
        Time { start, end }
    }

    #[test]
    fn words_without_a_time_share_what_is_between_their_neighbours() {
        let times = [None, Some(time(1.0, 2.0)), None, None, Some(time(4.0, 5.0)), None];
        let expected =
            [time(1.0, 1.0), time(1.0, 2.0), time(2.0, 3.0), time(3.0, 4.0), time(4.0, 5.0), time(5.0, 5.0)];
        assert_eq!(filled(&times, 0.0), expected);
        assert_eq!(filled(&[None, None], 3.0), [time(3.0, 3.0), time(3.0, 3.0)]);
        assert!(filled(&[], 0.0).is_empty());
    }

    proptest! {
        #[test]
        fn times_never_go_back(
            times in prop::collection::vec(prop::option::of((0.0_f64..100.0, 0.0_f64..100.0)), 0..30),
        ) {
            let times: Vec<Option<Time>> =
                times.into_iter().map(|told| told.map(|(start, end)| Time { start, end })).collect();
            let filled = filled(&times, 0.0);
            prop_assert_eq!(filled.len(), times.len());
            prop_assert!(filled.iter().all(|time| time.start <= time.end + 1e-9));
            prop_assert!(filled.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9));
        }
    }
}
