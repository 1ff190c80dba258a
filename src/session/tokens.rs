//! The resume token of one call: issued when its client has said hello, and good as long as the call goes on and for a while after
//! that. All of it happens beside the call, which never waits: a store that is slow or down only means that there is no token yet.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use visavis_store::{Binding, CallId, Extended, ResumeToken, Saver, TokenHash};

use super::resume::Entrance;
use crate::event::{CallEvent, EndReason};

/// How often a token's life is extended.
const EXTENDED: Duration = Duration::from_secs(10);
/// How much longer than configured a token is good when its server dies: one extension may be missed.
const MARGIN: Duration = Duration::from_secs(25);
/// Pause before issuing a token again that the store has not taken, and least time between two tokens.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest wait for the store when the call has ended.
const LAST: Duration = Duration::from_secs(1);

/// The token of one call.
pub(super) struct Tokens {
    saver: Saver,
    call: CallId,
    /// Whose call it is.
    owner: String,
    seconds: u32,
    newest: Option<TokenHash>,
    /// How its client came back to it, until it has another token.
    entrance: Option<Entrance>,
}

/// What a call's tokens are bound to.
pub(super) struct OfCall<'a> {
    pub(super) id: &'a str,
    /// Whose it is.
    pub(super) owner: String,
    /// How its client came back to it.
    pub(super) entrance: Option<Entrance>,
    /// How long a token is good once the connection is lost.
    pub(super) seconds: u32,
}

/// What the token's keeper holds of its call.
pub(super) struct Watched {
    /// How many hellos were answered; closed when the call has ended.
    pub(super) hellos: watch::Receiver<u32>,
    /// To the client.
    pub(super) events: mpsc::WeakSender<CallEvent>,
    /// Cancelled here when another node has taken the call over.
    pub(super) lost: CancellationToken,
}

impl Tokens {
    /// For a call; `None`: there is no store, and so no token.
    pub(super) fn new(saver: Option<&Saver>, call: OfCall<'_>) -> Option<Self> {
        let OfCall { id, owner, entrance, seconds } = call;
        Some(Self { saver: saver?.clone(), call: CallId::new(id)?, owner, seconds, newest: None, entrance })
    }

    /// Issues a token at each hello and keeps the newest good, until the call's end.
    pub(super) async fn tend(&mut self, watched: Watched) {
        let mut over = watched.hellos.clone();
        tokio::select! {
            () = self.work(watched) => {}
            () = async { while over.changed().await.is_ok() {} } => {}
        }
    }

    async fn work(&mut self, Watched { mut hellos, events, lost }: Watched) {
        let mut wanted = false;
        loop {
            tokio::select! {
                hello = hellos.changed() => match hello {
                    Ok(()) => wanted = true,
                    Err(_) => return,
                },
                () = sleep(if wanted { PAUSE } else { EXTENDED }) => {}
            }
            wanted = wanted || self.has_lapsed(&lost).await;
            if wanted {
                wanted = !self.issue(&events).await;
                sleep(PAUSE).await;
            }
        }
    }

    /// Issues a token in place of the one before; false: not yet.
    async fn issue(&mut self, events: &mpsc::WeakSender<CallEvent>) -> bool {
        let Ok(token) = ResumeToken::generate() else { return false };
        let hash = token.hash();
        if let Err(error) = self.saver.put_token(&hash, &self.binding(), self.life()).await {
            tracing::debug!(call = %self.call, %error, "the call has no resume token yet");
            return false;
        }
        let (call, seconds) = (self.call.as_str().to_owned(), self.seconds);
        let told = CallEvent::ResumeToken { call, token: token.expose(), seconds };
        if events.upgrade().is_none_or(|events| events.try_send(told).is_err()) {
            return false;
        }
        if let Some(entrance) = self.entrance.take() {
            entrance.renewed.cancel();
        }
        if let Some(before) = self.newest.replace(hash) {
            _ = self.saver.void_token(&before).await;
        }
        true
    }

    /// Extends the token's life; true if another one is needed.
    async fn has_lapsed(&self, lost: &CancellationToken) -> bool {
        let Some(newest) = &self.newest else { return false };
        match self.saver.extend_token(newest, self.life()).await {
            Ok(Extended::Longer) | Err(_) => false,
            Ok(Extended::Unknown) => true,
            Ok(Extended::Used) => {
                let has_moved = self.saver.is_elsewhere(&self.call).await;
                if has_moved {
                    lost.cancel();
                }
                // If not, it was shown for another call, perhaps.
                !has_moved
            }
        }
    }

    /// The call has ended: from now on the token is good as long as configured, or no more.
    pub(super) async fn close(self, reason: EndReason) {
        if reason == EndReason::Moved {
            return;
        }
        let is_over = reason.is_final() || reason == EndReason::HungUp;
        let keep = Duration::from_secs(self.seconds.into());
        let done = async {
            match (&self.newest, &self.entrance) {
                (Some(newest), _) if is_over => _ = self.saver.void_token(newest).await,
                (Some(newest), _) => _ = self.saver.extend_token(newest, keep).await,
                // The client has no other token than the one that it came by.
                (None, Some(Entrance { token, .. })) if !is_over => {
                    _ = self.saver.put_token(token, &self.binding(), keep).await;
                }
                (None, _) => {}
            }
        };
        _ = timeout(LAST, done).await;
    }

    /// What its tokens stand for.
    fn binding(&self) -> Binding {
        Binding::of(&self.call, &self.owner)
    }

    fn life(&self) -> Duration {
        Duration::from_secs(self.seconds.into()) + MARGIN
    }
}
