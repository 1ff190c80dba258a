//! The combined status of all engines of a kind: ready if one of them is. `follow` keeps it up to date.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::sync::watch;

use super::{Board, Member};
use crate::status::EngineStatus;

/// The combined status: that of the first engine that is ready, otherwise the messages of all.
fn merged(members: &[Member]) -> EngineStatus {
    let ready = members.iter().find_map(|member| {
        let status = member.status.borrow();
        status.ready.then(|| status.clone())
    });
    ready.unwrap_or_else(|| {
        let each = members.iter().map(|member| format!("{} {}", member.name, member.status.borrow().message));
        EngineStatus::not_ready(format!(
            "has no engine that is ready: {}",
            each.collect::<Vec<_>>().join("; ")
        ))
    })
}

/// A status of all engines that serve together, and the work that keeps it up to date until the engines end.
pub(crate) fn follow(board: Arc<Board>) -> (watch::Receiver<EngineStatus>, impl Future<Output = ()> + Send) {
    let mut rerouted = board.rerouted();
    let (out, status) = watch::channel(merged(&board.serving()));
    let work = async move {
        let mut watched: Vec<_> = board.members().iter().map(|member| member.status.clone()).collect();
        while !watched.is_empty() {
            let changes = watched.iter_mut().map(|status| status.changed().boxed());
            let ended = tokio::select! {
                (changed, index, _) = select_all(changes) => changed.is_err().then_some(index),
                // The board is kept here, so that this never ends.
                _ = rerouted.changed() => None,
            };
            if let Some(index) = ended {
                watched.swap_remove(index);
            }
            let now = merged(&board.serving());
            out.send_if_modified(|old| {
                let changed = *old != now;
                *old = now;
                changed
            });
        }
    };
    (status, work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Route;
    use crate::route::EngineKind;

    /// A route to `main`, of which `cloud` has this share or, without one, gets copies.
    fn route(share: Option<u32>) -> Route {
        Route {
            kind: EngineKind::Llm,
            languages: Vec::new(),
            voices: Vec::new(),
            tiers: Vec::new(),
            engines: vec!["main".into()],
            first_ms: 0,
            shadow: if share.is_none() { vec!["cloud".into()] } else { Vec::new() },
            share: share.map(|percent| ("cloud".to_owned(), percent)).into_iter().collect(),
        }
    }

    fn member(name: &str, message: &str) -> (watch::Sender<EngineStatus>, Member) {
        let (sender, status) = watch::channel(EngineStatus::not_ready(message));
        (sender, Member { name: name.into(), status })
    }

    #[tokio::test]
    async fn a_kind_is_ready_with_its_first_engine_and_names_what_each_waits_for() {
        let ((cloud, one), (main, two)) =
            (member("cloud", "is not reached yet"), member("main", "loads its model"));
        let board = Board::new(EngineKind::Llm, vec![one, two], &[route(Some(10))]);
        let (mut status, work) = follow(board);
        let expected = "has no engine that is ready: cloud is not reached yet; main loads its model";
        assert_eq!((status.borrow().ready, status.borrow().message.as_str()), (false, expected));
        let work = tokio::spawn(work);
        main.send_replace(EngineStatus { ready: true, model: "small".into(), ..EngineStatus::default() });
        assert_eq!(status.wait_for(|status| status.ready).await.unwrap().model, "small");
        drop(cloud);
        main.send_replace(EngineStatus::not_ready("has ended"));
        assert!(!status.wait_for(|status| !status.ready).await.unwrap().ready);
        drop(main);
        work.await.unwrap();
    }

    #[tokio::test]
    async fn an_engine_that_gets_a_share_while_the_server_runs_makes_its_kind_ready() {
        let ((cloud, one), (_main, two)) =
            (member("cloud", "is not reached yet"), member("main", "has ended"));
        let board = Board::new(EngineKind::Llm, vec![one, two], &[route(None)]);
        let (mut status, work) = follow(board.clone());
        let work = tokio::spawn(work);
        cloud.send_replace(EngineStatus { ready: true, model: "large".into(), ..EngineStatus::default() });
        tokio::task::yield_now().await;
        assert!(!status.borrow().ready, "copies make no call possible");
        board.reroute(&[route(Some(10))]);
        assert_eq!(status.wait_for(|status| status.ready).await.unwrap().model, "large");
        board.reroute(&[route(None)]);
        assert!(!status.wait_for(|status| !status.ready).await.unwrap().ready);
        work.abort();
    }
}
