//! The queue alone, and with crashes at any point.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;
use crate::spec::Spec;

const BOUNDS: Bounds = Bounds { speech: 2, transcription: 1, keep: 100 };

fn spec(kind: Kind, items: u32) -> Spec {
    Spec { name: "same".into(), kind, created: 0, items }
}

fn added(id: JobId, kind: Kind, items: u32) -> Event {
    Event::Added { id, job: Box::new(Job::new(spec(kind, items))) }
}

fn started(commands: &[Command]) -> Vec<Place> {
    let place = |command: &Command| match command {
        Command::Start { place, .. } => Some(*place),
        _ => None,
    };
    commands.iter().filter_map(place).collect()
}

#[test]
fn a_short_job_does_not_wait_for_a_long_one_and_a_kind_not_for_another() {
    let mut queue = Queue::new(BOUNDS);
    let (long, short, heard) = (JobId::random(), JobId::random(), JobId::random());
    let first = started(&queue.handle(added(long, Kind::Speech, 10_000), 1));
    assert_eq!(first, [Place { job: long, item: 0 }, Place { job: long, item: 1 }]);
    assert!(started(&queue.handle(added(short, Kind::Speech, 1), 1)).is_empty());
    let other = started(&queue.handle(added(heard, Kind::Transcription, 2), 1));
    assert_eq!(other, [Place { job: heard, item: 0 }]);
    let mut next = started(&queue.handle(Event::Done(first[0]), 2));
    next.extend(started(&queue.handle(Event::Done(first[1]), 2)));
    assert!(next.contains(&Place { job: short, item: 0 }), "{next:?}");
}

#[test]
fn a_job_ends_once_and_is_removed_when_its_time_is_over() {
    let mut queue = Queue::new(BOUNDS);
    let id = JobId::random();
    let place = started(&queue.handle(added(id, Kind::Speech, 1), 1))[0];
    let ended = queue.handle(Event::Failed { place, reason: "no".into() }, 5);
    assert!(ended.contains(&Command::End { id, at: 5 }), "{ended:?}");
    assert!(queue.handle(Event::Tick, 104).is_empty());
    let again = queue.handle(Event::Retried(id), 104);
    assert_eq!(started(&again), [place]);
    assert!(queue.handle(Event::Tick, 1_000).is_empty(), "a job that works is kept");
    let ended = queue.handle(Event::Done(place), 1_000);
    assert!(ended.contains(&Command::End { id, at: 1_000 }), "{ended:?}");
    assert_eq!(queue.handle(Event::Tick, 1_100), [Command::Remove(id)]);
    assert!(queue.job(id).is_none());
}

#[test]
fn a_cancelled_job_stops_and_gives_its_turn_to_others() {
    let mut queue = Queue::new(BOUNDS);
    let (one, two) = (JobId::random(), JobId::random());
    let first = started(&queue.handle(added(one, Kind::Speech, 5), 1));
    queue.handle(added(two, Kind::Speech, 5), 1);
    let commands = queue.handle(Event::Cancelled(one), 2);
    for place in first {
        assert!(commands.contains(&Command::Stop(place)), "{commands:?}");
    }
    assert!(commands.contains(&Command::End { id: one, at: 2 }), "{commands:?}");
    assert_eq!(started(&commands).iter().filter(|place| place.job == two).count(), 2);
    // Its result came to the disk just before.
    let late = queue.handle(Event::Done(Place { job: one, item: 0 }), 3);
    assert!(started(&late).is_empty());
    assert_eq!(queue.progress(one).unwrap().done, 1);
}

#[test]
fn a_deleted_job_is_removed_once_and_nothing_brings_it_back() {
    let mut queue = Queue::new(BOUNDS);
    let id = JobId::random();
    let place = started(&queue.handle(added(id, Kind::Speech, 1), 1))[0];
    queue.handle(Event::Failed { place, reason: "no".into() }, 2);
    assert_eq!(queue.handle(Event::Deleted(id), 3), [Command::Remove(id)]);
    assert!(queue.turns.values().all(VecDeque::is_empty), "it has no turn any more");
    for late in
        [Event::Deleted(id), Event::Done(place), Event::Retried(id), Event::Cancelled(id), Event::Tick]
    {
        assert!(queue.handle(late, 1_000).is_empty());
    }
    assert!(queue.job(id).is_none());
}

#[test]
fn what_a_job_waits_for_is_told_until_it_goes_on() {
    let mut queue = Queue::new(BOUNDS);
    let id = JobId::random();
    let place = started(&queue.handle(added(id, Kind::Speech, 3), 1))[0];
    queue.handle(Event::Hindered { place, why: "the disk is full".into() }, 2);
    assert_eq!(queue.progress(id).unwrap().hindered.as_deref(), Some("the disk is full"));
    queue.handle(Event::Done(place), 3);
    assert_eq!(queue.progress(id).unwrap().hindered, None);
}

/// What of a server stands on the disk, and what has been done.
#[derive(Default)]
struct World {
    disk: BTreeMap<JobId, OnDisk>,
    /// How often each item's result was put into its place, and how often each one failed.
    made: HashMap<Place, u32>,
    failed: HashMap<Place, u32>,
    /// Items that are worked on.
    working: Vec<Place>,
    queue: Option<Queue>,
}

struct OnDisk {
    spec: Spec,
    facts: Vec<Fact>,
    results: Vec<u32>,
}

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Add(u32),
    /// An item's work ends, well or not.
    Work {
        at: usize,
        fails: bool,
        /// The server is killed when it stands on the disk, and before the queue is told.
        killed: bool,
    },
    Cancel(usize),
    Retry(usize),
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let work = (0..4_usize, any::<bool>(), prop::bool::weighted(0.2));
    prop_oneof![
        2 => (0..6_u32).prop_map(Step::Add),
        8 => work.prop_map(|(at, fails, killed)| Step::Work { at, fails, killed }),
        1 => (0..4_usize).prop_map(Step::Cancel),
        2 => (0..4_usize).prop_map(Step::Retry),
        2 => Just(Step::Kill),
    ]
}

impl World {
    fn begin() -> Self {
        Self { queue: Some(Queue::new(BOUNDS)), ..Self::default() }
    }

    fn tell(&mut self, event: Event) {
        let commands = self.queue.as_mut().unwrap().handle(event, 1);
        for command in commands {
            match command {
                Command::Start { place, .. } => {
                    assert!(!self.working.contains(&place), "{place:?} is begun while it is worked on");
                    let results = &self.disk[&place.job].results;
                    assert!(!results.contains(&place.item), "{place:?} is made anew");
                    self.working.push(place);
                }
                Command::Stop(place) => self.working.retain(|working| *working != place),
                Command::End { id, at } => self.disk.get_mut(&id).unwrap().facts.push(Fact::Ended { at }),
                Command::Show(_) | Command::Remove(_) => {}
            }
        }
        assert!(self.working.len() <= BOUNDS.speech);
    }

    fn kill(&mut self) {
        self.working.clear();
        self.queue = Some(Queue::new(BOUNDS));
        let found: Vec<(JobId, Job)> = self
            .disk
            .iter()
            .map(|(id, on)| (*id, Job::found(on.spec.clone(), &on.facts, on.results.iter().copied())))
            .collect();
        for (id, job) in found {
            self.tell(Event::Added { id, job: Box::new(job) });
        }
    }

    fn work(&mut self, at: usize, fails: bool, killed: bool) {
        if self.working.is_empty() {
            return;
        }
        let place = self.working.remove(at % self.working.len());
        let on = self.disk.get_mut(&place.job).unwrap();
        let event = if fails {
            on.facts.push(Fact::Failed { item: place.item, reason: "no".into() });
            *self.failed.entry(place).or_default() += 1;
            Event::Failed { place, reason: "no".into() }
        } else {
            on.results.push(place.item);
            *self.made.entry(place).or_default() += 1;
            Event::Done(place)
        };
        if killed { self.kill() } else { self.tell(event) }
    }

    fn nth(&self, at: usize) -> Option<JobId> {
        self.disk.keys().nth(at % self.disk.len().max(1)).copied()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Add(items) => {
                let (id, spec) = (JobId::random(), spec(Kind::Speech, items));
                self.disk.insert(id, OnDisk { spec: spec.clone(), facts: Vec::new(), results: Vec::new() });
                self.tell(Event::Added { id, job: Box::new(Job::new(spec)) });
            }
            Step::Work { at, fails, killed } => self.work(at, fails, killed),
            Step::Cancel(at) => {
                if let Some(id) = self.nth(at) {
                    self.disk.get_mut(&id).unwrap().facts.push(Fact::Cancelled);
                    self.tell(Event::Cancelled(id));
                }
            }
            Step::Retry(at) => {
                let Some(id) = self.nth(at) else { return };
                let is_cancelled = self.queue.as_ref().unwrap().job(id).unwrap().is_cancelled();
                if !is_cancelled {
                    self.disk.get_mut(&id).unwrap().facts.push(Fact::Retried);
                    self.tell(Event::Retried(id));
                }
            }
            Step::Kill => self.kill(),
        }
    }
}

proptest! {
    #[test]
    fn whenever_the_server_is_killed_nothing_is_made_twice_and_nothing_is_lost(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let mut world = World::begin();
        for step in &steps {
            world.step(step);
        }
        // Left alone, it does all that is left.
        while !world.working.is_empty() {
            world.work(0, false, false);
        }
        prop_assert!(world.made.values().all(|times| *times == 1), "{:?}", world.made);
        let queue = world.queue.as_ref().unwrap();
        for (id, on) in &world.disk {
            let progress = queue.progress(*id).unwrap();
            prop_assert!(progress.status.is_over(), "{progress:?}");
            prop_assert_eq!(progress.done as usize, on.results.len());
            if progress.status == crate::Status::Ended {
                prop_assert_eq!(progress.done + progress.failed, on.spec.items);
            }
        }
    }
}
