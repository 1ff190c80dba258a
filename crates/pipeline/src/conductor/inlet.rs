//! A bounded queue into the conductor.

use tokio::sync::mpsc;

/// Both ends of a queue whose receiving end is the conductor's. It keeps a sender for the tasks that it starts, so the
/// queue never closes.
pub(super) struct Inlet<T> {
    sender: mpsc::Sender<T>,
    receiver: mpsc::Receiver<T>,
}

impl<T> Inlet<T> {
    /// A queue that holds `bound` messages.
    pub(super) fn new(bound: usize) -> Self {
        let (sender, receiver) = mpsc::channel(bound);
        Self { sender, receiver }
    }

    /// The end for a task that sends to the conductor.
    pub(super) fn sender(&self) -> mpsc::Sender<T> {
        self.sender.clone()
    }

    /// The next message. Cancelling the future loses none.
    pub(super) async fn recv(&mut self) -> Option<T> {
        self.receiver.recv().await
    }
}
