//! The combined status of all engines of a kind: ready if one of them is. `follow` keeps it up to date.

use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::sync::watch;

use super::Member;
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

/// A status of all engines together, and the task that keeps it up to date until the engines end.
pub(crate) fn follow(
    members: Vec<Member>,
) -> (watch::Receiver<EngineStatus>, impl Future<Output = ()> + Send) {
    let (out, status) = watch::channel(merged(&members));
    let work = async move {
        let mut watched: Vec<_> = members.iter().map(|member| member.status.clone()).collect();
        while !watched.is_empty() {
            let changes = watched.iter_mut().map(|status| status.changed().boxed());
            let (changed, index, others) = select_all(changes).await;
            drop(others);
            if changed.is_err() {
                watched.swap_remove(index);
            }
            let now = merged(&members);
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

    fn member(name: &str, message: &str) -> (watch::Sender<EngineStatus>, Member) {
        let (sender, status) = watch::channel(EngineStatus::not_ready(message));
        (sender, Member { name: name.into(), status })
    }

    #[tokio::test]
    async fn a_kind_is_ready_with_its_first_engine_and_names_what_each_waits_for() {
        let ((cloud, one), (main, two)) =
            (member("cloud", "is not reached yet"), member("main", "loads its model"));
        let (mut status, work) = follow(vec![one, two]);
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
}
