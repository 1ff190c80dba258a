//! coturn in our place, with `turn/turnserver.conf`: it takes the credentials that we make, and denies the same peers.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rtc_stun::message::METHOD_BINDING;

use crate::asking::{Asker, plain};
use crate::wire::Wire;
use crate::{SECRET, credential};

#[path = "../../../../tests/live/ports.rs"]
mod ports;

/// Where Debian installs it.
const PROGRAM: &str = "/usr/bin/turnserver";

struct Coturn {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Coturn {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

impl Coturn {
    async fn start() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let folder = tempfile::tempdir().unwrap();
        let conf = std::env::current_dir().unwrap().join("../../turn/turnserver.conf");
        let process = Command::new(PROGRAM)
            .arg("-c")
            .arg(conf)
            .arg(format!("--static-auth-secret={SECRET}"))
            .arg(format!("--listening-ip={}", address.ip()))
            .arg(format!("--relay-ip={}", address.ip()))
            .arg(format!("--listening-port={}", address.port()))
            .args(["--no-tls", "--no-dtls"])
            .arg(format!("--pidfile={}", folder.path().join("pid").display()))
            .arg(format!("--userdb={}", folder.path().join("users").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let coturn = Self { process, address, _folder: folder };
        let mut wire = Wire::udp(address).await;
        for _ in 0..300 {
            wire.send(&plain(METHOD_BINDING, Vec::new()).raw).await;
            if wire.receive(Duration::from_millis(100)).await.is_some() {
                return coturn;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("coturn does not answer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coturn_takes_our_credentials_and_denies_the_same_peers() {
    if !Path::new(PROGRAM).is_file() {
        eprintln!("SKIPPED: {PROGRAM} is not installed (apt-get install coturn); ./test installs it");
        return;
    }
    let coturn = Coturn::start().await;
    let mut wrong = credential("ada", 600);
    wrong.password = credential("bob", 600).password;
    for (credential, code) in [(credential("ada", 600), 0), (wrong, 401), (credential("ada", -60), 401)] {
        let mut asker = Asker::new(Wire::udp(coturn.address).await, credential);
        assert_eq!(asker.allocates().await, Some(code), "{:?}", asker.credential);
    }
    for wire in [Wire::udp(coturn.address).await, Wire::tcp(coturn.address).await] {
        let mut asker = Asker::new(wire, credential("ada", 600));
        assert_eq!(asker.allocates().await, Some(0));
        for peer in ["127.0.0.1:80", "169.254.169.254:80", "10.0.0.1:80", "168.63.129.16:80", "100.64.0.1:80"]
        {
            assert_eq!(asker.permits(peer).await, Some(403), "{peer}");
        }
        assert_eq!(asker.permits("8.8.8.8:80").await, Some(0));
    }
}
