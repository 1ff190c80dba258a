//! Routes whose numbers change while the server runs, by SIGHUP.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use visavis::config::{Config, Route, Sources, load};
use visavis::reload;

const PATIENCE: Duration = Duration::from_secs(20);

/// Writes a configuration with this share.
fn write(file: &Path, share: u32) {
    let text = format!(
        "[backends.new]\nkind = \"llm\"\nurl = \"http://new:7000\"\n\
         [[routes]]\nkind = \"llm\"\nengines = [\"main\", \"new\"]\nshare = {{ new = {share} }}\n"
    );
    std::fs::write(file, text).unwrap();
}

async fn next<T>(told: &mut mpsc::Receiver<T>) -> T {
    timeout(PATIENCE, told.recv()).await.expect("it comes in time").unwrap()
}

fn hang_up() {
    kill_process(getpid(), Signal::HUP).unwrap();
}

#[tokio::test]
async fn a_hangup_gives_routes_the_numbers_of_the_file_and_one_with_faults_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("v.toml");
    let sources = Sources { file: Some(file.clone()), ..Sources::default() };
    write(&file, 10);
    let started = Arc::new(load(&sources).unwrap());
    let ((read, mut reads), (told, mut routes)) = (mpsc::channel(8), mpsc::channel(8));
    let reread = move || -> anyhow::Result<Config> {
        let loaded = load(&sources);
        read.try_send(loaded.is_ok()).unwrap();
        Ok(loaded?)
    };
    let reroute = move |routes: &[Route]| told.try_send(routes[0].share["new"]).unwrap();
    let hangups = reload::hangups().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(reload::on_hangup(hangups, started, reread, reroute, stop.clone()));

    write(&file, 25);
    hang_up();
    assert_eq!((next(&mut reads).await, next(&mut routes).await), (true, 25));
    write(&file, 250);
    hang_up();
    assert!(!next(&mut reads).await, "250 percent are a fault");
    write(&file, 50);
    hang_up();
    assert_eq!((next(&mut reads).await, next(&mut routes).await), (true, 50), "nothing was told in between");
    assert!(!stop.is_cancelled());
}
