//! What a client gets that speaks HTTP where TLS is spoken.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest time for the client to take the response. What it sends meanwhile is read, as its system would otherwise discard
/// the response.
const LINGER: Duration = Duration::from_secs(1);
/// Most of it in bytes: a request without its body.
const MOST: u64 = 64 << 10;

const HINT: &str = "This port speaks https: put https:// before the address, or wss:// for a WebSocket.\n";

/// Tells a client that this port speaks https, and closes the connection.
pub(super) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    // An error is the client's, which has left.
    _ = tokio::time::timeout(LINGER, tell(stream)).await;
}

async fn tell<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> io::Result<()> {
    let length = HINT.len();
    let response = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{HINT}"
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(MOST), &mut tokio::io::sink()).await?;
    Ok(())
}
