//! A web server that misbehaves on demand, wheels that pip accepts, and manifests of one model.
#![allow(dead_code)] // each test program uses a part of it

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use visavis_fetch::{Clients, FetchFailure, Options, Outcome, Progress, fetch};
use visavis_models::Manifest;

/// How the server responds to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Response {
    /// Serves the request, including ranges.
    Whole,
    /// Breaks the connection after this many bytes of the body.
    BreakAfter(usize),
    /// Closes the connection without a response.
    HangUp,
}

/// What the server serves, and the requests it got.
pub(crate) struct Script {
    pub(crate) body: Vec<u8>,
    pub(crate) etag: String,
    /// One per request; the last is repeated.
    pub(crate) responses: Vec<Response>,
    /// First byte requested, per request.
    pub(crate) requests: Vec<usize>,
}

/// A web server with one file, on its own threads.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) script: Arc<Mutex<Script>>,
}

impl Server {
    pub(crate) fn start(body: &[u8], responses: &[Response]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/model.bin", listener.local_addr().unwrap());
        let script = Script {
            body: body.to_vec(),
            etag: "\"1\"".into(),
            responses: responses.to_vec(),
            requests: vec![],
        };
        let script = Arc::new(Mutex::new(script));
        let shared = script.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let script = shared.clone();
                std::thread::spawn(move || respond(stream.unwrap(), &script));
            }
        });
        Self { url, script }
    }

    pub(crate) fn requests(&self) -> Vec<usize> {
        self.script.lock().unwrap().requests.clone()
    }
}

fn respond(mut stream: TcpStream, script: &Mutex<Script>) {
    let (mut from, mut if_range) = (0, None);
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "range" => from = value.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap(),
            "if-range" => if_range = Some(value.to_owned()),
            _ => {}
        }
    }
    let (body, etag, how) = {
        let mut script = script.lock().unwrap();
        script.requests.push(from);
        let next = script.responses[0];
        if script.responses.len() > 1 {
            script.responses.remove(0);
        }
        (script.body.clone(), script.etag.clone(), next)
    };
    if if_range.is_some_and(|version| version != etag) {
        from = 0;
    }
    let total = body.len();
    let (status, range) = if from > 0 {
        ("206 Partial Content", format!("Content-Range: bytes {from}-{}/{total}\r\n", total - 1))
    } else {
        ("200 OK", String::new())
    };
    let body = &body[from..];
    let sent = match how {
        Response::HangUp => return,
        Response::Whole => body.len(),
        Response::BreakAfter(n) => n.min(body.len()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Length: {}\r\n{range}Connection: close\r\n\r\n",
        body.len()
    );
    // The client may be gone, which is not an error.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..sent]));
}

pub(crate) fn bytes(n: usize) -> Vec<u8> {
    (0..n).map(|i| u8::try_from(i * i % 251).unwrap()).collect()
}

pub(crate) fn sha256(data: &[u8]) -> String {
    format!("{:x}", Sha256::digest(data))
}

/// A manifest with the one model `m` in `m.bin`.
pub(crate) fn manifest(sha256: Option<&str>, sources: &str) -> Manifest {
    let sum = sha256.map(|sum| format!("sha256 = {sum:?}\n")).unwrap_or_default();
    Manifest::parse(&format!(
        "[[model]]\nname = \"m\"\nrole = \"llm\"\nlicence = \"MIT\"\nsummary = \"a model\"\nfile = \"m.bin\"\n{sum}\
         source = [{sources}]\n"
    ))
    .unwrap()
}

pub(crate) fn from_url(url: &str) -> String {
    format!("{{ parts = [{{ url = {url:?} }}] }}")
}

pub(crate) fn get(dir: &Path, manifest: &Manifest, options: &Options) -> Result<Outcome, FetchFailure> {
    fetch(dir, &[manifest.model("m").unwrap()], options, &Progress::silent())
}

/// Every file below `dir` except the lock and the stamps.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !matches!(path.file_name().unwrap().to_str().unwrap(), ".lock" | ".verified.json") {
            found.push(path);
        }
    }
    found
}

/// A wheel that pip accepts, with one data file.
pub(crate) fn wheel_bytes(name: &str, member: &str, data: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let info = format!("{name}-1.0.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
    let wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    for (path, text) in [
        (member.to_owned(), data),
        (format!("{info}/METADATA"), metadata.as_bytes()),
        (format!("{info}/WHEEL"), wheel.as_bytes()),
        (format!("{info}/RECORD"), b"".as_slice()),
    ] {
        zip.start_file(path, options).unwrap();
        zip.write_all(text).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(crate) fn add_wheel(index: &Path, name: &str, member: &str, data: &[u8]) {
    let file = index.join(format!("{name}-1.0-py3-none-any.whl"));
    fs::write(file, wheel_bytes(name, member, data)).unwrap();
}

/// The real pip, restricted to the wheels in `index`.
pub(crate) fn pip_from(index: &Path) -> Options {
    let links = format!("PIP_FIND_LINKS={}", index.display());
    let words = ["env", "PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1", &links, "python3", "-m", "pip"];
    let clients = Clients { pip: words.map(str::to_owned).into(), ..Clients::default() };
    Options { clients, ..Options::default() }
}
