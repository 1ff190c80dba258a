//! The configuration of the store, which keeps what of a call outlives its process: its shape and its checks.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::secret::Secret;

/// Schemes of addresses of a Redis or a Valkey: over TCP, TLS and a Unix socket.
const TCP: [&str; 2] = ["redis", "valkey"];
const TLS: [&str; 2] = ["rediss", "valkeys"];
const UNIX: [&str; 3] = ["redis+unix", "valkey+unix", "unix"];

/// Hexadecimal digits of a key.
const KEY: usize = 64;

/// Where contexts of calls are kept, so that a call can go on after its connection or its server was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Keep contexts of calls. They hold what was said.
    pub enabled: bool,
    /// Somebody has set something of the store. If not, it is on by default, and a server whose folder cannot be used does without it.
    #[serde(skip)]
    pub is_asked_for: bool,
    /// A Redis for several servers, such as `redis://host:6379/0` or `rediss://user:password@host`; empty: a file in `path`.
    /// `VISAVIS_STORE_URL` keeps a password out of the file.
    pub url: Secret,
    /// The Redis at `url` is a node of a cluster.
    pub cluster: bool,
    /// The folder of the file, which one server uses; empty: `visavis/store` in the user's data directory.
    pub path: PathBuf,
    /// Hours that the context of a call that was cut off is kept.
    pub ttl_hours: u32,
    /// Seconds after the loss of its connection or its server within which a client may go on with a call.
    pub resume_seconds: u32,
    /// Encrypts contexts: 64 hexadecimal digits, as `openssl rand -hex 32` makes; empty: they are stored as they are.
    /// `VISAVIS_STORE_KEY` keeps it out of the file.
    pub key: Secret,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            enabled: true,
            is_asked_for: false,
            url: Secret::default(),
            cluster: false,
            path: PathBuf::new(),
            ttl_hours: 24,
            resume_seconds: 60,
            key: Secret::default(),
        }
    }
}

/// Adds a line for each fault; none shows the address, which may hold a password, or the key.
pub(super) fn check(own: &Store, faults: &mut Vec<String>) {
    if let Some(fault) = address_fault(own.url.expose()) {
        faults.push(format!("store.url: {fault}"));
    }
    if !own.enabled && !own.url.is_empty() {
        faults.push(
            "store.url: names a Redis, but store.enabled is false, so nothing would be kept there; remove one of them"
                .into(),
        );
    }
    if own.cluster && own.url.is_empty() {
        faults.push("store.cluster: is for a Redis; set its address in store.url".into());
    } else if own.cluster && scheme(own.url.expose()).is_some_and(|scheme| UNIX.contains(&scheme.as_str())) {
        faults.push(
            "store.cluster: a cluster has no Unix socket; set the host of one of its nodes in store.url"
                .into(),
        );
    }
    if !own.url.is_empty() && !own.path.as_os_str().is_empty() {
        faults.push("store.path: is for the file, and store.url names a Redis; remove one of them".into());
    }
    if !(1..=8760).contains(&own.ttl_hours) {
        faults.push(format!("store.ttl_hours: {} is outside 1 to 8760", own.ttl_hours));
    }
    if !(1..=3600).contains(&own.resume_seconds) {
        faults.push(format!("store.resume_seconds: {} is outside 1 to 3600", own.resume_seconds));
    }
    let key = own.key.expose();
    if !key.is_empty() && (key.len() != KEY || !key.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        faults.push(format!(
            "store.key: is not {KEY} hexadecimal digits; `openssl rand -hex 32` makes such a key"
        ));
    }
}

fn scheme(address: &str) -> Option<String> {
    Url::parse(address).ok().map(|url| url.scheme().to_owned())
}

/// What is wrong with an address, if something is.
fn address_fault(address: &str) -> Option<&'static str> {
    if address.is_empty() {
        return None;
    }
    let Ok(url) = Url::parse(address) else {
        return Some("is not an address such as redis://host:6379/0");
    };
    let scheme = url.scheme();
    if UNIX.contains(&scheme) {
        return (url.path().len() < 2)
            .then_some("names no socket; write it like redis+unix:///run/redis/redis.sock");
    }
    if !TCP.contains(&scheme) && !TLS.contains(&scheme) {
        return Some("does not begin with redis://, rediss:// (TLS) or redis+unix://");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Some("names no host; write it like redis://host:6379/0");
    }
    if url.fragment().is_some() {
        return Some("holds a '#': a certificate is always checked; in a password write it as %23");
    }
    let database = url.path().trim_matches('/');
    let is_number = database.is_empty() || database.parse::<u32>().is_ok();
    (!is_number).then_some("ends with a path that is not the number of a database, as in redis://host:6379/0")
}

#[cfg(test)]
mod tests {
    use crate::testing::{flagged, loaded};
    use crate::{Config, Sources, load};

    #[test]
    fn what_is_wrong_with_a_store_is_told_without_its_password_and_key() {
        let key = "f".repeat(64);
        for (text, told) in [
            ("url = \"redis://:hush-hush@cache\"".to_owned(), None),
            ("url = \"rediss://anna:hush-hush@cache:6380/2\"\ncluster = true".to_owned(), None),
            ("url = \"redis+unix:///run/redis.sock?pass=hush-hush\"".to_owned(), None),
            (format!("key = \"{key}\"\npath = \"/var/lib/visavis\""), None),
            (String::new(), None),
            ("url = \"http://hush-hush\"".to_owned(), Some("does not begin with redis://")),
            ("url = \"hush-hush\"".to_owned(), Some("is not an address")),
            ("url = \"redis:///0\"".to_owned(), Some("names no host")),
            ("url = \"redis://cache/hush-hush\"".to_owned(), Some("not the number of a database")),
            ("url = \"rediss://cache/#insecure\"".to_owned(), Some("a certificate is always checked")),
            ("url = \"redis+unix://\"".to_owned(), Some("names no socket")),
            ("cluster = true".to_owned(), Some("store.cluster: is for a Redis")),
            ("url = \"unix:///r.sock\"\ncluster = true".to_owned(), Some("has no Unix socket")),
            ("url = \"redis://cache\"\npath = \"/s\"".to_owned(), Some("remove one of them")),
            ("ttl_hours = 0".to_owned(), Some("store.ttl_hours: 0 is outside 1 to 8760")),
            ("resume_seconds = 3600".to_owned(), None),
            ("resume_seconds = 0".to_owned(), Some("store.resume_seconds: 0 is outside 1 to 3600")),
            ("resume_seconds = 3601".to_owned(), Some("store.resume_seconds: 3601 is outside 1 to 3600")),
            ("key = \"hush-hush\"".to_owned(), Some("not 64 hexadecimal digits")),
        ] {
            let faults = loaded(&format!("[store]\n{text}\n"), &[], &[]).err().unwrap_or_default();
            let fits = told.map_or(faults.is_empty(), |told| faults.len() == 1 && faults[0].contains(told));
            assert!(fits, "{text}: {faults:?}");
            assert!(faults.iter().all(|fault| !fault.contains("hush-hush")), "{faults:?}");
        }
    }

    #[test]
    fn neither_the_address_nor_the_key_of_a_store_is_shown() {
        let digits = "1".repeat(64);
        let environment =
            [("VISAVIS_STORE_URL", "redis://:hush-hush@cache"), ("VISAVIS_STORE_KEY", digits.as_str())];
        let config = loaded("", &environment, &[]).unwrap();
        assert_eq!(config.store.key.expose(), digits, "it is text even if it looks like a number");
        assert_eq!(config.store.url.expose(), "redis://:hush-hush@cache");
        let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("hush-hush") && !shown.contains(&digits), "{shown}");
    }

    #[test]
    fn an_address_of_a_store_that_is_off_is_refused_wherever_it_was_set() {
        let variable = [("VISAVIS_STORE_URL", "redis://:hush-hush@cache")];
        let none: [(&str, &str); 0] = [];
        let address = "[store]\nurl = \"redis://:hush-hush@cache\"\n";
        for (text, environment) in [(address, &none[..]), ("", &variable[..])] {
            let faults = loaded(text, environment, &[("store.enabled", "false")]).unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            for part in ["store.url", "store.enabled is false", "remove one of them"] {
                assert!(faults[0].contains(part), "{part}: {faults:?}");
            }
            assert!(!faults[0].contains("hush-hush"), "{faults:?}");
            assert!(loaded(text, environment, &[]).unwrap().store.enabled);
        }
    }

    #[test]
    fn the_store_is_on_and_asked_for_as_soon_as_anything_of_it_is_set() {
        let none: [(&str, &str); 0] = [];
        let key = "1".repeat(64);
        let variable = [("VISAVIS_STORE_KEY", key.as_str())];
        for (text, environment, flags, asked) in [
            ("", &none[..], &none[..], false),
            ("[server]\nmax_calls = 3\n", &none[..], &none[..], false),
            ("[store]\nttl_hours = 24\n", &none[..], &none[..], true),
            ("", &variable[..], &none[..], true),
            ("", &none[..], &[("store.enabled", "true")][..], true),
        ] {
            let store = loaded(text, environment, flags).unwrap().store;
            assert_eq!(
                (store.enabled, store.is_asked_for),
                (true, asked),
                "{text} {environment:?} {flags:?}"
            );
        }
        let off = loaded("[store]\nenabled = false\n", &[], &[]).unwrap();
        assert!(!off.store.enabled);
        let shown = serde_json::to_string(&off).unwrap();
        assert!(!shown.contains("asked"), "it is no setting: {shown}");
    }

    #[test]
    fn the_file_is_in_the_data_directory_unless_another_folder_is_named() {
        let flags = flagged(&[("store.path", "/var/lib/visavis")]);
        let named = load(&Sources { flags, ..Sources::default() }).unwrap();
        assert_eq!(named.store_dir(), std::path::Path::new("/var/lib/visavis"));
        assert!(Config::default().store_dir().ends_with("visavis/store"));
    }
}
