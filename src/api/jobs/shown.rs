//! A job as clients see it. Pure.

use serde_json::{Value, json};
use visavis_jobs::{Form, JobId, Progress};

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) id: JobId,
    pub(super) progress: &'a Progress,
    /// Seconds that it is kept after its end.
    pub(super) keep: u64,
    /// Until when its links are valid, in seconds since 1970.
    pub(super) expires: u64,
}

/// The address of a job.
pub(super) fn address(id: JobId) -> String {
    format!("/api/jobs/{id}")
}

/// A job, with links to its results once it is over; `sign` makes their signatures.
pub(super) fn job(shown: &Shown<'_>, sign: impl Fn(Form) -> Option<String>) -> Value {
    let Shown { id, progress, keep, expires } = *shown;
    let settled = progress.done + progress.failed + progress.working;
    let failures: Vec<Value> =
        progress.failures.iter().map(|(index, error)| json!({ "index": index, "error": error })).collect();
    let mut body = json!({
        "id": id.to_string(),
        "name": progress.spec.name,
        "kind": progress.spec.kind.as_str(),
        "status": progress.status.as_str(),
        "items": {
            "total": progress.spec.items,
            "done": progress.done,
            "failed": progress.failed,
            "working": progress.working,
            "waiting": progress.spec.items.saturating_sub(settled),
        },
        "failures": failures,
        "waits_for": progress.hindered,
        "created_at": progress.spec.created,
        "ended_at": progress.ended,
        "deleted_at": progress.ended.map(|ended| ended + keep),
        "events": format!("{}/events", address(id)),
        "result": null,
    });
    if progress.status.is_over() {
        let link = |form: Form| {
            let signature = sign(form)?;
            let (address, form) = (address(id), form.as_str());
            Some(format!("{address}/result?format={form}&expires={expires}&signature={signature}"))
        };
        body["result"] = json!({ "zip": link(Form::Zip), "json": link(Form::Json), "expires_at": expires });
    }
    body
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use visavis_jobs::{Kind, Spec, Status};

    use super::*;

    #[test]
    fn a_job_has_links_once_it_is_over() {
        let mut progress = Progress {
            spec: Spec { name: "a".into(), kind: Kind::Speech, created: 5, items: 4 },
            status: Status::Working,
            done: 1,
            failed: 1,
            working: 1,
            ended: None,
            hindered: Some("room".into()),
            failures: BTreeMap::from([(2, "no".into())]),
        };
        let id = JobId::random();
        let show = |progress: &Progress| {
            job(&Shown { id, progress, keep: 100, expires: 9 }, |form| Some(form.as_str().to_uppercase()))
        };
        let shown = show(&progress);
        assert_eq!(shown["items"], json!({ "total": 4, "done": 1, "failed": 1, "working": 1, "waiting": 1 }));
        assert_eq!(shown["failures"], json!([{ "index": 2, "error": "no" }]));
        assert!(shown["result"].is_null() && shown["waits_for"] == "room");
        progress = Progress { status: Status::Ended, ended: Some(7), ..progress };
        let shown = show(&progress);
        assert_eq!(shown["deleted_at"], 107);
        let link = format!("/api/jobs/{id}/result?format=zip&expires=9&signature=ZIP");
        assert_eq!(shown["result"]["zip"], link);
    }
}
