//! Where a hostile client's connections go, their source address, and their budget.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{Connection, Reply, Spent};
use super::tally::Count;
use visavis_client::Server;

/// Most connections of all attacks at once; further ones wait.
pub const CONNECTIONS: usize = 400;
/// From where the attacks come, where the server is on a loopback address: another one than the call's.
const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// The client address that the attacks' requests claim, for a server that trusts 127.0.0.2 as a proxy: such a server counts
/// them against one address, whereas callers on its own machine have no limit. An address for documentation (RFC 5737).
pub const FORWARDED_FOR: &str = "192.0.2.66";
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The server as its attacks see it.
#[derive(Debug, Clone)]
pub struct Target {
    address: SocketAddr,
    /// As in the Host header.
    host: String,
    /// The path of the server's root, with a slash at its end.
    root: String,
    from: Option<IpAddr>,
    places: Arc<Semaphore>,
    spent: Spent,
}

impl Target {
    /// Finds the server's address.
    ///
    /// # Errors
    /// When the server can only be reached with TLS.
    pub async fn new(server: &Server) -> anyhow::Result<Self> {
        let root = server.url("");
        ensure!(
            root.scheme() == "http",
            "--server: {} cannot be attacked, since half-sent requests need a connection without TLS; give \
             the server's own http:// address",
            server.address()
        );
        let name = root.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = root.port_or_known_default().unwrap_or(80);
        let found = tokio::net::lookup_host((name.as_str(), port)).await;
        let mut found: Vec<SocketAddr> =
            found.with_context(|| format!("--server: {name} has no address"))?.collect();
        // IPv4 first: IPv6 has only one loopback address.
        found.sort_by_key(SocketAddr::is_ipv6);
        let mut reached = None;
        for address in found {
            if reached.is_none() && TcpStream::connect(address).await.is_ok() {
                reached = Some(address);
            }
        }
        let address =
            reached.with_context(|| format!("--server: nothing listens on port {port} of {name}"))?;
        let from = (address.is_ipv4() && address.ip().is_loopback()).then_some(FROM);
        Ok(Self {
            address,
            host: root.authority().to_owned(),
            root: root.path().to_owned(),
            from,
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            spent: Spent::default(),
        })
    }

    /// The server's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The source address of the attacks, if different from the call's.
    #[must_use]
    pub fn from(&self) -> Option<IpAddr> {
        self.from
    }

    /// The server's name in requests.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path of a resource, given without its leading slash.
    #[must_use]
    pub fn path(&self, resource: &str) -> String {
        format!("{}{resource}", self.root)
    }

    /// The first lines of a request, without the empty one that ends its head.
    #[must_use]
    pub fn head(&self, method: &str, resource: &str) -> String {
        self.head_for(method, resource, &self.host)
    }

    /// The first lines of a request to a server of another name.
    #[must_use]
    pub fn head_for(&self, method: &str, resource: &str, host: &str) -> String {
        let path = self.path(resource);
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {FORWARDED_FOR}\r\n")
    }

    /// A complete request with a JSON body and `Connection: close`.
    #[must_use]
    pub fn json(&self, method: &str, resource: &str, body: &str) -> String {
        let head = self.head(method, resource);
        let length = body.len();
        format!(
            "{head}Connection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    /// A new connection, once there are fewer than [`CONNECTIONS`].
    ///
    /// # Errors
    /// When the server accepts none.
    pub async fn connect(&self) -> io::Result<Connection> {
        let place: OwnedSemaphorePermit =
            self.places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = tokio::time::timeout(CONNECT_WITHIN, socket.connect(self.address)).await??;
        Ok(Connection::new(stream, self.spent.clone(), place))
    }

    /// A UDP socket that sends to this port of the server.
    ///
    /// # Errors
    /// When none can be opened.
    pub async fn udp(&self, port: u16) -> io::Result<UdpSocket> {
        let any = if self.address.is_ipv4() { "0.0.0.0" } else { "::" };
        let from = self.from.map_or_else(|| any.to_owned(), |from| from.to_string());
        let socket = UdpSocket::bind((from.as_str(), 0)).await?;
        socket.connect(SocketAddr::new(self.address.ip(), port)).await?;
        Ok(socket)
    }

    /// Bytes that all attacks have sent.
    #[must_use]
    pub fn spent(&self) -> &Spent {
        &self.spent
    }
}

/// Sends a request that closes its connection, and counts what became of it.
pub async fn ask(target: &Target, count: &Count, request: &str, within: Duration) -> Option<Reply> {
    let exchange = async {
        let mut connection = target.connect().await.ok()?;
        count.sent(request.len());
        connection.send(request.as_bytes()).await.ok()?;
        connection.reply().await
    };
    let reply = tokio::time::timeout(within, exchange).await.ok().flatten();
    match &reply {
        Some(reply) => count.status(reply.status),
        None => count.cut(),
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_on_loopback_is_attacked_from_another_address_than_its_callers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server::new(&format!("http://127.0.0.1:{port}/voice")).unwrap();
        let target = Target::new(&server).await.unwrap();
        // The first connection only tested that the port is open.
        let _looked = listener.accept().await.unwrap();
        let _connection = target.connect().await.unwrap();
        assert_eq!(listener.accept().await.unwrap().1.ip(), FROM);
        let head =
            format!("GET /voice/ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Forwarded-For: 192.0.2.66\r\n");
        assert_eq!(target.head("GET", "ws"), head);
    }

    #[tokio::test]
    async fn a_server_behind_tls_is_refused_with_what_to_give_instead() {
        let server = Server::new("https://example.org").unwrap();
        assert!(Target::new(&server).await.unwrap_err().to_string().contains("http:// address"));
    }
}
