//! Parses RunPod's replies about a job. Pure.

use serde_json::Value;

use crate::backends::speech::encoded;

/// The state of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is waiting or running.
    Working,
    /// It has its result.
    Done,
    /// It failed, for this reason.
    Failed(String),
}

/// RunPod's reply about a job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    /// Its id; empty: not given.
    pub(super) id: String,
    pub(super) stage: Stage,
    /// Its result.
    pub(super) output: Value,
    /// The pieces since the last poll.
    pub(super) pieces: Vec<Value>,
}

impl Reply {
    /// Reads a reply.
    pub(super) fn of(mut value: Value) -> Self {
        let mut take = |name: &str| value.get_mut(name).map(Value::take).unwrap_or_default();
        let (stream, output) = (take("stream"), take("output"));
        let pieces = match stream {
            Value::Array(list) => list.into_iter().map(piece).collect(),
            _ => Vec::new(),
        };
        let said = || encoded::said(&value).or_else(|| encoded::said(&output));
        let stage = match value["status"].as_str().unwrap_or_default() {
            "COMPLETED" => Stage::Done,
            "IN_QUEUE" | "IN_PROGRESS" | "RUNNING" => Stage::Working,
            state @ ("FAILED" | "CANCELLED" | "TIMED_OUT") => {
                let more = said().map(|why| format!(": {why}")).unwrap_or_default();
                Stage::Failed(format!("{}{more}", state.to_lowercase()))
            }
            _ => Stage::Failed(said().unwrap_or_else(|| "it gives no status".into())),
        };
        Self { id: value["id"].as_str().unwrap_or_default().into(), stage, output, pieces }
    }
}

/// Each piece is wrapped with statistics.
fn piece(mut value: Value) -> Value {
    match value.get_mut("output") {
        Some(output) => output.take(),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_state_of_a_job_is_understood() {
        let failed = |why: &str| Stage::Failed(why.into());
        for (value, stage) in [
            (json!({ "id": "j", "status": "IN_QUEUE" }), Stage::Working),
            (json!({ "id": "j", "status": "IN_PROGRESS", "stream": [] }), Stage::Working),
            (json!({ "id": "j", "status": "COMPLETED", "output": "x" }), Stage::Done),
            (
                json!({ "id": "j", "status": "FAILED", "error": "out of memory" }),
                failed("failed: out of memory"),
            ),
            (json!({ "id": "j", "status": "TIMED_OUT" }), failed("timed_out")),
            (
                json!({ "id": "j", "status": "FAILED", "output": { "error": "no voice" } }),
                failed("failed: no voice"),
            ),
            (json!({ "id": "j", "error": "no such endpoint" }), failed("no such endpoint")),
            (json!("nonsense"), failed("it gives no status")),
        ] {
            let told = value.is_object();
            let reply = Reply::of(value);
            assert_eq!((reply.stage, reply.id.as_str()), (stage, if told { "j" } else { "" }));
        }
    }

    #[test]
    fn pieces_come_out_of_their_wrapping_in_order() {
        let value = json!({ "status": "IN_PROGRESS", "stream": [
            { "metrics": {}, "output": { "audio": "a" } }, { "audio": "b" },
        ]});
        assert_eq!(Reply::of(value).pieces, [json!({ "audio": "a" }), json!({ "audio": "b" })]);
    }
}
