//! Voices behind an OpenAI-compatible `/audio/speech`: Kokoro-FastAPI, speaches, Chatterbox servers, LocalAI, vLLM, OpenAI.
//!
//! - this file: the requests
//! - `request`: builds the body for a segment; `voices`: reads the server's list of voices (both pure)

mod request;
mod voices;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;

use super::api::{self, Answer, Api, Line};
use super::clip::{self, Clip, Recorded};
use super::listing::Listing;
use super::once::Once;
use super::server;
use crate::backends::http::form::Form;
use crate::backends::http::{self, Http, Refused};
use crate::config::{TtsCloning, TtsEngine};
use request::Spoken;

/// Most clips that are remembered as uploaded.
const MOST_CLIPS: usize = 256;

/// A server with an OpenAI-compatible API.
pub(super) struct OpenAi {
    http: Arc<Http>,
    settings: Arc<TtsEngine>,
    /// The clips that the server has.
    known: Once<()>,
}

impl OpenAi {
    /// A server to which nothing has been sent.
    pub(super) fn new(http: Arc<Http>, settings: Arc<TtsEngine>) -> Self {
        let known = Once::new(MOST_CLIPS, server::before(&settings).length());
        Self { http, settings, known }
    }

    fn speech(&self, path: &[&str]) -> RequestBuilder {
        self.http.post(self.http.url(path))
    }

    /// A request for a segment in a cloned voice.
    async fn cloned(&self, line: &Line, clip: &Clip) -> Result<RequestBuilder, Refused> {
        let recorded = clip::read(clip).await?;
        let own = &self.settings;
        Ok(match own.cloning {
            TtsCloning::Upload => {
                let spoken = Spoken { line, voice: "" };
                let (kind, body) = request::upload(own, spoken, &recorded).finish();
                self.speech(&["audio", "speech", "upload"]).header(CONTENT_TYPE, kind).body(body)
            }
            TtsCloning::Library => {
                let tag = recorded.tag.clone();
                self.introduce(clip, recorded).await?;
                let spoken = Spoken { line, voice: &tag };
                self.speech(&["audio", "speech"]).json(&request::speech(own, spoken))
            }
            TtsCloning::Inline | TtsCloning::None => {
                let spoken = Spoken { line, voice: "" };
                let body = request::inline(own, spoken, clip, &recorded);
                self.speech(&["audio", "speech"]).json(&body)
            }
        })
    }

    /// Uploads a clip that the server does not have yet.
    async fn introduce(&self, clip: &Clip, recorded: Recorded) -> Result<(), Refused> {
        let tag = recorded.tag.clone();
        let (http, language) = (self.http.clone(), clip.language.clone());
        let asked = async move {
            let form = Form::new(&recorded.bytes)
                .text("voice_name", &recorded.tag)
                .text("language", &language)
                .wav("voice_file", &format!("{}.wav", recorded.tag), &recorded.bytes);
            let (kind, body) = form.finish();
            let request = http.post(http.url(&["voices"])).header(CONTENT_TYPE, kind).body(body);
            let response = http.send(request).await?;
            // 409: the clip was uploaded before this server started.
            if !response.status().is_success() && response.status().as_u16() != 409 {
                return Err(api::refused(&http, response, "/voices").await);
            }
            Ok(())
        };
        self.known.get(&tag, asked).await
    }

    /// Checks a server, and reads its list.
    async fn list(&self) -> Result<Listing, Refused> {
        let http = &self.http;
        let response = http.send(http.get(http.url(&["audio", "voices"]))).await?;
        let page = http::content_type(&response).starts_with("text/html");
        match response.status().as_u16() {
            200..=299 if !page => {
                let (list, model) = (api::json(http, response).await?, self.settings.model.as_str());
                let all = voices::listing(&list, model);
                if !model.is_empty() && voices::is_of_all_models(&list) {
                    return self.of_model(model, all).await;
                }
                Ok(all)
            }
            // No list, or none for this key: some keys permit requests for speech only.
            200..=299 | 400 | 403..=405 | 422 | 501 => self.look_without_list().await,
            _ => Err(api::refused(http, response, self.does()).await),
        }
    }

    /// The voices of one model; `all`: the voices of all models, if the server does not distinguish them.
    async fn of_model(&self, model: &str, all: Listing) -> Result<Listing, Refused> {
        let http = &self.http;
        let path: Vec<&str> = std::iter::once("models").chain(model.split('/')).collect();
        let response = http.send(http.get(http.url(&path))).await?;
        if !response.status().is_success() {
            return Ok(all);
        }
        let own = voices::listing(&api::json(http, response).await?, "");
        Ok(if own.complete { own } else { all })
    }

    /// Checks a server that does not list its voices: one that accepts requests rejects an empty one with a validation error.
    async fn look_without_list(&self) -> Result<Listing, Refused> {
        let request = self.speech(&["audio", "speech"]).json(&serde_json::json!({}));
        let response = self.http.send(request).await?;
        let page = http::content_type(&response).starts_with("text/html");
        match response.status().as_u16() {
            200..=299 | 400 | 422 | 429 | 500 if !page => Ok(Listing::default()),
            _ => Err(api::refused(&self.http, response, self.does()).await),
        }
    }
}

#[async_trait]
impl Api for OpenAi {
    fn does(&self) -> &'static str {
        "/audio/speech"
    }

    fn cloning(&self) -> Result<(), String> {
        match self.settings.cloning {
            TtsCloning::None => {
                let section = self.http.section();
                Err(format!(
                    "this API defines no cloning. Set {section}.cloning to upload, library or inline, \
                     whichever the server supports"
                ))
            }
            TtsCloning::Upload | TtsCloning::Library | TtsCloning::Inline => Ok(()),
        }
    }

    async fn look(&self) -> Result<Listing, Refused> {
        let listed = self.list().await;
        if listed.is_err() {
            // The server may have restarted without the clips, and would then speak with its default voice.
            self.known.clear();
        }
        listed
    }

    async fn speak(&self, line: &Line) -> Result<Answer, Refused> {
        let request = match &line.clip {
            Some(clip) => self.cloned(line, clip).await?,
            None => {
                let spoken = Spoken { line, voice: &line.voice };
                self.speech(&["audio", "speech"]).json(&request::speech(&self.settings, spoken))
            }
        };
        let response = api::asked(&self.http, request, self.does()).await?;
        api::sound(&self.http, response, api::coding(&self.settings)).await
    }
}
