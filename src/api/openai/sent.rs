//! The body of a request: JSON, and its text where that says more.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::{ApiError, INVALID};

/// A body that has arrived.
#[derive(Debug, Clone)]
pub struct Sent {
    pub(super) body: Value,
    text: Bytes,
}

/// The way to a schema in the text.
#[derive(Deserialize)]
struct Formed {
    response_format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    json_schema: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    schema: Option<Box<RawValue>>,
}

impl Sent {
    /// Reads a body.
    fn read(text: Bytes) -> Result<Self, ApiError> {
        let fault = |error: serde_json::Error| ApiError::invalid(format!("The body is not JSON: {error}."));
        let body = serde_json::from_slice(&text).map_err(fault)?;
        Ok(Self { body, text })
    }

    /// The schema of the response as it was written: its fields have an order there.
    pub(super) fn schema(&self) -> Option<String> {
        let formed: Formed = serde_json::from_slice(&self.text).ok()?;
        let schema = formed.response_format?.json_schema?.schema?;
        Some(schema.get().to_owned())
    }
}

#[cfg(test)]
impl From<&Value> for Sent {
    fn from(body: &Value) -> Self {
        Self { body: body.clone(), text: body.to_string().into() }
    }
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        // A page of another origin may send other kinds without asking.
        if !kind.eq_ignore_ascii_case("application/json") {
            let message = "Send the body as Content-Type: application/json.";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, message));
        }
        Self::read(Bytes::from_request(request, state).await?)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[tokio::test]
    async fn a_body_is_json_that_says_so() {
        let read = |kind: &'static str, body: &'static str| async move {
            let request = axum::http::Request::builder()
                .header(header::CONTENT_TYPE, kind)
                .body(Body::from(body))
                .unwrap();
            Sent::from_request(request, &()).await.map(|sent| sent.body)
        };
        let json = serde_json::json!({ "a": 1 });
        assert_eq!(read("application/json", "{\"a\":1}").await, Ok(json.clone()));
        assert_eq!(read("Application/JSON; charset=utf-8", "{\"a\":1}").await, Ok(json));
        assert!(read("application/json", "{\"a\":").await.is_err());
        assert!(read("text/plain", "{\"a\":1}").await.is_err());
    }

    #[test]
    fn a_schema_keeps_the_order_of_its_fields() {
        let text = r#"{"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"z":1, "a":2}}},"a":[1]}"#;
        let sent = Sent::read(Bytes::from_static(text.as_bytes())).unwrap();
        assert_eq!(sent.schema().as_deref(), Some(r#"{"z":1, "a":2}"#));
        assert_eq!(Sent::from(&serde_json::json!({ "response_format": null })).schema(), None);
        assert_eq!(Sent::from(&serde_json::json!([1])).schema(), None);
    }
}
