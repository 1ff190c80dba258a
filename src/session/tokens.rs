//! The resume token of one call: told to its client when that has said hello, and good as long as the call goes on and for a while
//! after that. All of it happens beside the call, which never waits: a store that is slow or down only means that there is no token yet.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use visavis_store::{Binding, CallId, Extended, ResumeToken, Saver, TokenHash};

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
    /// By which its client came back, until it has said hello: it may come again by this one.
    came_by: Option<TokenHash>,
    /// The newest one, until the client is told of it over its connection.
    next: Option<ResumeToken>,
    /// Those of before, which the store has not made void yet.
    past: Vec<TokenHash>,
    /// The newest one was redeemed when it was looked at last, and nobody else had the call.
    doubted: bool,
}

/// How a client came back to its call.
pub(super) struct Entrance {
    /// The token that it has shown.
    pub(super) token: TokenHash,
    /// The one after that, of which the answer to its request tells; none: the store has not taken it in time.
    pub(super) next: Option<ResumeToken>,
}

/// What a call's tokens are bound to.
pub(super) struct OfCall<'a> {
    pub(super) id: &'a str,
    /// Whose it is.
    pub(super) owner: String,
    /// How its client came back to it; none: it begins.
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
        let came_by = entrance.as_ref().map(|entrance| entrance.token);
        let next = entrance.and_then(|entrance| entrance.next);
        let newest = next.as_ref().map(ResumeToken::hash);
        let (saver, call) = (saver?.clone(), CallId::new(id)?);
        Some(Self { saver, call, owner, seconds, newest, came_by, next, past: Vec::new(), doubted: false })
    }

    /// Tells of a token at each hello and keeps the newest good, until the call's end.
    pub(super) async fn tend(&mut self, watched: Watched) {
        let mut over = watched.hellos.clone();
        tokio::select! {
            () = self.work(watched) => {}
            () = async { while over.changed().await.is_ok() {} } => {}
        }
    }

    async fn work(&mut self, Watched { mut hellos, events, lost }: Watched) {
        let (mut greeted, mut wanted) = (false, false);
        loop {
            tokio::select! {
                hello = hellos.changed() => match hello {
                    Ok(()) => (greeted, wanted) = (true, true),
                    Err(_) => return,
                },
                () = sleep(if wanted { PAUSE } else { EXTENDED }) => {}
            }
            self.void_past().await;
            wanted = wanted || (greeted && self.has_lapsed(&lost).await);
            if wanted {
                wanted = !self.issue(&events).await;
                sleep(PAUSE).await;
            }
        }
    }

    /// Tells the client, which has said hello, of a token in place of the one before; false: not yet.
    async fn issue(&mut self, events: &mpsc::WeakSender<CallEvent>) -> bool {
        let Some(token) = self.another().await else { return false };
        let hash = token.hash();
        let (call, seconds) = (self.call.as_str().to_owned(), self.seconds);
        let told = CallEvent::ResumeToken { call, token: token.expose(), seconds };
        if events.upgrade().is_none_or(|events| events.try_send(told).is_err()) {
            return false;
        }
        // The connection has proven itself: nobody needs to come again by the token that it began with.
        self.doubted = false;
        let before = self.newest.replace(hash).filter(|before| *before != hash);
        self.past.extend(before.into_iter().chain(self.came_by.take()));
        self.void_past().await;
        true
    }

    /// Makes the tokens of before void, as far as the store takes it now.
    async fn void_past(&mut self) {
        while let Some(past) = self.past.last() {
            if self.saver.void_token(past).await.is_err() {
                return;
            }
            self.past.pop();
        }
    }

    /// The one of which the client was told before its connection was there, or a new one; none: the store does not take it.
    async fn another(&mut self) -> Option<ResumeToken> {
        if let Some(next) = self.next.take() {
            return Some(next);
        }
        let token = ResumeToken::generate().ok()?;
        let (hash, binding) = (token.hash(), Binding::of(&self.call, &self.owner));
        let put = self.saver.put_token(&hash, &binding, life(self.seconds)).await;
        if let Err(error) = &put {
            tracing::debug!(call = %self.call, %error, "the call has no resume token yet");
        }
        put.is_ok().then_some(token)
    }

    /// Extends the token's life; true if another one is needed.
    async fn has_lapsed(&mut self, lost: &CancellationToken) -> bool {
        let Some(newest) = &self.newest else { return false };
        match self.saver.extend_token(newest, life(self.seconds)).await {
            Ok(Extended::Longer) => self.doubted = false,
            Ok(Extended::Unknown) => return true,
            Ok(Extended::Used) => return self.is_needed_anew(lost).await,
            Err(_) => {}
        }
        false
    }

    /// The newest token was redeemed, or made void; true if another one is needed.
    async fn is_needed_anew(&mut self, lost: &CancellationToken) -> bool {
        if self.saver.is_elsewhere(&self.call).await {
            lost.cancel();
            return false;
        }
        // Whoever has redeemed it may be about to take the call, and need it once more. If not, it was shown for another call, perhaps.
        std::mem::replace(&mut self.doubted, true)
    }

    /// The call has ended: from now on the token is good as long as configured, or no more.
    pub(super) async fn close(mut self, reason: EndReason) {
        if reason == EndReason::Moved {
            return;
        }
        let is_over = reason.is_final() || reason == EndReason::HungUp;
        let keep = Duration::from_secs(self.seconds.into());
        let (newest, came_by) = (self.newest, self.came_by);
        let done = async {
            if is_over {
                self.past.extend(newest.into_iter().chain(came_by));
                return self.void_past().await;
            }
            // The client may have no other token than this one.
            if let Some(token) = came_by {
                _ = self.saver.restore_token(&token, keep).await;
            }
            if let Some(token) = newest {
                _ = self.saver.extend_token(&token, keep).await;
            }
            self.void_past().await;
        };
        _ = timeout(LAST, done).await;
    }
}

/// How long a token is good that was issued or extended now, while its call goes on.
pub(super) fn life(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into()) + MARGIN
}
