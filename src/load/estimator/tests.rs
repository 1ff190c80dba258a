use proptest::prelude::*;

use super::*;

const TARGET: Duration = Duration::from_millis(2500);
const RESERVE: u64 = 256 << 20;

/// A server that is looked at once a second.
struct World {
    estimator: Estimator,
    now: Instant,
    sample: Sample,
    turns: u64,
}

impl World {
    fn new(least: usize, most: usize) -> Self {
        Self::of(Bounds { target: Some(TARGET), reserve: RESERVE, least, most })
    }

    fn of(bounds: Bounds) -> Self {
        let sample = Sample { memory: Some(8 << 30), ..Sample::default() };
        Self { estimator: Estimator::new(bounds), now: Instant::now(), sample, turns: 0 }
    }

    /// Lets so many seconds pass with so many calls, in each of which somebody waits this long; none: nobody says anything.
    fn pass(&mut self, seconds: u64, calls: usize, waited_ms: Option<u64>) -> Capacity {
        self.sample.calls = calls;
        let mut last = self.estimator.sample(self.now, &self.sample);
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            if let Some(ms) = waited_ms {
                self.turns += 1;
                let user = format!("user-{}", self.turns % 8);
                self.estimator.turn(self.now, user.into(), Duration::from_millis(ms));
            }
            last = self.estimator.sample(self.now, &self.sample);
        }
        last
    }
}

#[test]
fn a_server_whose_people_do_not_wait_is_bounded_by_its_limit_alone() {
    let mut world = World::new(4, 32);
    assert_eq!(world.pass(1, 0, None).calls, 32);
    let easy = world.pass(90, 12, Some(1100));
    assert_eq!(easy.calls, 32);
    assert!(easy.load > 0.43 && easy.load < 0.45, "{}", easy.load);
    assert!(!world.estimator.is_full());
}

#[test]
fn one_slow_turn_refuses_nobody_and_slow_turns_of_half_of_the_users_refuse_further_calls() {
    let mut world = World::new(4, 32);
    world.pass(30, 8, Some(900));
    world.estimator.turn(world.now, "user-1".into(), Duration::from_secs(20));
    assert_eq!(world.pass(1, 8, Some(900)).calls, 32);
    let loaded = world.pass(60, 8, Some(3750));
    assert!(world.estimator.is_full());
    assert!((loaded.load - 1.5).abs() < 0.01, "{}", loaded.load);
    assert_eq!((loaded.calls, loaded.retry), (5, 8));
}

#[test]
fn a_few_calls_are_taken_however_slow_the_machine_is() {
    let mut world = World::new(4, 32);
    for calls in 0..4 {
        let capacity = world.pass(60, calls, Some(9000));
        assert!(capacity.calls > calls, "{calls}: {capacity:?}");
    }
    assert_eq!(world.pass(60, 4, Some(9000)).calls, 4);
    let mut small = World::new(4, 1);
    assert_eq!(small.pass(60, 1, Some(9000)).calls, 1, "the limit is below");
}

#[test]
fn a_loaded_server_takes_calls_again_once_the_load_is_well_below() {
    let mut world = World::new(2, 32);
    world.pass(60, 10, Some(2600));
    assert!(world.estimator.is_full());
    let between = world.pass(70, 9, Some(2300));
    assert!(world.estimator.is_full(), "{between:?}");
    assert_eq!(between.calls, 9, "who leaves may be replaced");
    let below = world.pass(70, 9, Some(2000));
    assert!(!world.estimator.is_full());
    assert!(below.calls > 9 && below.calls < 18, "{below:?}");
}

#[test]
fn a_load_is_forgotten_within_a_minute_in_which_nobody_waits() {
    let mut world = World::new(2, 32);
    world.pass(60, 10, Some(5000));
    assert!(world.estimator.is_full());
    let later = world.pass(61, 10, None);
    assert_eq!(later.calls, 32);
    assert!(!world.estimator.is_full());
}

#[test]
fn under_load_calls_grow_no_faster_than_they_are_measured() {
    let mut world = World::new(4, 100);
    // Load 0.75: half as many again.
    let settled = world.pass(90, 8, Some(1875));
    assert_eq!(settled.calls, 12);
    let full_of_new = world.pass(5, 12, Some(1875));
    assert_eq!(full_of_new.calls, 12, "those that came are not measured yet");
    assert_eq!(world.pass(20, 12, Some(1875)).calls, 18);
}

#[test]
fn a_queue_that_stays_half_full_is_a_full_load_and_one_moment_is_none() {
    let mut world = World::new(2, 32);
    let full = Work { queued: 16, capacity: 16, rejected: 0 };
    world.pass(10, 8, None);
    world.sample.work = vec![full];
    assert!(world.pass(1, 8, None).load < 0.5, "a moment");
    world.pass(60, 8, None);
    assert!(world.estimator.is_full());
    world.sample.work = vec![Work::default()];
    assert_eq!(world.pass(60, 8, None).calls, 32);
}

#[test]
fn memory_below_the_reserve_refuses_further_calls_until_there_is_more() {
    let mut world = World::new(2, 32);
    for (left, full) in
        [(8 << 30, false), (RESERVE, true), (RESERVE + (RESERVE >> 4), true), (2 * RESERVE, false)]
    {
        world.sample.memory = Some(left);
        world.pass(1, 8, None);
        assert_eq!(world.estimator.is_full(), full, "{left} bytes");
    }
    world.sample.memory = Some(0);
    let none_left = world.pass(1, 8, None);
    assert_eq!((none_left.calls, none_left.retry), (2, 50));
}

#[test]
fn a_measure_that_is_turned_off_is_not_looked_at() {
    let off = Bounds { target: None, reserve: 0, least: 2, most: 32 };
    let mut world = World::of(off);
    world.sample.memory = Some(0);
    world.sample.work = vec![Work { queued: 16, capacity: 16, rejected: 0 }];
    let capacity = world.pass(60, 16, Some(60_000));
    assert_eq!(capacity.calls, 32);
    assert!((capacity.load - 0.5).abs() < 1e-9, "the number alone: {}", capacity.load);
}

#[test]
fn bounds_are_as_configured() {
    let server = config::Server {
        target_ms: 0,
        memory_reserve_mib: 3,
        least_calls: 9,
        max_calls: 5,
        ..Default::default()
    };
    let expected = Bounds { target: None, reserve: 3 << 20, least: 5, most: 5 };
    assert_eq!(Bounds::from(&server), expected);
}

/// What may happen within a second.
#[derive(Debug, Clone, Copy)]
struct Second {
    calls: usize,
    waited: Option<u64>,
    queued: u32,
    memory: Option<u64>,
}

fn second() -> impl Strategy<Value = Second> {
    let waited = prop::option::of(0..20_000_u64);
    let memory = prop::option::of(0..(4_u64 << 30));
    (0..60_usize, waited, 0..40_u32, memory).prop_map(|(calls, waited, queued, memory)| Second {
        calls,
        waited,
        queued,
        memory,
    })
}

proptest! {
    #[test]
    fn whatever_happens_the_capacity_is_within_its_bounds_and_a_full_server_takes_no_more(
        seconds in prop::collection::vec(second(), 1..150),
        least in 1..10_usize,
    ) {
        let mut world = World::new(least, 40);
        for Second { calls, waited, queued, memory } in seconds {
            world.sample.work = vec![Work { queued, capacity: 16, rejected: 0 }];
            world.sample.memory = memory;
            let capacity = world.pass(1, calls, waited);
            prop_assert!((least..=40).contains(&capacity.calls), "{capacity:?}");
            prop_assert!(capacity.load.is_finite() && capacity.load >= 0.0);
            prop_assert!((5..=50).contains(&capacity.retry), "{capacity:?}");
            if world.estimator.is_full() {
                prop_assert!(capacity.calls <= calls.max(least), "{capacity:?} with {calls} calls");
            }
        }
        world.sample.work = Vec::new();
        world.sample.memory = Some(8 << 30);
        prop_assert_eq!(world.pass(120, 5, None).calls, 40, "two quiet minutes are enough");
    }
}
