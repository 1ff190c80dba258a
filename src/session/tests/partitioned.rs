//! Calls at a server whose store takes no contexts for a while, and those of another server all the time.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use visavis_store::{Claim, Extended, Lease, Store, StoreError, Taken, TokenHash};

use super::*;

/// A store in a file that takes no contexts while it is told so.
struct Refusing {
    file: Embedded,
    refuses: AtomicBool,
}

#[async_trait]
impl Store for Refusing {
    fn kind(&self) -> &'static str {
        self.file.kind()
    }

    async fn acquire(
        &self,
        call: &CallId,
        node: &NodeId,
        ttl: Duration,
        claim: Claim,
    ) -> Result<Lease, StoreError> {
        self.file.acquire(call, node, ttl, claim).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError> {
        self.file.renew(lease, ttl).await
    }

    async fn release(&self, lease: &Lease, keep: Option<Duration>) -> Result<(), StoreError> {
        self.file.release(lease, keep).await
    }

    async fn save(
        &self,
        lease: &Lease,
        version: u64,
        value: &[u8],
        keep: Duration,
    ) -> Result<(), StoreError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(StoreError::Unreachable("it does not answer".into()));
        }
        self.file.save(lease, version, value, keep).await
    }

    async fn load(&self, call: &CallId) -> Result<Option<Vec<u8>>, StoreError> {
        self.file.load(call).await
    }

    async fn delete(&self, call: &CallId) -> Result<bool, StoreError> {
        self.file.delete(call).await
    }

    async fn owner(&self, call: &CallId) -> Result<Option<NodeId>, StoreError> {
        self.file.owner(call).await
    }

    async fn put_token(&self, token: &TokenHash, value: &[u8], keep: Duration) -> Result<(), StoreError> {
        self.file.put_token(token, value, keep).await
    }

    async fn extend_token(&self, token: &TokenHash, keep: Duration) -> Result<Extended, StoreError> {
        self.file.extend_token(token, keep).await
    }

    async fn take_token(&self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, StoreError> {
        self.file.take_token(token, again).await
    }

    async fn look_at_token(&self, token: &TokenHash, again: Duration) -> Result<Taken<Vec<u8>>, StoreError> {
        self.file.look_at_token(token, again).await
    }

    async fn void_token(&self, token: &TokenHash) -> Result<(), StoreError> {
        self.file.void_token(token).await
    }

    async fn restore_token(&self, token: &TokenHash, keep: Duration) -> Result<(), StoreError> {
        self.file.restore_token(token, keep).await
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        self.file.sweep().await
    }
}

/// The person says something, and the agent answers.
async fn say(ports: &mut TransportPorts, words: &str) {
    ports.commands.send(ClientCommand::Say(words.into())).await.unwrap();
    let reading = async {
        loop {
            tokio::select! {
                event = ports.events.recv() => assert!(event.is_some(), "the call goes on"),
                Some(_) = ports.media.recv() => {}
            }
        }
    };
    let read: Result<(), _> = tokio::time::timeout(Duration::from_secs(5), reading).await;
    assert!(read.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_could_not_store_a_call_goes_on_with_what_another_has_stored_of_it_since() {
    let folder = tempfile::tempdir().unwrap();
    let file = Embedded::new(folder.path());
    let cut_off = Arc::new(Refusing { file: file.clone(), refuses: AtomicBool::new(false) });
    let script = || [(); 4].map(|()| ScriptedResponse::texts(["It is tea. "]));
    let here = calls_of_node("here", cut_off.clone(), script());
    let there = calls_of_node("there", Arc::new(file), script());

    let (ticket, mut ports, _token) = begin_kept(&here).await;
    say(&mut ports, "What is it?").await;
    cut_off.refuses.store(true, Ordering::SeqCst);
    say(&mut ports, "Is it hot?").await;
    lose(ports).await;

    let call = there.resume(&ticket, Principal::Anonymous).await.expect("its token is good");
    let (mut ports, _token) = connect(&there, call);
    let token = ResumeToken::parse(&next_token(&mut ports).await).unwrap();
    say(&mut ports, "Is it green?").await;
    lose(ports).await;

    cut_off.refuses.store(false, Ordering::SeqCst);
    let ticket = Ticket { token, ..ticket };
    let call = here.resume(&ticket, Principal::Anonymous).await.expect("its token is good");
    let (mut ports, _token) = connect(&here, call);
    ports.commands.send(ClientCommand::Ready).await.unwrap();
    let said = until(&mut ports, |event| match event {
        CallEvent::Resumed { said, .. } => Some(said),
        _ => None,
    });
    let said: Vec<String> = said.await.into_iter().map(|said| said.content).collect();
    assert_eq!(said, ["What is it?", "It is tea.", "Is it green?", "It is tea."], "not what waited here");
}
