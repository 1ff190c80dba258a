//! WebRTC signalling in the shape of `docs/protocol.md`.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::caller::Caller;
use super::part::Part;
use super::problem::Problem;
use super::renderers;
use super::resume::{self, Access};
use super::voice::chosen;
use crate::event::EndReason;
use crate::frame::is_language;
use crate::ports::{TransportPorts, call_ports};
use crate::session::Wishes;
use crate::transport::protocol::{Carrier, Dialect};
use crate::transport::webrtc::{OfferError, RemoteCandidate, TransportSide};

/// Most candidates in one request; a client with more sends several.
const MOST_CANDIDATES: usize = 64;

/// The body of `POST /api/offer`, and of an offer to a session. `restart_pc` is not needed: the certificate tells whether an
/// offer for a call in progress is for the same connection or a new one. No log may show its token.
#[derive(Deserialize)]
pub struct Offer {
    sdp: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    pc_id: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    voice: Option<String>,
    #[serde(default)]
    avatar: Option<renderers::Asked>,
    #[serde(default)]
    resume: Option<resume::Asked>,
}

/// The body of `PATCH /api/offer`.
#[derive(Debug, Deserialize)]
pub struct Candidates {
    pc_id: String,
    candidates: Vec<Candidate>,
}

#[derive(Debug, Deserialize)]
struct Candidate {
    candidate: String,
    #[serde(default)]
    sdp_mid: Option<String>,
    #[serde(default)]
    sdp_mline_index: Option<u16>,
}

/// Begins a call, goes on with one by its token, or continues the one that `pc_id` names, if it still exists.
///
/// # Errors
/// As problem details.
pub async fn offer(
    State(app): State<App>,
    Extension(dialect): Extension<Dialect>,
    Caller(principal): Caller,
    body: Result<Json<Offer>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Json(offer) = body?;
    if offer.kind != "offer" {
        let detail = format!("type must be \"offer\", not {:?}", offer.kind);
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("type"));
    }
    if let Some(id) = &offer.pc_id
        && let Some(sdp) = here(&app, id, &offer).await?
    {
        return Ok(Json(json!({ "sdp": sdp, "type": "answer", "pc_id": id })));
    }
    let language = language(offer.language.as_deref())?;
    let names =
        renderers::FieldNames { live_link: "avatar.live_link", vmc: "avatar.vmc", subject: "avatar.subject" };
    let renderers = renderers::wanted(&app.config.renderers, offer.avatar.unwrap_or_default(), names)?;
    let host = app.webrtc.clone().ok_or_else(no_udp)?;
    let (user, owner) = (principal.user(), principal.owner());
    let names = resume::FieldNames { call: "resume.call", token: "resume.token" };
    let access = Access::of(&app, principal, offer.resume, names)?;
    let voice = chosen(&app, offer.voice.as_deref(), language.as_deref()).await?;
    let (ports, pipeline) = call_ports();
    let ports = TransportPorts { comes_back: access.is_resumed(), ..ports };
    let token = app.calls.transport_token();
    let tasks = app.calls.tasks().clone();
    let protocol = dialect.open(Carrier::Channel);
    let side = TransportSide { ports, protocol, token: token.clone(), tasks };
    let (sdp, peer) = Box::pin(host.answer(&offer.sdp, side)).await?;
    // The offer is good, so its token is not used up for nothing.
    let call = Box::pin(access.take(&app)).await.inspect_err(|_| token.cancel())?;
    let mut answer = json!({ "sdp": sdp, "type": "answer", "pc_id": call.id() });
    if let Some(next) = call.next_token() {
        answer["resume"] = json!(next);
    }
    let wishes = Wishes { language, voice, renderers, user, owner };
    app.calls.start(call, pipeline, Some(peer), wishes, token);
    Ok(Json(answer))
}

/// The answer to an offer for a call that is still here; `None`: it begins a call, or uses up its token, which a call that goes on
/// here does not need.
async fn here(app: &App, id: &str, offer: &Offer) -> Result<Option<String>, Problem> {
    let Some(asked) = &offer.resume else { return renegotiate(app, id, &offer.sdp).await };
    // One that has moved may come back by its token.
    match app.calls.over(id).filter(|reason| *reason != EndReason::Moved) {
        _ if asked.call != id => Ok(None),
        Some(reason) => Err(over(reason)),
        None => Ok(renegotiate(app, id, &offer.sdp).await.unwrap_or_default()),
    }
}

/// The answer to an offer for an existing call; `None` if it does not exist, and a new one may begin in its place.
async fn renegotiate(app: &App, id: &str, sdp: &str) -> Result<Option<String>, Problem> {
    let peer = app.calls.peer(id).filter(|peer| peer.is_open() && app.calls.over(id).is_none());
    let answer = match peer {
        Some(peer) => peer.renegotiate(sdp).await,
        None => Err(OfferError::Closed),
    };
    match (answer, app.calls.over(id)) {
        (_, Some(reason)) => Err(over(reason)),
        (Ok(sdp), None) => Ok(Some(sdp)),
        (Err(OfferError::Closed), None) => Ok(None),
        (Err(error), None) => Err(error.into()),
    }
}

/// Takes ICE candidates as the client finds them.
///
/// # Errors
/// As problem details.
pub async fn candidates(
    State(app): State<App>,
    body: Result<Json<Candidates>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(body) = body?;
    if body.candidates.len() > MOST_CANDIDATES {
        let detail = format!("At most {MOST_CANDIDATES} candidates at once, not {}.", body.candidates.len());
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("candidates"));
    }
    let peer = app.calls.peer(&body.pc_id).ok_or_else(|| no_call(&body.pc_id))?;
    let candidates = body.candidates.into_iter().map(|one| RemoteCandidate {
        candidate: one.candidate,
        sdp_mid: one.sdp_mid,
        sdp_mline_index: one.sdp_mline_index,
    });
    peer.add_candidates(candidates.collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hangs up a call.
///
/// # Errors
/// If there is no such call.
pub async fn hang_up(State(app): State<App>, Part(id): Part) -> Result<StatusCode, Problem> {
    if app.calls.hang_up(&id) { Ok(StatusCode::NO_CONTENT) } else { Err(no_call(&id)) }
}

/// The language that a client asked for; `None`: as configured. Only the language of a tag such as `en-US` counts.
pub(super) fn language(asked: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty() && *asked != "auto") else { return Ok(None) };
    let mut parts = asked.split(['-', '_']);
    let language = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_language(&language) && parts.all(is_subtag) {
        return Ok(Some(language));
    }
    let detail = format!("language must be \"auto\" or a tag such as \"en\" or \"en-US\", not {asked:?}");
    Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("language"))
}

fn no_call(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("There is no call {id:?}; it may have ended.")).field("pc_id")
}

fn over(reason: EndReason) -> Problem {
    let detail = "This call is over. Leave pc_id out to begin another one.";
    Problem::new(StatusCode::GONE, detail).field("pc_id").reason(reason.name())
}

pub(super) fn no_udp() -> Problem {
    let detail = "This server has no UDP port for WebRTC; use the WebSocket at /ws instead.";
    Problem::new(StatusCode::NOT_IMPLEMENTED, detail)
}

impl From<OfferError> for Problem {
    fn from(error: OfferError) -> Self {
        let detail = error.to_string();
        match error {
            OfferError::Closed => Self::new(StatusCode::NOT_FOUND, detail).field("pc_id"),
            OfferError::Internal { .. } => Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail),
            _ => Self::new(StatusCode::BAD_REQUEST, detail).field("sdp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_may_have_a_region_and_nonsense_is_refused() {
        for (asked, expected) in [
            (None, Some(None)),
            (Some(""), Some(None)),
            (Some("auto"), Some(None)),
            (Some("en"), Some(Some("en"))),
            (Some("en-US"), Some(Some("en"))),
            (Some("de_DE"), Some(Some("de"))),
            (Some("ZH-Hans-CN"), Some(Some("zh"))),
            (Some("english"), None),
            (Some("e"), None),
            (Some("en-"), None),
            (Some("en US"), None),
        ] {
            let found = language(asked).ok();
            assert_eq!(found, expected.map(|language| language.map(str::to_owned)), "{asked:?}");
        }
    }
}
