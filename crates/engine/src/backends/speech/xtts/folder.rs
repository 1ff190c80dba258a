//! xtts-api-server: a speaker is the name of a clip in the server's folder.

use std::sync::Arc;

use reqwest::header::CONTENT_TYPE;

use super::{Known, Xtts, request};
use crate::EngineError;
use crate::backends::http::form::Form;
use crate::backends::http::{Http, Refused};
use crate::backends::speech::api::{self, Answer, Line};
use crate::backends::speech::clip::{self, Clip};
use crate::backends::speech::sound::Coding;

impl Xtts {
    pub(super) async fn speak_by_name(&self, line: &Line, known: &Known) -> Result<Answer, Refused> {
        let given = match &line.clip {
            Some(clip) => Some(self.give(clip).await?),
            None => None,
        };
        let fields = request::by_name(&self.settings, line, &known.languages, given.as_deref());
        let response = if self.settings.stream {
            let mut url = self.http.url(&["tts_stream"]);
            for (name, value) in &fields {
                url.query_pairs_mut().append_pair(name, &request::plain(value));
            }
            api::asked(&self.http, self.http.get(url), "/tts_stream").await?
        } else {
            let request = self.http.post(self.http.url(&["tts_to_audio", ""])).json(&fields);
            api::asked(&self.http, request, "/tts_to_audio/").await?
        };
        api::sound(&self.http, response, Coding::Wav).await
    }

    /// Uploads a clip into the server's folder, once; returns its name there.
    async fn give(&self, clip: &Clip) -> Result<Arc<str>, Refused> {
        let recorded = clip::read(clip).await?;
        let tag = recorded.tag.clone();
        let (http, clip) = (self.http.clone(), clip.clone());
        let asked = async move {
            let file = format!("{}.wav", recorded.tag);
            let (kind, body) = Form::new(&recorded.bytes).wav("wavFile", &file, &recorded.bytes).finish();
            let request = http.post(http.url(&["upload_sample"])).header(CONTENT_TYPE, kind).body(body);
            let response = http.send(request).await?;
            match response.status().as_u16() {
                200..=299 => Ok(Arc::from(file)),
                404 | 405 => Err(takes_none(&http, &clip).into()),
                _ => Err(api::refused(&http, response, "/upload_sample").await),
            }
        };
        self.given.get(&tag, asked).await
    }
}

fn takes_none(http: &Http, clip: &Clip) -> EngineError {
    let (at, file) = (http.address(), clip.file.display());
    EngineError::Invalid(format!(
        "voice: {at} takes no clips (it has no /upload_sample). Copy {file} into its folder of speakers under the voice's name, or \
         update the server"
    ))
}
