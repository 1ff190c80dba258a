//! Reads an unexpected response and explains it.

use reqwest::Response;
use reqwest::header::RETRY_AFTER;

use super::answer::{Answer, Refused, error};
use super::{Http, content_type, text};

/// Reads a response unchanged: it may repeat secrets.
pub(in crate::backends) async fn read(response: Response) -> Answer {
    let (status, kind) = (response.status().as_u16(), content_type(&response));
    let told = response.headers().get(RETRY_AFTER).and_then(|told| told.to_str().ok());
    let retry_after = told.map(String::from);
    Answer { status, kind, retry_after, body: text(response).await }
}

/// Reads a response and redacts the secrets that it repeats.
pub(in crate::backends) async fn answer(http: &Http, response: Response) -> Answer {
    let answer = read(response).await;
    Answer { body: http.without_secrets(answer.body), ..answer }
}

/// Explains an unexpected response: a refusal, a failure, a redirect, a web page. `does`: the requested path, such as
/// `/audio/speech`.
pub(in crate::backends) async fn refused(http: &Http, response: Response, does: &str) -> Refused {
    let asked = http.asked(does, "");
    answer(http, response).await.explain(&asked, |status, fault| error(status, fault, &asked))
}
