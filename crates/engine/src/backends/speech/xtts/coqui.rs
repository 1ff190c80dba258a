//! Coqui's streaming server: a speaker is a set of numbers, which the server computes from a clip.

use std::sync::Arc;

use reqwest::header::CONTENT_TYPE;

use super::request::{self, Latents};
use super::{Known, Xtts};
use crate::EngineError;
use crate::backends::http::Refused;
use crate::backends::http::form::Form;
use crate::backends::speech::api::{self, Answer, Line};
use crate::backends::speech::clip::{self, Clip};
use crate::backends::speech::sound::Coding;

impl Xtts {
    pub(super) async fn speak_by_numbers(&self, line: &Line, known: &Known) -> Result<Answer, Refused> {
        let (does, path) = if self.settings.stream { ("/tts_stream", "tts_stream") } else { ("/tts", "tts") };
        let cloned = match &line.clip {
            Some(clip) => Some(self.latents(clip).await?),
            None => None,
        };
        let latents = match &cloned {
            Some(latents) => latents.as_ref(),
            None => known.speakers.get(&line.voice).ok_or_else(|| self.nobody(line))?,
        };
        let body = request::by_numbers(&self.settings, line, &known.languages, latents);
        let request = self.http.post(self.http.url(&[path])).json(&body);
        let response = api::asked(&self.http, request, does).await?;
        api::sound(&self.http, response, Coding::Wav).await
    }

    /// The numbers of a clip, which are requested once.
    async fn latents(&self, clip: &Clip) -> Result<Arc<Latents>, Refused> {
        let recorded = clip::read(clip).await?;
        let tag = recorded.tag.clone();
        let (http, name) = (self.http.clone(), clip.name.clone());
        let asked = async move {
            let file = format!("{}.wav", recorded.tag);
            let (kind, body) = Form::new(&recorded.bytes).wav("wav_file", &file, &recorded.bytes).finish();
            let request = http.post(http.url(&["clone_speaker"])).header(CONTENT_TYPE, kind).body(body);
            let response = api::asked(&http, request, "/clone_speaker").await?;
            let bytes = api::body(&http, response).await?;
            let latents: Latents = serde_json::from_slice(&bytes).map_err(|_| {
                let at = http.address();
                EngineError::Failed(format!(
                    "{at} cannot compute a speaker from the clip of {name:?}. Its log says why"
                ))
            })?;
            Ok(Arc::new(latents))
        };
        self.clips.get(&tag, asked).await
    }

    fn nobody(&self, line: &Line) -> EngineError {
        let (at, section) = (self.http.address(), self.http.section());
        let name = &line.voice;
        EngineError::Invalid(format!(
            "voice: {at} has no speaker {name:?}. Set {section}.voice to one that it lists under /studio_speakers, or to a cloned \
             voice"
        ))
    }
}
