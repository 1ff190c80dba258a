//! A line to a Redis that is slow: what is asked arrives at once, and what is answered later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// A line of TCP to a Redis on a Unix socket.
pub struct Slow {
    port: u16,
    /// Milliseconds.
    delay: Arc<AtomicU64>,
}

/// A piece of an answer.
struct Late {
    due: Instant,
    bytes: Vec<u8>,
}

impl Slow {
    /// A line to the Redis of this address, without delay until one is set.
    pub async fn before(redis: &str) -> Self {
        let socket = redis.strip_prefix("redis+unix://").expect("it is on a Unix socket").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let delay = Arc::new(AtomicU64::new(0));
        let of_all = delay.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (socket, delay) = (socket.clone(), of_all.clone());
                tokio::spawn(async move { carry(client, &socket, &delay).await });
            }
        });
        Self { port, delay }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on answers take this much longer.
    pub fn delay(&self, by: Duration) {
        self.delay.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

/// Carries one connection, until either side ends it.
async fn carry(client: TcpStream, socket: &str, delay: &AtomicU64) {
    let Ok(redis) = UnixStream::connect(socket).await else { return };
    let (mut asked, mut told) = client.into_split();
    let (mut answers, mut requests) = redis.into_split();
    let (waits, mut late) = mpsc::channel::<Late>(1024);
    let listening = async {
        let mut memory = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = answers.read(&mut memory).await {
            let due = Instant::now() + Duration::from_millis(delay.load(Ordering::SeqCst));
            if waits.send(Late { due, bytes: memory[..length].to_vec() }).await.is_err() {
                return;
            }
        }
    };
    let telling = async {
        while let Some(Late { due, bytes }) = late.recv().await {
            sleep_until(due).await;
            if told.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = copy(&mut asked, &mut requests) => {}
        () = listening => {}
        () = telling => {}
    }
}
