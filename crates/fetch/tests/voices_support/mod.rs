//! Small voices, and a web site that has some files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

/// A field of a Protocol Buffers message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()][..], content].concat()
}

/// A network that only has a voice's inputs.
pub(crate) fn onnx(speakers: u32) -> Vec<u8> {
    let more: &[&str] = if speakers > 1 { &["sid"] } else { &[] };
    let inputs = ["input", "input_lengths", "scales"].iter().chain(more);
    let graph: Vec<u8> = inputs.flat_map(|name| field(11, &field(1, name.as_bytes()))).collect();
    [vec![0x08, 0x08], field(7, &graph), field(8, &[0x10, 15])].concat()
}

/// A voice's description.
pub(crate) fn json(language: &str, speakers: u32) -> String {
    let description = serde_json::json!({
        "audio": { "sample_rate": 22050 },
        "espeak": { "voice": language },
        "inference": { "noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8 },
        "phoneme_type": "espeak",
        "phoneme_id_map": { "^": [1], "_": [0], "$": [2], "a": [3] },
        "num_speakers": speakers,
        "language": { "code": format!("{language}_XX"), "family": language },
    });
    description.to_string()
}

/// Puts a voice with this description into a folder.
pub(crate) fn put(folder: &Path, name: &str, json: &str) {
    let many = !json.contains("\"num_speakers\":1,") && !json.ends_with("\"num_speakers\":1}");
    fs::write(folder.join(format!("{name}.onnx")), onnx(if many { 2 } else { 1 })).unwrap();
    fs::write(folder.join(format!("{name}.onnx.json")), json).unwrap();
}

/// A web site; what it does not have is not found.
pub(crate) struct Site {
    root: String,
}

impl Site {
    /// Serves files by path, on its own threads.
    pub(crate) fn start(files: &[(&str, Vec<u8>)]) -> Self {
        let files: Vec<(String, Vec<u8>)> =
            files.iter().map(|(path, body)| ((*path).to_owned(), body.clone())).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let files = Arc::new(files);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let files = files.clone();
                std::thread::spawn(move || respond(stream.unwrap(), &files));
            }
        });
        Self { root }
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }
}

fn respond(mut stream: TcpStream, files: &[(String, Vec<u8>)]) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let mut words = head.first().map_or("", String::as_str).split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let path = target.split('?').next().unwrap_or("");
    let found = files.iter().find(|(known, _)| known == path);
    let (status, body) =
        found.map_or(("404 Not Found", &b"nothing here"[..]), |(_, body)| ("200 OK", body.as_slice()));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let sent: &[u8] = if method == "HEAD" { &[] } else { body };
    // The client may be gone, which is not an error.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
}
