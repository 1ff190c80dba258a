//! Jobs at a real server that is killed in their middle.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

mod live;
use live::Live;

const TEXTS: u64 = 30;
/// Longest wait for a job.
const PATIENCE: Duration = Duration::from_secs(180);

async fn get(live: &Live, path: &str) -> Value {
    live.server.http().get(live.server.url(path)).send().await.unwrap().json().await.unwrap()
}

/// The job once this holds of it.
async fn until(live: &Live, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let job = get(live, path).await;
        if is_so(&job) {
            return job;
        }
        assert!(began.elapsed() < PATIENCE, "{job}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Checks that a response is as the server's description says.
fn check(description: &Value, path: &str, body: &Value) {
    let schema =
        &description["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    let schema = jsonschema::validator_for(schema).unwrap();
    if let Err(fault) = schema.validate(body) {
        panic!("{path}: {fault}");
    }
}

/// The results that stand on the disk.
fn results(live: &Live, id: &str) -> Vec<PathBuf> {
    let folder = live.store.path().join("jobs").join(id).join("results");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // Those that were being written are nobody's.
    entries.filter(|path| path.extension().is_some_and(|kind| kind == "pcm")).collect()
}

#[tokio::test]
async fn a_job_of_a_killed_server_is_done_to_its_end_with_nothing_made_twice() {
    let mut live = Live::start(&[]).await;
    let texts: Vec<String> = (0..TEXTS)
        .map(|at| format!("This is the sentence of number {at}, and it is not a short one."))
        .collect();
    let body = json!({ "name": "sentences", "items": texts, "format": "pcm" }).to_string();
    let request = live.server.http().post(live.server.url("api/jobs"));
    let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let job: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let id = job["id"].as_str().unwrap().to_owned();
    let path = format!("api/jobs/{id}");
    until(&live, &path, |job| job["items"]["done"].as_u64().unwrap() >= 3).await;
    live.process.kill().unwrap();
    live.process.wait().unwrap();
    let before = results(&live, &id);
    let written = |path: &PathBuf| std::fs::metadata(path).unwrap().modified().unwrap();
    let times: Vec<_> = before.iter().map(written).collect();
    assert!(before.len() >= 3);
    live.start_again().await;
    let job = until(&live, &path, |job| job["status"] == "ended").await;
    assert_eq!((&job["items"]["done"], &job["items"]["failed"]), (&json!(TEXTS), &json!(0)), "{job}");
    assert_eq!(results(&live, &id).len() as u64, TEXTS);
    assert_eq!(before.iter().map(written).collect::<Vec<_>>(), times, "a result was made anew");
    let link = job["result"]["json"].as_str().unwrap().trim_start_matches('/');
    let results = get(&live, link).await;
    let description = get(&live, "openapi.json").await;
    check(&description, "/api/jobs/{id}", &job);
    check(&description, "/api/jobs/{id}/result", &results);
    let sounds: Vec<&str> =
        results["results"].as_array().unwrap().iter().map(|item| item["audio"].as_str().unwrap()).collect();
    assert_eq!(sounds.len() as u64, TEXTS);
    assert!(sounds.iter().all(|sound| sound.len() > 48_000), "a sentence of a second at least");
}
