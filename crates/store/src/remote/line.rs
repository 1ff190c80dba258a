//! The connection to Redis: opened on first use, and reopened after any failure. The caller retries its request.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult};
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::Url;

use crate::error::{StoreError, ValueFault};

/// Longest wait for a connection.
const CONNECTING: Duration = Duration::from_secs(2);
/// Longest wait for a response.
const RESPONDING: Duration = Duration::from_secs(2);
/// Longest wait for both, also in a cluster that sends the request on.
const IN_ALL: Duration = Duration::from_secs(4);

/// How connections are made.
enum Door {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// A connection; its copies share it.
#[derive(Clone)]
enum Link {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// The line to one Redis, or to a cluster.
pub(super) struct Line {
    door: Door,
    /// Where it leads, without user and password.
    place: String,
    link: Mutex<Option<Link>>,
}

impl Line {
    /// A line to the Redis of this address; to its cluster if `cluster`. Nothing is connected yet.
    pub(super) fn new(address: &str, cluster: bool) -> Result<Self, StoreError> {
        // The error itself may repeat a part of the address.
        let wrong = |_: RedisError| {
            StoreError::Settings("store.url: is not an address such as redis://host:6379/0".into())
        };
        let door = if cluster {
            let builder = ClusterClient::builder([address]).retries(2);
            let builder = builder.connection_timeout(CONNECTING).response_timeout(RESPONDING);
            Door::Cluster(Box::new(builder.overall_response_timeout(Some(IN_ALL)).build().map_err(wrong)?))
        } else {
            Door::Single(Box::new(Client::open(address).map_err(wrong)?))
        };
        Ok(Self { door, place: place(address), link: Mutex::default() })
    }

    /// The response to a command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        match timeout(IN_ALL, self.attempt(command)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                if !is_of_server(&error) {
                    self.hang_up();
                }
                Err(self.told(&error))
            }
            Err(_) => {
                self.hang_up();
                let seconds = IN_ALL.as_secs();
                let place = &self.place;
                Err(StoreError::Unreachable(format!("Redis at {place} has not answered within {seconds} s")))
            }
        }
    }

    async fn attempt<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let link = {
            let mut link = self.link.lock().await;
            match &*link {
                Some(link) => link.clone(),
                None => link.insert(Box::pin(self.connect()).await?).clone(),
            }
        };
        match link {
            Link::Single(mut link) => command.query_async(&mut link).await,
            Link::Cluster(mut link) => command.query_async(&mut link).await,
        }
    }

    async fn connect(&self) -> RedisResult<Link> {
        match &self.door {
            Door::Single(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(CONNECTING))
                    .set_response_timeout(Some(RESPONDING));
                Ok(Link::Single(client.get_multiplexed_async_connection_with_config(&config).await?))
            }
            Door::Cluster(client) => Ok(Link::Cluster(client.get_async_connection().await?)),
        }
    }

    /// Drops the connection, unless another one is being opened now.
    fn hang_up(&self) {
        if let Ok(mut link) = self.link.try_lock() {
            *link = None;
        }
    }

    fn told(&self, error: &RedisError) -> StoreError {
        let (place, text) = (&self.place, error.to_string());
        // Within a script the code is in the middle of the text.
        if text.contains("WRONGTYPE") {
            return ValueFault::Foreign.into();
        }
        let refused = matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
            || error.kind() == ErrorKind::AuthenticationFailed;
        StoreError::Unreachable(if refused {
            format!("Redis at {place} refuses this user ({text}); set user and password in store.url")
        } else if text.contains("invalid peer certificate") {
            format!(
                "Redis at {place} shows a certificate that is not to be trusted ({text}); make it one for the name in store.url, and add \
                 its authority to the system's certificates, or name a file with it in SSL_CERT_FILE"
            )
        } else {
            format!("Redis at {place}: {text}")
        })
    }
}

/// Whether Redis itself returned the error, so that the connection is intact. A server that has become a replica is left.
fn is_of_server(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) && error.code() != Some("READONLY")
}

/// An address without user, password and options.
fn place(address: &str) -> String {
    let Ok(url) = Url::parse(address) else { return "store.url".into() };
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) if !host.is_empty() => host.to_owned(),
        _ => url.path().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_without_its_password() {
        for (address, expected) in [
            ("redis://anna:secret@cache:6380/2", "cache:6380"),
            ("rediss://:secret@cache", "cache"),
            ("redis+unix:///run/redis.sock?pass=secret", "/run/redis.sock"),
        ] {
            assert_eq!(place(address), expected);
        }
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_told_with_what_to_do() {
        let line = Line::new("rediss://:secret@cache:6380", false).unwrap();
        let unknown = "invalid peer certificate: UnknownIssuer";
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, unknown);
        let told = line.told(&RedisError::from(error)).to_string();
        assert!(
            told.contains("cache:6380") && told.contains(unknown) && told.contains("SSL_CERT_FILE"),
            "{told}"
        );
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_being_told() {
        for address in ["redis://:secret@host/notanumber", "http://secret", "secret"] {
            let error = Line::new(address, false).err().expect("it is no address").to_string();
            assert!(error.contains("store.url") && !error.contains("secret"), "{error}");
        }
    }
}
