//! An nginx of the measurement's own before two servers, as docs/deployment.md has it, but for https and what the calls do not use.

use std::fmt::Write;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::process::{Child, Command};

use super::node::{free_port, signal};
use super::person::is_ready;
use visavis_client::Server;

const STARTS_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running nginx. Stopped when dropped.
#[derive(Debug)]
pub(super) struct Proxy {
    process: Child,
    /// Where it is: an address for each caller, as callers in the internet have addresses of their own.
    pub(super) servers: Vec<Server>,
}

impl Proxy {
    /// Starts one before servers at these addresses, and waits until it reaches one that is ready.
    pub(super) async fn start(folder: &Path, nodes: &[String], callers: usize) -> anyhow::Result<Self> {
        let ports = (0..callers).map(|_| free_port()).collect::<anyhow::Result<Vec<u16>>>()?;
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration(folder, nodes, &ports))?;
        let process = spawn(folder, &file)?;
        let at = |port: &u16| Server::new(&format!("http://127.0.0.1:{port}"));
        let servers = ports.iter().map(at).collect::<Result<Vec<Server>, _>>()?;
        let proxy = Self { process, servers };
        let began = Instant::now();
        for server in &proxy.servers {
            while !is_ready(server).await {
                let log = folder.join("error.log");
                let seconds = STARTS_WITHIN.as_secs();
                ensure!(
                    began.elapsed() < STARTS_WITHIN,
                    "nginx reached no server within {seconds} s: {}",
                    std::fs::read_to_string(log).unwrap_or_default()
                );
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Its workers would outlive a kill.
        if let Some(pid) = self.process.id() {
            _ = signal("-TERM", pid);
        }
    }
}

fn spawn(folder: &Path, file: &Path) -> anyhow::Result<Child> {
    let run = |program: &str| {
        Command::new(program)
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    };
    let started = match run("nginx") {
        // Not in the path of ordinary users.
        Err(error) if error.kind() == ErrorKind::NotFound => run("/usr/sbin/nginx"),
        other => other,
    };
    started.context("nginx cannot be run; `apt-get install nginx-light` has it")
}

/// The configuration. Each port stands for the address of a caller, which decides the server it comes to.
fn configuration(folder: &Path, nodes: &[String], ports: &[u16]) -> String {
    let folder = folder.display();
    let mut listen = String::new();
    for port in ports {
        // Writing to a string cannot fail.
        _ = writeln!(listen, "listen 127.0.0.1:{port};");
    }
    let mut servers = String::new();
    for node in nodes {
        _ = writeln!(servers, "server {node} max_fails=0;");
    }
    format!(
        r"user root;
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
access_log off;
client_body_temp_path {folder}/body;
proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi;
scgi_temp_path {folder}/scgi;
map $http_upgrade $visavis_connection {{
default upgrade;
'' close;
}}
upstream visavis {{
hash $remote_addr$server_port consistent;
{servers}}}
server {{
{listen}proxy_http_version 1.1;
proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $visavis_connection;
proxy_connect_timeout 2s;
proxy_next_upstream error timeout http_503 non_idempotent;
location / {{ proxy_pass http://visavis; }}
location = /ws {{
proxy_pass http://visavis;
proxy_read_timeout 1h;
proxy_send_timeout 1h;
}}
location = /api/offer {{
proxy_pass http://visavis;
proxy_next_upstream error timeout http_404 http_503 non_idempotent;
}}
location /api/calls/ {{
proxy_pass http://visavis;
proxy_next_upstream error timeout http_404 http_503 non_idempotent;
}}
}}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_servers_and_all_ports_are_in_the_configuration_and_its_blocks_are_closed() {
        let nodes = ["127.0.0.1:1".to_owned(), "127.0.0.1:2".to_owned()];
        let text = configuration(Path::new("/scratch"), &nodes, &[3, 4]);
        for line in [
            "server 127.0.0.1:1 max_fails=0;",
            "server 127.0.0.1:2 max_fails=0;",
            "listen 127.0.0.1:3;",
            "listen 127.0.0.1:4;",
            "pid /scratch/nginx.pid;",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}: {text}");
        }
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
