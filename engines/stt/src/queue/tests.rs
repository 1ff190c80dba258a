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
    fn push(&mut self, priority: Priority) {
        let (sender, receiver) = mpsc::channel(1);
        let reply = sender.try_reserve_owned().unwrap();
        self.queue.push(order(self.replies.len() as u64, priority), reply);
        self.replies.push(receiver);
    }

    /// With what a caller was refused.
    fn refusal(&mut self, caller: usize) -> Option<Code> {
        let reply = self.replies[caller].try_recv().ok()?;
        reply.err().map(|status| status.code())
    }
}

fn order(caller: u64, priority: Priority) -> Order {
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let languages = Languages { given: None, expected: Vec::new(), translate: false };
    let caller = Arc::new(Caller::new(caller));
    Order {
        utterance: Arc::new(Utterance::new(caller, languages, String::new(), priority, place)),
        number: 1,
        is_final: true,
        samples: 0,
        speech_end: None,
        stable: String::new(),
        phrases: Vec::new(),
        deadline: None,
    }
}

#[test]
fn batch_work_stops_for_a_call_that_waits_but_not_again_and_again() {
    let mut front = Front::new(16);
    front.push(Priority::Batch);
    let mut batch = front.queue.next().unwrap();
    front.push(Priority::Batch);
    assert!(!front.queue.should_stop(&batch), "its equals wait for its end");
    front.push(Priority::Live);
    assert!(front.queue.should_stop(&batch));
    batch.stops = MOST_STOPS;
    assert!(!front.queue.should_stop(&batch));
    let live = front.queue.next().unwrap();
    assert_eq!(live.order.utterance.priority, Priority::Live);
    front.push(Priority::Live);
    assert!(!front.queue.should_stop(&live), "what a call waits for is not stopped");
}

#[test]
fn batch_work_leaves_the_queue_to_calls() {
    let mut front = Front::new(8);
    (0..3).for_each(|_| front.push(Priority::Batch));
    (0..6).for_each(|_| front.push(Priority::Live));
    let refused: Vec<Option<Code>> = (0..9).map(|caller| front.refusal(caller)).collect();
    let one = |caller| (caller == 2).then_some(Code::ResourceExhausted);
    assert_eq!(refused, (0..9).map(one).collect::<Vec<_>>(), "a third may not wait behind calls");
}
