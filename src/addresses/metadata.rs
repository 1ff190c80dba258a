//! Asks a cloud's metadata service for the outer address of this host, again and again: it may get another one.

use std::net::IpAddr;
use std::sync::Weak;
use std::time::Duration;

use anyhow::{Context, anyhow};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use tokio::time::sleep;

use super::clouds::{Question, addresses, questions, session};
use crate::config::Metadata;
use crate::transport::webrtc::WebRtcHost;

/// Where all three clouds have it.
const SERVICE: &str = "http://169.254.169.254";
/// Longest time for a connection and for an answer.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const LONGEST: usize = 64 << 10;
/// How often it is asked, and after a failure.
const AGAIN: Duration = Duration::from_secs(300);
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Tells the port of calls its outer addresses, until it is closed.
pub(super) async fn keep_asking(cloud: Metadata, calls: Weak<WebRtcHost>) {
    let client = match client() {
        Ok(client) => client,
        Err(error) => {
            return tracing::error!(error = %format!("{error:#}"), "no metadata service can be asked");
        }
    };
    let (mut failing, mut was_empty) = (false, false);
    loop {
        let asked = ask(&client, SERVICE, cloud).await;
        let Some(calls) = calls.upgrade() else { return };
        let pause = match asked {
            Ok(found) => {
                if found.is_empty() && !was_empty {
                    tracing::info!(?cloud, "the metadata service knows no outer address of this host");
                }
                was_empty = found.is_empty();
                calls.learn_outer(found);
                failing = false;
                AGAIN
            }
            Err(error) => {
                // What was learnt before stays.
                if !std::mem::replace(&mut failing, true) {
                    let error = format!("{error:#}");
                    tracing::warn!(?cloud, %error, "the metadata service does not tell the outer address (webrtc.metadata): {}", advice(cloud));
                }
                AFTER_FAILURE
            }
        };
        drop(calls);
        sleep(pause).await;
    }
}

/// What to do about a service that does not answer.
fn advice(cloud: Metadata) -> &'static str {
    match cloud {
        Metadata::Aws => {
            "is it enabled for this instance? In a container set its hop limit to 2 (HttpPutResponseHopLimit), or set \
             server.public_addresses instead"
        }
        Metadata::None | Metadata::Gcp | Metadata::Azure => {
            "does this host run in that cloud? Else set server.public_addresses instead"
        }
    }
}

fn client() -> anyhow::Result<Client> {
    // Fails only if a provider is already installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    // A proxy, or who is redirected to, is not the service.
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(ANSWER);
    client.build().context("no HTTP client can be made")
}

/// The outer addresses of this host, as its cloud knows them; none if it has none.
async fn ask(client: &Client, service: &str, cloud: Metadata) -> anyhow::Result<Vec<IpAddr>> {
    let mut token = None;
    if let Some(session) = session(cloud) {
        let (name, value) = session.header;
        let request = client.request(Method::PUT, format!("{service}{}", session.path)).header(name, value);
        let body = answer(request).await?.with_context(|| format!("{} is not there", session.path))?;
        token = Some((session.token, body.trim().to_owned()));
    }
    for Question { path, header: (name, value), form } in questions(cloud) {
        let mut request = client.get(format!("{service}{path}")).header(name, value);
        if let Some((name, token)) = &token {
            request = request.header(*name, token);
        }
        let Some(body) = answer(request).await? else { continue };
        let found = addresses(form, &body).map_err(|fault| anyhow!("{path}: {fault}"))?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// The body of an answer; `None` if there is no such thing.
async fn answer(request: RequestBuilder) -> anyhow::Result<Option<String>> {
    let response = request.send().await.context("it does not answer")?;
    match response.status() {
        StatusCode::OK => Ok(Some(text(response).await?)),
        StatusCode::NOT_FOUND => Ok(None),
        status => Err(anyhow!("{} answers {status}", response.url().path())),
    }
}

async fn text(mut response: Response) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.context("its answer was cut")? {
        anyhow::ensure!(bytes.len() + chunk.len() <= LONGEST, "its answer has more than {LONGEST} bytes");
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
