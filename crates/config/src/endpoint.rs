//! What engines behind an HTTP API have in common: address, key, headers and times.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::Url;

use super::secret::Secret;

/// Most entries of a table of headers or fields.
pub(crate) const MOST_ENTRIES: usize = 32;
/// Longest key in bytes.
const LONGEST_KEY: usize = 8192;
/// Fewest and most seconds for a connection.
const CONNECTING: (u32, u32) = (1, 60);
/// Fewest and most seconds of silence.
const SILENCE: (u32, u32) = (1, 600);

/// An engine that runs elsewhere: `http://host:port`, `https://host:port` or `unix:/path`. Empty: the server starts one.
pub type Remote = String;

/// An engine behind an HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    /// Its section of the configuration, such as `llm`, for messages.
    pub section: String,
    /// The base address of its API.
    pub url: String,
    /// The key, sent as `Authorization: Bearer`; empty: none is sent.
    pub key: Secret,
    /// A file that holds the key, instead of `key`.
    pub key_file: PathBuf,
    /// Further headers of every request.
    pub headers: BTreeMap<String, Secret>,
    /// Seconds within which a connection must be made.
    pub connect_seconds: u32,
    /// Seconds without data before the response's first piece after which the request ends.
    pub silence_seconds: u32,
    /// The same after the first piece; none: its responses come in one piece.
    pub stall_seconds: Option<u32>,
}

/// Adds a line for each setting that is given although nothing reads it. `why`: what it is for, and what to do.
pub(crate) fn refuse_unread(settings: &[(&str, bool)], why: &str, faults: &mut Vec<String>) {
    for (key, given) in settings {
        if *given {
            faults.push(format!("{key}: {why}"));
        }
    }
}

/// Gives the settings of an engine the method `endpoint`: each names alike what engines behind an HTTP API have in common.
macro_rules! has_endpoint {
    // `$stall`: the settings' `stall_seconds`, or none.
    ($settings:ty, |$own:ident| $stall:expr) => {
        impl $settings {
            /// What it has in common with other engines behind an HTTP API; `section`: where it stands in the configuration.
            #[must_use]
            pub fn endpoint(&self, section: &str) -> $crate::Endpoint {
                let $own = self;
                $crate::Endpoint {
                    section: section.into(),
                    url: self.url.clone(),
                    key: self.key.clone(),
                    key_file: self.key_file.clone(),
                    headers: self.headers.clone(),
                    connect_seconds: self.connect_seconds,
                    silence_seconds: self.silence_seconds,
                    stall_seconds: $stall,
                }
            }
        }
    };
}
pub(crate) use has_endpoint;

impl Endpoint {
    /// The key, from `key` or the file that holds it; empty: none.
    ///
    /// # Errors
    /// When the file cannot be read or holds no key; the message names the setting and holds no part of the key.
    pub fn secret(&self) -> Result<Secret, String> {
        let section = &self.section;
        let (key, origin) = if self.key_file.as_os_str().is_empty() {
            (self.key.clone(), format!("{section}.key"))
        } else {
            let file = self.key_file.display();
            let text = std::fs::read_to_string(&self.key_file)
                .map_err(|error| format!("{section}.key_file: {file} cannot be read: {error}"))?;
            let key = text.trim();
            if key.is_empty() {
                return Err(format!("{section}.key_file: {file} is empty; write the key into it"));
            }
            (Secret::new(key), format!("{section}.key_file: {file}"))
        };
        if key.expose().len() > LONGEST_KEY {
            return Err(format!("{origin}: {} bytes; at most {LONGEST_KEY}", key.expose().len()));
        }
        if HeaderValue::from_str(key.expose()).is_err() {
            return Err(format!("{origin}: holds a character that no header may have, such as a line break"));
        }
        Ok(key)
    }

    /// Adds a line for each fault of address, key, headers and times.
    pub(crate) fn check(&self, example_url: &str, faults: &mut Vec<String>) {
        self.check_address(example_url, faults);
        self.check_key(faults);
        self.check_headers(faults);
        let stall = self.stall_seconds.map(|seconds| ("stall_seconds", seconds, SILENCE));
        let times = [
            ("connect_seconds", self.connect_seconds, CONNECTING),
            ("silence_seconds", self.silence_seconds, SILENCE),
        ];
        for (name, seconds, (least, most)) in times.into_iter().chain(stall) {
            if !(least..=most).contains(&seconds) {
                faults.push(format!("{}.{name}: {seconds} is outside {least} to {most}", self.section));
            }
        }
    }

    fn check_address(&self, example_url: &str, faults: &mut Vec<String>) {
        let section = &self.section;
        let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let Some(url) = Url::parse(&self.url).ok().filter(web) else {
            faults.push(format!(
                "{section}.url: is not an http:// or https:// address; set that of the endpoint's API, such as \
                 {example_url}"
            ));
            return;
        };
        if !url.username().is_empty() || url.password().is_some() {
            faults.push(format!(
                "{section}.url: holds a user or a password; use {section}.key or {section}.headers"
            ));
        }
    }

    /// Adds a line if the address ends with `end`, a part of the `path` that the server itself appends.
    pub(crate) fn check_end(&self, end: &str, path: &str, faults: &mut Vec<String>) {
        let address = self.url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        if address.ends_with(end) {
            faults.push(format!("{}.url: leave out {path}: the server adds it", self.section));
        }
    }

    fn check_key(&self, faults: &mut Vec<String>) {
        let section = &self.section;
        if !self.key.is_empty() && !self.key_file.as_os_str().is_empty() {
            faults.push(format!("{section}.key_file: {section}.key is set too; remove one of them"));
        }
        faults.extend(self.secret().err());
    }

    fn check_headers(&self, faults: &mut Vec<String>) {
        let section = &self.section;
        let mut fault = |text: String| faults.push(format!("{section}.headers: {text}"));
        if self.headers.len() > MOST_ENTRIES {
            fault(format!("{}; at most {MOST_ENTRIES}", self.headers.len()));
        }
        let keyed = !self.key.is_empty() || !self.key_file.as_os_str().is_empty();
        for (name, value) in &self.headers {
            match name.parse::<HeaderName>() {
                Ok(header) if keyed && header == AUTHORIZATION => {
                    fault(format!("{name:?} is what {section}.key sets; remove one of them"));
                }
                Ok(_) if HeaderValue::from_str(value.expose()).is_ok() => {}
                _ => fault(format!("{name:?} or its value is not valid in a header")),
            }
        }
    }
}
