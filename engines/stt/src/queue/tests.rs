use tokio::sync::{Semaphore, mpsc};
use tonic::Code;
use visavis_proto::v1::HealthReply;

use super::*;
use crate::utterance::Languages;

/// A queue, and where its callers await their transcripts.
struct Front {
    queue: Arc<Queue>,
    replies: Vec<mpsc::Receiver<Result<Transcript, Status>>>,
}

impl Front {
    fn new(capacity: u32) -> Self {
        let state = EngineState::new(capacity);
        state.set_ready(HealthReply::default());
        Self { queue: Arc::new(Queue::new(state)), replies: Vec::new() }
    }

    /// A further caller asks for its words.
    fn push(&mut self, class: Class) {
        let (sender, receiver) = mpsc::channel(1);
        let reply = sender.try_reserve_owned().unwrap();
        self.queue.push(order(self.replies.len() as u64, class), reply);
        self.replies.push(receiver);
    }

    /// With what a caller was refused.
    fn refusal(&mut self, caller: usize) -> Option<Code> {
        let reply = self.replies[caller].try_recv().ok()?;
        reply.err().map(|status| status.code())
    }
}

fn order(caller: u64, class: Class) -> Order {
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let languages = Languages { given: None, expected: Vec::new(), translate: false };
    let caller = Arc::new(Caller::new(caller));
    Order {
        utterance: Arc::new(Utterance::new(caller, languages, String::new(), class, place)),
        number: 1,
        is_final: true,
        samples: 0,
        speech_end: None,
        stable: String::new(),
        phrases: Vec::new(),
        deadline: None,
    }
}

fn class(job: &Job) -> Class {
    job.order.utterance.class
}

/// The next recording, where they have a thread of their own.
fn recording(queue: &Queue) -> Job {
    match queue.next_aside(None) {
        Aside::Job(job) => *job,
        other => panic!("{other:?} is no recording"),
    }
}

#[test]
fn on_one_thread_a_recording_stops_for_a_call_that_waits_but_not_again_and_again() {
    let mut front = Front::new(16);
    front.push(Class::Unhurried);
    let mut batch = front.queue.next().unwrap();
    front.push(Class::Unhurried);
    assert!(!front.queue.should_stop(&batch), "its equals wait for its end");
    front.push(Class::Live);
    assert!(front.queue.should_stop(&batch));
    batch.stops = MOST_STOPS;
    assert!(!front.queue.should_stop(&batch));
    let live = front.queue.next().unwrap();
    assert_eq!(class(&live), Class::Live);
    front.push(Class::Live);
    assert!(!front.queue.should_stop(&live), "what a call waits for is not stopped");
}

#[test]
fn a_call_does_not_wait_for_a_recording_on_a_thread_of_its_own_and_the_recording_goes_on() {
    let mut front = Front::new(16);
    front.queue.set_apart();
    front.push(Class::Unhurried);
    let batch = recording(&front.queue);
    front.push(Class::Unhurried);
    front.push(Class::Live);
    let live = front.queue.next().unwrap();
    assert_eq!(class(&live), Class::Live, "while a recording is at work");
    front.push(Class::Live);
    assert!(!front.queue.should_stop(&batch), "it is in no call's way");
    assert!(front.queue.should_yield(&batch), "another recording waits");
    assert!(front.queue.should_yield(&live), "another call waits");
    front.queue.put_back(batch);
    assert_eq!(class(&front.queue.next().unwrap()), Class::Live, "no recording comes to the thread of calls");
    assert_eq!(recording(&front.queue).order.utterance.caller.id, 1, "the one that waited");
}

#[test]
fn a_recording_that_began_at_the_thread_of_calls_leaves_it_to_them() {
    let mut front = Front::new(16);
    front.push(Class::Unhurried);
    let early = front.queue.next().unwrap();
    front.queue.set_apart();
    front.push(Class::Waited);
    let other = recording(&front.queue);
    front.push(Class::Waited);
    assert!(!front.queue.should_stop(&early) && !front.queue.should_yield(&early), "these have their own");
    front.push(Class::Live);
    assert!(front.queue.should_stop(&early) && front.queue.should_yield(&early));
    assert!(!front.queue.should_stop(&other), "it is in no call's way");
    front.queue.put_back(early);
    assert_eq!(class(&front.queue.next().unwrap()), Class::Live);
    let order: Vec<u64> = (0..2).map(|_| recording(&front.queue).order.utterance.caller.id).collect();
    assert_eq!(order, [2, 0], "it goes on at the other thread");
}

#[test]
fn a_recording_that_somebody_waits_for_passes_those_of_jobs() {
    let mut front = Front::new(16);
    front.queue.set_apart();
    front.push(Class::Unhurried);
    let mut job = recording(&front.queue);
    front.push(Class::Unhurried);
    assert!(!front.queue.should_stop(&job));
    front.push(Class::Waited);
    assert!(front.queue.should_stop(&job));
    job.stops = MOST_STOPS;
    assert!(!front.queue.should_stop(&job), "a job is heard in the end");
    assert!(front.queue.should_yield(&job), "behind its window");
    front.queue.put_back(job);
    let order: Vec<u64> = (0..3).map(|_| recording(&front.queue).order.utterance.caller.id).collect();
    assert_eq!(order, [2, 1, 0]);
}

#[test]
fn the_thread_of_recordings_is_told_when_none_comes_and_when_the_engine_ends() {
    let mut front = Front::new(16);
    front.queue.set_apart();
    front.push(Class::Live);
    assert!(matches!(front.queue.next_aside(Some(Instant::now())), Aside::Idle));
    front.queue.close();
    assert!(matches!(front.queue.next_aside(None), Aside::Closed));
    assert!(front.queue.next().is_none());
}

#[test]
fn work_for_a_caller_that_has_left_stops_wherever_it_is() {
    let mut front = Front::new(16);
    front.queue.set_apart();
    front.push(Class::Unhurried);
    let working = recording(&front.queue);
    front.push(Class::Waited);
    assert!(!working.is_obsolete());
    front.queue.forget(&working.order.utterance.caller);
    assert!(working.is_obsolete());
    let waiting = Caller::new(1);
    front.queue.forget(&waiting);
    assert!(matches!(front.queue.next_aside(Some(Instant::now())), Aside::Idle), "nothing waits any more");
}

#[test]
fn recordings_leave_the_queue_to_calls() {
    let mut front = Front::new(8);
    (0..3).for_each(|_| front.push(Class::Waited));
    (0..6).for_each(|_| front.push(Class::Live));
    let refused: Vec<Option<Code>> = (0..9).map(|caller| front.refusal(caller)).collect();
    let one = |caller| (caller == 2).then_some(Code::ResourceExhausted);
    assert_eq!(refused, (0..9).map(one).collect::<Vec<_>>(), "a third may not wait behind calls");
}
