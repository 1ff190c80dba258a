//! Cloudflare Workers AI: MeloTTS, Deepgram's Aura and similar models. Each model is a path below the account's address.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::api::{self, Answer, Api, Line};
use super::listing::Listing;
use crate::backends::http::{self, Http, Refused};
use crate::config::{TtsEngine, TtsFormat};

/// An account at Cloudflare.
pub(super) struct Cloudflare {
    pub(super) http: Arc<Http>,
    pub(super) settings: Arc<TtsEngine>,
}

impl Cloudflare {
    fn url(&self) -> reqwest::Url {
        let path: Vec<&str> = ["ai", "run"].into_iter().chain(self.settings.model.split('/')).collect();
        self.http.url(&path)
    }
}

#[async_trait]
impl Api for Cloudflare {
    fn does(&self) -> &'static str {
        "/ai/run"
    }

    fn cloning(&self) -> Result<(), String> {
        Err("Workers AI has no cloning. Name another voice, or use a server that clones, such as XTTS or Chatterbox".into())
    }

    /// A model can only be asked for speech, so this check shows only that the account's address and the key are valid.
    async fn look(&self) -> Result<Listing, Refused> {
        let response = self.http.send(self.http.get(self.url())).await?;
        let page = http::content_type(&response).starts_with("text/html");
        match response.status().as_u16() {
            200..=299 | 400 | 404 | 405 | 415 | 422 | 426 | 429 if !page => Ok(Listing::default()),
            _ => Err(api::refused(&self.http, response, self.does()).await),
        }
    }

    async fn speak(&self, line: &Line) -> Result<Answer, Refused> {
        let request = self.http.post(self.url()).json(&body(&self.settings, line));
        let response = api::asked(&self.http, request, self.does()).await?;
        api::sound(&self.http, response, api::coding(&self.settings)).await
    }
}

/// The fields of a request: MeloTTS differs from the others.
fn body(own: &TtsEngine, line: &Line) -> Map<String, Value> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| _ = body.insert(name.into(), value);
    if own.model.contains("melotts") {
        set("prompt", line.text.clone().into());
        set("lang", line.language.clone().into());
    } else {
        set("text", line.text.clone().into());
        if !line.voice.is_empty() {
            set("speaker", line.voice.clone().into());
        }
        set("encoding", "linear16".into());
        match own.format {
            TtsFormat::Wav => set("container", "wav".into()),
            TtsFormat::Pcm => {
                set("container", "none".into());
                set("sample_rate", own.rate.into());
            }
        }
    }
    body.extend(own.body.clone());
    body
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_model_gets_its_own_fields() {
        let line = Line {
            text: "Hello.".into(),
            voice: "luna".into(),
            language: "es".into(),
            speed: Default::default(),
            clip: None,
        };
        let own = |model: &str, format| TtsEngine { model: model.into(), format, ..TtsEngine::default() };
        let melo = body(&own("@cf/myshell-ai/melotts", TtsFormat::Wav), &line);
        assert_eq!(Value::from(melo), json!({ "prompt": "Hello.", "lang": "es" }));
        let mut aura = own("@cf/deepgram/aura-1", TtsFormat::Pcm);
        aura.body.insert("sample_rate".into(), json!(16000));
        let expected = json!({
            "text": "Hello.", "speaker": "luna", "encoding": "linear16", "container": "none", "sample_rate": 16000,
        });
        assert_eq!(Value::from(body(&aura, &line)), expected);
        let wav = body(&own("@cf/deepgram/aura-1", TtsFormat::Wav), &line);
        assert_eq!((&wav["container"], wav.get("sample_rate")), (&json!("wav"), None));
    }
}
