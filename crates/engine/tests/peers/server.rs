//! A peer's process.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::time::{sleep, timeout};
use visavis_config::default_models_dir;
use visavis_engine::backends::Backend;
use visavis_engine::status::EngineStatus;

#[path = "../../../../tests/live/ports.rs"]
mod ports;

/// Within which a peer has loaded its model, and whatever else is waited for has come, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server's process; it ends with the test.
pub(crate) struct Peer {
    process: Child,
    log: NamedTempFile,
    port: u16,
}

impl Peer {
    /// Starts Python with these arguments, and with the packages that lie in the peers' folder of this name.
    pub(crate) fn python(packages: &str, arguments: &[&dyn AsRef<OsStr>]) -> Self {
        let packages = installed(packages);
        let port = ports::free();
        let log = NamedTempFile::new().unwrap();
        let said = log.reopen().unwrap();
        let mut command = Command::new("python3");
        command.args(arguments).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        // The log is read while it is written, and nothing is written beside our scripts.
        command.env("PYTHONPATH", packages).env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        Self { process: command.spawn().unwrap(), log, port }
    }

    /// Its address with this path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log.path()).unwrap()).into_owned()
    }

    /// Waits until it has logged this.
    pub(crate) async fn logs(&self, text: &str) {
        let logged = async {
            while !self.log().contains(text) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(timeout(PATIENCE, logged).await.is_ok(), "{text:?} is not in its log: {}", self.log());
    }

    /// Waits until this is known of an engine that is served by it.
    pub(crate) async fn until<T: ?Sized>(
        &self,
        engine: &mut Backend<T>,
        is_so: impl Fn(&EngineStatus) -> bool,
    ) {
        let known = timeout(PATIENCE, engine.status.wait_for(is_so)).await.is_ok_and(|it| it.is_ok());
        assert!(known, "{:?}; its log: {}", *engine.status.borrow(), self.log());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// What the installation of peers has put there.
pub(crate) fn installed(name: &str) -> PathBuf {
    let place = default_models_dir().parent().unwrap().join("peers").join(name);
    assert!(place.exists(), "{} is missing: CONTRIBUTING.md says how peers are installed", place.display());
    place
}

/// A model that is fetched with a profile.
pub(crate) fn model(file: &str) -> PathBuf {
    let place = default_models_dir().join(file);
    assert!(place.exists(), "{} is missing: run ./test, which fetches it", place.display());
    place
}

/// A server of our own, which lies beside this file.
pub(crate) fn script(file: &str) -> PathBuf {
    Path::new("tests/peers").join(file)
}
