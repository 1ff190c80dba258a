//! Renderers that a client requests for its call.

use axum::http::StatusCode;
use serde::Deserialize;

use super::problem::Problem;
use crate::config::Renderers;
use crate::config::{LONGEST_SUBJECT, is_address, is_subject};
use crate::renderers::target::Wanted;

/// The client's request.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `host:port`.
    #[serde(default)]
    pub live_link: Option<String>,
    /// `host:port`.
    #[serde(default)]
    pub vmc: Option<String>,
    /// The name of the face in the renderer.
    #[serde(default)]
    pub subject: Option<String>,
}

/// Checks which requested renderers are allowed; `fields` are the request's names for the fields.
pub(super) fn wanted(own: &Renderers, asked: Asked, fields: [&'static str; 3]) -> Result<Wanted, Problem> {
    let subject = asked.subject.unwrap_or_else(|| own.subject.clone());
    let mut wanted = Wanted { subject, ..Wanted::default() };
    let lists = [(asked.live_link, &mut wanted.live_link), (asked.vmc, &mut wanted.vmc)];
    for ((address, list), field) in lists.into_iter().zip(fields) {
        let Some(address) = address else { continue };
        if !own.from_clients {
            let detail = format!(
                "This server sends no faces to renderers that clients name (renderers.from_clients): leave out {field}."
            );
            return Err(Problem::new(StatusCode::FORBIDDEN, detail).field(field));
        }
        if !is_address(&address) {
            let detail = format!("{field} must be host:port such as \"192.168.0.7:11111\", not {address:?}");
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field(field));
        }
        list.push(address);
    }
    if !is_subject(&wanted.subject) {
        let [.., field] = fields;
        let detail =
            format!("{field} must be a name of 1 to {LONGEST_SUBJECT} bytes, not {:?}", wanted.subject);
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field(field));
    }
    Ok(wanted)
}
