//! WebRTC signalling in the shape of `docs/protocol.md`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::problem::Problem;
use super::renderers;
use crate::config::is_language;
use crate::ends::call_ends;
use crate::session::{Refusal, Seat, Wishes};
use crate::transport::protocol::Rtvi;
use crate::transport::webrtc::{OfferError, RemoteCandidate};

/// Most candidates in one request.
const MOST_CANDIDATES: usize = 64;

/// The body of `POST /api/offer`.
#[derive(Debug, Deserialize)]
pub struct Offer {
    sdp: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    pc_id: Option<String>,
    #[serde(default)]
    restart_pc: bool,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    avatar: Option<renderers::Asked>,
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

/// STUN and TURN servers for the client.
pub async fn ice_servers(State(app): State<App>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(json!({ "iceServers": app.config.server.ice_servers })))
}

/// Begins a call, or renegotiates one.
///
/// # Errors
/// As problem details.
pub async fn offer(
    State(app): State<App>,
    body: Result<Json<Offer>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Json(offer) = body?;
    if offer.kind != "offer" {
        let detail = format!("type must be \"offer\", not {:?}", offer.kind);
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("type"));
    }
    if let (Some(id), true) = (&offer.pc_id, offer.restart_pc) {
        let peer = app.calls.peer(id).ok_or_else(|| no_call(id))?;
        let sdp = peer.renegotiate(&offer.sdp).await?;
        return Ok(Json(json!({ "sdp": sdp, "type": "answer", "pc_id": id })));
    }
    let language = language(offer.language.as_deref())?;
    let fields = ["avatar.live_link", "avatar.vmc", "avatar.subject"];
    let renderers = renderers::wanted(&app.config.renderers, offer.avatar.unwrap_or_default(), fields)?;
    let host = app.webrtc.clone().ok_or_else(no_udp)?;
    let seat = admit(&app)?;
    let (ends, pipeline) = call_ends();
    let commands = ends.commands.clone();
    let token = app.calls.transport_token();
    let (sdp, peer) =
        Box::pin(host.answer(&offer.sdp, ends, Arc::new(Rtvi), token.clone(), app.calls.tasks())).await?;
    let id = seat.id().to_string();
    app.calls.start(seat, pipeline, (commands, Some(peer)), Wishes { language, renderers }, token);
    Ok(Json(json!({ "sdp": sdp, "type": "answer", "pc_id": id })))
}

/// The client's candidates, as it finds them.
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

/// Hangs up.
///
/// # Errors
/// When there is no such call.
pub async fn hang_up(State(app): State<App>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    if app.calls.hang_up(&id) { Ok(StatusCode::NO_CONTENT) } else { Err(no_call(&id)) }
}

/// A place for a call, once the engines can serve it.
pub(super) fn admit(app: &App) -> Result<Seat, Problem> {
    if let Some(missing) = app.fleet.missing() {
        let detail =
            format!("No calls can be taken yet: {missing}. /ready says more. Try again in a moment.");
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(2));
    }
    app.calls.admit().map_err(|refusal| {
        let (detail, seconds) = match refusal {
            Refusal::Full => {
                ("The server has as many calls as it may (server.max_calls). Try again later.", 10)
            }
            Refusal::Stopping => ("The server is stopping. Try again in a moment.", 5),
        };
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(seconds)
    })
}

/// A language that a client asked for; `None`: as configured.
pub(super) fn language(asked: Option<&str>) -> Result<Option<String>, Problem> {
    match asked {
        None | Some("" | "auto") => Ok(None),
        Some(language) if is_language(language) => Ok(Some(language.to_string())),
        Some(other) => {
            let detail = format!("language must be \"auto\" or two letters such as \"en\", not {other:?}");
            Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("language"))
        }
    }
}

fn no_call(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("There is no call {id:?}; it may have ended.")).field("pc_id")
}

fn no_udp() -> Problem {
    let detail = "This server has no UDP port for WebRTC; use the WebSocket at /ws instead.";
    Problem::new(StatusCode::NOT_IMPLEMENTED, detail)
}

impl From<OfferError> for Problem {
    fn from(error: OfferError) -> Self {
        let detail = error.to_string();
        match error {
            OfferError::TooManyCalls => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(10),
            OfferError::Closed => Self::new(StatusCode::NOT_FOUND, detail).field("pc_id"),
            OfferError::Internal { .. } => Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail),
            _ => Self::new(StatusCode::BAD_REQUEST, detail).field("sdp"),
        }
    }
}
