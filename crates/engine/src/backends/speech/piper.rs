//! Piper's HTTP server, `python -m piper.http_server`, in all versions: the oldest takes text, later ones take JSON.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::api::{self, Answer, Api, Line};
use super::listing::{Listed, Listing, language};
use super::sound::Coding;
use crate::backends::http::{self, Http, Refused};
use crate::config::TtsEngine;

/// How a server takes a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As JSON at `/synthesize`.
    Synthesize,
    /// As JSON at `/`.
    Root,
    /// As text at `/`; it has one voice and one speed.
    Text,
}

/// A Piper server.
pub(super) struct Piper {
    http: Arc<Http>,
    settings: Arc<TtsEngine>,
    /// A server to which nothing has been sent.
    form: Mutex<Option<Form>>,
}

impl Piper {
    /// Nothing is sent yet.
    pub(super) fn new(http: Arc<Http>, settings: Arc<TtsEngine>) -> Self {
        Self { http, settings, form: Mutex::new(None) }
    }

    fn form(&self) -> Option<Form> {
        *self.form.lock()
    }

    /// Records that it takes JSON. The first segment finds out which of two paths it uses.
    fn takes_json(&self) {
        let mut form = self.form.lock();
        if form.is_none_or(|form| form == Form::Text) {
            *form = Some(Form::Synthesize);
        }
    }

    async fn post(&self, form: Form, line: &Line) -> Result<reqwest::Response, Refused> {
        let path: &[&str] = if form == Form::Synthesize { &["synthesize"] } else { &[] };
        let request = self.http.post(self.http.url(path));
        let request = match form {
            Form::Text => request.header(CONTENT_TYPE, "text/plain; charset=utf-8").body(line.text.clone()),
            Form::Synthesize | Form::Root => request.json(&body(&self.settings, line)),
        };
        Ok(self.http.send(request).await?)
    }
}

#[async_trait]
impl Api for Piper {
    fn does(&self) -> &'static str {
        "/synthesize"
    }

    fn cloning(&self) -> Result<(), String> {
        Err("Piper has no cloning. Name another voice, or use a server that clones, such as XTTS or Chatterbox".into())
    }

    async fn look(&self) -> Result<Listing, Refused> {
        let http = &self.http;
        let response = http.send(http.get(http.url(&["voices"]))).await?;
        match response.status().as_u16() {
            200..=299 if !http::content_type(&response).starts_with("text/html") => {
                let list = api::json(http, response).await?;
                self.takes_json();
                Ok(listing(&list, &self.settings))
            }
            404 | 405 => {
                *self.form.lock() = Some(Form::Text);
                Ok(Listing::default())
            }
            _ => Err(api::refused(http, response, "/voices").await),
        }
    }

    async fn speak(&self, line: &Line) -> Result<Answer, Refused> {
        let form = match self.form() {
            Some(form) => form,
            None => {
                self.look().await?;
                self.form().unwrap_or(Form::Synthesize)
            }
        };
        let mut response = self.post(form, line).await?;
        if form == Form::Synthesize && matches!(response.status().as_u16(), 404 | 405) {
            *self.form.lock() = Some(Form::Root);
            response = self.post(Form::Root, line).await?;
        }
        // The content type is no help: Flask labels the sound as HTML.
        if !response.status().is_success() {
            return Err(api::refused(&self.http, response, self.does()).await);
        }
        api::sound(&self.http, response, Coding::Wav).await
    }
}

/// A segment as JSON. `name#12` is speaker 12 of a voice, `name#anna` its speaker of that name.
fn body(own: &TtsEngine, line: &Line) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("text".into(), line.text.clone().into());
    let (voice, speaker) = match line.voice.split_once('#') {
        Some((voice, speaker)) => (voice, Some(speaker)),
        None => (line.voice.as_str(), None),
    };
    if !voice.is_empty() {
        body.insert("voice".into(), voice.into());
    }
    match speaker.map(|speaker| (speaker, speaker.parse::<u32>())) {
        Some((_, Ok(number))) => _ = body.insert("speaker_id".into(), number.into()),
        Some((name, Err(_))) => _ = body.insert("speaker".into(), name.into()),
        None => {}
    }
    let speed = line.speed.of(own.speed);
    if (speed - 1.0).abs() > 0.001 {
        // Piper takes the relative length, the inverse of the speed.
        let scale = (1.0 / f64::from(speed) * 1e3).round() / 1e3;
        body.insert("length_scale".into(), json!(scale));
    }
    body.extend(own.body.clone());
    body
}

/// What its list makes of a voice's name: it cuts off all letters of ".onnx.json" at the end, not that ending alone.
fn cut(name: &str) -> &str {
    name.trim_end_matches(['.', 'o', 'n', 'x', 'j', 's'])
}

/// The whole name of a listed voice, if the configuration tells it. Only by that the server finds the voice's file: asked for one
/// that it does not find it speaks with its default voice, and says so in its log alone.
fn whole<'a>(listed: &'a str, own: &'a TtsEngine) -> &'a str {
    let speakers =
        own.speakers.iter().map(|speaker| if speaker.id.is_empty() { &speaker.name } else { &speaker.id });
    let named = speakers.chain([&own.voice]).map(|name| name.split('#').next().unwrap_or_default());
    let mut meant: Vec<&str> = named.filter(|name| cut(name) == listed).collect();
    meant.sort_by_key(|name| *name != listed);
    meant.first().copied().unwrap_or(listed)
}

/// The voices of a list: a table of their descriptions.
fn listing(list: &Value, own: &TtsEngine) -> Listing {
    let voices = list.as_object().into_iter().flatten().map(|(name, about)| {
        let told =
            [&about["language"]["code"], &about["espeak"]["voice"]].into_iter().find_map(Value::as_str);
        // Piper's names begin with the language: en_US-lessac-medium.
        let named = name.split('-').next().filter(|code| code.contains('_')).unwrap_or_default();
        let code = told.filter(|code| !language(code).is_empty()).unwrap_or(named);
        Listed::new(whole(name, own), code)
    });
    Listing::of(voices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TtsSpeaker;

    fn line(voice: &str) -> Line {
        Line {
            text: "Hello.".into(),
            voice: voice.into(),
            language: "en".into(),
            speed: Default::default(),
            clip: None,
        }
    }

    #[test]
    fn a_segment_names_its_voice_speaker_and_length() {
        let own = TtsEngine::default();
        assert_eq!(Value::from(body(&own, &line(""))), json!({ "text": "Hello." }));
        let numbered = json!({ "text": "Hello.", "voice": "en_US-libritts", "speaker_id": 12 });
        assert_eq!(Value::from(body(&own, &line("en_US-libritts#12"))), numbered);
        let mut fast = TtsEngine { speed: 1.25, ..own };
        fast.body.insert("noise_scale".into(), json!(0.3));
        let named = json!({ "text": "Hello.", "voice": "a", "speaker": "anna", "length_scale": 0.8, "noise_scale": 0.3 });
        assert_eq!(Value::from(body(&fast, &line("a#anna"))), named);
    }

    #[test]
    fn voices_are_listed_with_their_languages() {
        let list = json!({
            "de_DE-thorsten-medium": { "language": { "code": "de_DE", "family": "de" } },
            "nl_NL-mls": { "espeak": { "voice": "nl" } },
            "en_GB-alba-medium": {},
            "mine": {},
        });
        let own = TtsEngine::default();
        let found = listing(&list, &own);
        let mut told: Vec<_> =
            found.voices.iter().map(|it| format!("{} {} {}", it.name, it.language, it.locale)).collect();
        told.sort();
        let expected =
            ["de_DE-thorsten-medium de de_DE", "en_GB-alba-medium en en_GB", "mine  ", "nl_NL-mls nl "];
        assert_eq!((told.as_slice(), found.complete), (&expected.map(String::from)[..], true));
        assert_eq!(listing(&json!([1, 2]), &own), Listing::default());
    }

    #[test]
    fn a_name_that_the_server_s_list_has_cut_is_the_one_that_the_configuration_tells() {
        let list = json!({ "jame": {}, "alis": {}, "de_DE-joha": {}, "en_US-ryan-high": {} });
        let speaker = |name: &str, id: &str| TtsSpeaker {
            name: name.into(),
            language: "en".into(),
            locale: String::new(),
            id: id.into(),
        };
        let speakers = vec![speaker("anna", "alison#2"), speaker("de_DE-johansson", "")];
        let mut own = TtsEngine { voice: "james#3".into(), speakers, ..TtsEngine::default() };
        let names = |own: &TtsEngine| {
            let mut names: Vec<String> = listing(&list, own).voices.into_iter().map(|it| it.name).collect();
            names.sort();
            names
        };
        // "alison" would be listed as "ali".
        assert_eq!(names(&own), ["alis", "de_DE-johansson", "en_US-ryan-high", "james"]);
        own.speakers.push(speaker("jame", ""));
        assert_eq!(names(&own)[3], "jame", "a name that is configured as it is listed stays");
    }
}
