//! Coqui XTTS behind either of its servers: Coqui's own streaming server, which takes the numbers that describe a speaker, and
//! xtts-api-server, which takes the names of clips in a folder.
//!
//! - this file: detects the server; `coqui`, `folder`: one each
//! - `request`: builds requests and reads lists (pure)

mod coqui;
mod folder;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::RwLock;
use reqwest::Response;

use super::api::{self, Answer, Api, Line};
use super::listing::{self, Listing};
use super::once::Once;
use super::server;
use crate::EngineError;
use crate::backends::http::{Http, Refused};
use crate::config::TtsEngine;
use request::Latents;

/// Most clips whose numbers or names are kept: numbers take some 130 KB each.
const MOST_CLIPS: usize = 32;

/// A server of XTTS.
pub(super) struct Xtts {
    http: Arc<Http>,
    settings: Arc<TtsEngine>,
    /// None: not known yet.
    known: RwLock<Option<Arc<Known>>>,
    /// The numbers of clips, by tag.
    clips: Once<Arc<Latents>>,
    /// Names of the clips in the server's folder, by tag.
    given: Once<Arc<str>>,
}

/// What is known about a server.
#[derive(Debug, Default)]
struct Known {
    kind: Kind,
    /// The numbers of the built-in speakers of Coqui's server.
    speakers: BTreeMap<String, Latents>,
    /// Codes of the languages, as the server writes them.
    languages: Vec<String>,
    listing: Listing,
}

/// Which of the two servers it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    /// Coqui's streaming server.
    #[default]
    Coqui,
    /// xtts-api-server.
    Folder,
}

impl Xtts {
    /// A server to which nothing has been sent.
    pub(super) fn new(http: Arc<Http>, settings: Arc<TtsEngine>) -> Self {
        let longest = server::before(&settings).length();
        let (clips, given) = (Once::new(MOST_CLIPS, longest), Once::new(MOST_CLIPS, longest));
        Self { http, settings, known: RwLock::new(None), clips, given }
    }

    async fn known(&self) -> Result<Arc<Known>, Refused> {
        let known = self.known.read().clone();
        match known {
            Some(known) => Ok(known),
            None => self.discover().await,
        }
    }

    /// Detects the server, and reads its lists.
    async fn discover(&self) -> Result<Arc<Known>, Refused> {
        let mut known = Known::default();
        let response = self.get("studio_speakers").await?;
        match response.status().as_u16() {
            200..=299 => known.speakers = request::speakers(&api::body(&self.http, response).await?),
            404 | 405 => {
                let response = self.get("speakers").await?;
                match response.status().as_u16() {
                    200..=299 => known.kind = Kind::Folder,
                    // The first versions of Coqui's server list nothing, and speak only with clips.
                    404 | 405 => {}
                    _ => return Err(api::refused(&self.http, response, "/speakers").await),
                }
                if known.kind == Kind::Folder {
                    known.listing = request::folder(&api::json(&self.http, response).await?);
                }
            }
            _ => return Err(api::refused(&self.http, response, "/studio_speakers").await),
        }
        if known.kind == Kind::Coqui {
            known.listing = request::studio(&known.speakers);
        }
        self.languages(&mut known).await?;
        let known = Arc::new(known);
        *self.known.write() = Some(known.clone());
        Ok(known)
    }

    /// Requests the languages; a server without a list speaks those of the model.
    async fn languages(&self, known: &mut Known) -> Result<(), Refused> {
        let response = self.get("languages").await?;
        if response.status().is_success() {
            let value = api::json(&self.http, response).await?;
            known.languages = request::codes(&value);
        }
        if known.languages.is_empty() {
            known.languages = request::LANGUAGES.map(String::from).to_vec();
        }
        let codes = known.languages.iter().map(String::as_str).collect::<Vec<_>>();
        known.listing.languages = listing::languages(&codes.into());
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Response, EngineError> {
        self.http.send(self.http.get(self.http.url(&[path]))).await
    }
}

#[async_trait]
impl Api for Xtts {
    fn does(&self) -> &'static str {
        "/tts_stream"
    }

    fn cloning(&self) -> Result<(), String> {
        Ok(())
    }

    async fn look(&self) -> Result<Listing, Refused> {
        let known = self.known.read().clone();
        let Some(known) = known.filter(|known| known.kind == Kind::Coqui) else {
            // The folder's clips may have changed.
            let found = self.discover().await;
            if found.is_err() {
                // The server may have restarted without the uploaded clips.
                self.given.clear();
            }
            return Ok(found?.listing.clone());
        };
        // The built-in speakers are megabytes of numbers and never change: they are requested once.
        let response = self.get("languages").await?;
        match response.status().as_u16() {
            200..=299 | 404 | 405 => Ok(known.listing.clone()),
            _ => Err(api::refused(&self.http, response, "/languages").await),
        }
    }

    async fn speak(&self, line: &Line) -> Result<Answer, Refused> {
        let known = self.known().await?;
        match known.kind {
            Kind::Coqui => self.speak_by_numbers(line, &known).await,
            Kind::Folder => self.speak_by_name(line, &known).await,
        }
    }
}
