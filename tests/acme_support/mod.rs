//! An ACME authority (RFC 8555) that certifies whatever a handshake proves to it (RFC 8737), and checks no signature of its clients.
#![allow(clippy::unwrap_used, reason = "a test helper: a panic fails the test")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, SignatureAlgorithm,
};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use visavis::api::listener::{self, Limits, Options};
use visavis::tls::Certificate;
use visavis::transport::streams::StreamHandlers;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::tls_support::Folder;

/// The acmeIdentifier of RFC 8737.
const IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

/// An authority that runs.
pub(crate) struct Authority {
    /// Its directory's address.
    pub(crate) directory: String,
    /// By what its own server is known.
    pub(crate) root: PathBuf,
    shared: Arc<Shared>,
    _folder: Folder,
}

struct Shared {
    base: String,
    /// The one name that it certifies, and the address to which that leads.
    name: String,
    leads_to: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
    proven: Mutex<bool>,
    chain: Mutex<Option<String>>,
    accounts: AtomicUsize,
    orders: AtomicUsize,
}

impl Authority {
    pub(crate) async fn start(name: &str, leads_to: &str) -> Self {
        let folder = Folder::new();
        folder.write();
        let certificate = Certificate::load(folder.files.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let shared = Arc::new(Shared {
            base: base.clone(),
            name: name.to_owned(),
            leads_to: leads_to.to_owned(),
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            proven: Mutex::new(false),
            chain: Mutex::new(None),
            accounts: AtomicUsize::new(0),
            orders: AtomicUsize::new(0),
        });
        let limits = Limits { in_all: 20, of_address: 20 };
        let options = Options { limits, certificate: Some(certificate), handlers: StreamHandlers::default() };
        tokio::spawn(listener::serve(listener, routes(shared.clone()), options, CancellationToken::new()));
        let root = folder.files.cert.clone();
        Self { directory: format!("{base}/directory"), root, shared, _folder: folder }
    }

    /// What those trust who trust this authority.
    pub(crate) fn anchor(&self) -> CertificateDer<'static> {
        self.shared.issuer.der().clone()
    }

    /// How many accounts were made.
    pub(crate) fn accounts(&self) -> usize {
        self.shared.accounts.load(Ordering::Relaxed)
    }

    /// How many orders were made.
    pub(crate) fn orders(&self) -> usize {
        self.shared.orders.load(Ordering::Relaxed)
    }
}

type Held = State<Arc<Shared>>;

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/directory", get(directory))
        .route("/nonce", get(|| async { nonce() }))
        .route("/account", post(account))
        .route("/orders", post(new_order))
        .route("/order", post(current))
        .route("/authorization", post(authorization))
        .route("/challenge", post(challenge))
        .route("/finalize", post(finalize))
        .route("/certificate", post(certificate))
        .with_state(shared)
}

fn nonce() -> [(&'static str, &'static str); 1] {
    [("replay-nonce", "as-good-as-another")]
}

/// An answer with a nonce, and with the address of what it tells of.
fn answer(status: StatusCode, shared: &Shared, body: Value) -> impl IntoResponse + use<> {
    let path = if body.get("finalize").is_some() { "order" } else { "accounts/1" };
    (status, nonce(), [("location", format!("{}/{path}", shared.base))], Json(body))
}

async fn directory(State(shared): Held) -> Json<Value> {
    let at = |path: &str| format!("{}/{path}", shared.base);
    Json(json!({ "newNonce": at("nonce"), "newAccount": at("account"), "newOrder": at("orders") }))
}

async fn account(State(shared): Held) -> impl IntoResponse {
    shared.accounts.fetch_add(1, Ordering::Relaxed);
    answer(StatusCode::CREATED, &shared, json!({ "status": "valid" }))
}

async fn new_order(State(shared): Held) -> impl IntoResponse {
    shared.orders.fetch_add(1, Ordering::Relaxed);
    *shared.proven.lock() = false;
    *shared.chain.lock() = None;
    answer(StatusCode::CREATED, &shared, order(&shared))
}

async fn current(State(shared): Held) -> impl IntoResponse {
    answer(StatusCode::OK, &shared, order(&shared))
}

fn order(shared: &Shared) -> Value {
    let at = |path: &str| format!("{}/{path}", shared.base);
    let issued = shared.chain.lock().is_some();
    let status = match (issued, *shared.proven.lock()) {
        (true, _) => "valid",
        (false, true) => "ready",
        (false, false) => "pending",
    };
    json!({
        "status": status,
        "identifiers": [{ "type": "dns", "value": shared.name }],
        "authorizations": [at("authorization")],
        "finalize": at("finalize"),
        "certificate": issued.then(|| at("certificate")),
    })
}

async fn authorization(State(shared): Held) -> impl IntoResponse {
    let url = format!("{}/challenge", shared.base);
    let challenge = json!({ "type": "tls-alpn-01", "url": url, "token": "a-token", "status": "pending" });
    let body = json!({
        "identifier": { "type": "dns", "value": shared.name },
        "status": "pending",
        "challenges": [challenge],
    });
    answer(StatusCode::OK, &shared, body)
}

/// Looks for the proof at once.
async fn challenge(State(shared): Held) -> impl IntoResponse {
    let found = proves(&shared.leads_to, &shared.name).await;
    *shared.proven.lock() = found;
    let status = if found { "valid" } else { "invalid" };
    let url = format!("{}/challenge", shared.base);
    let body = json!({ "type": "tls-alpn-01", "url": url, "token": "a-token", "status": status });
    answer(StatusCode::OK, &shared, body)
}

/// Whether a handshake for the name at this address shows a proof.
async fn proves(address: &str, name: &str) -> bool {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let Ok(stream) = TlsConnector::from(Arc::new(config)).connect(name, stream).await else { return false };
    let shown = stream.get_ref().1.peer_certificates().unwrap();
    let (_, shown) = x509_parser::parse_x509_certificate(&shown[0]).unwrap();
    // An octet string of 32 bytes: a digest.
    shown.extensions().iter().any(|extension| {
        let value = extension.value;
        extension.oid.to_id_string() == IDENTIFIER
            && extension.critical
            && value.len() == 34
            && value[1] == 32
    })
}

/// Takes what a client has put into its request, and gives its key a certificate.
async fn finalize(State(shared): Held, request: String) -> impl IntoResponse {
    let decoded = |text: &Value| BASE64_URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap();
    let request: Value = serde_json::from_str(&request).unwrap();
    let payload: Value = serde_json::from_slice(&decoded(&request["payload"])).unwrap();
    let csr = decoded(&payload["csr"]);
    let (_, csr) = X509CertificationRequest::from_der(&csr).unwrap();
    let subject = Subject(csr.certification_request_info.subject_pki.subject_public_key.data.to_vec());
    let params = CertificateParams::new([shared.name.clone()]).unwrap();
    let issued = params.signed_by(&subject, &*shared.issuer).unwrap();
    *shared.chain.lock() = Some(format!("{}{}", issued.pem(), shared.issuer.pem()));
    answer(StatusCode::OK, &shared, order(&shared))
}

async fn certificate(State(shared): Held) -> impl IntoResponse {
    (nonce(), shared.chain.lock().clone().unwrap())
}

/// The public key of a request.
struct Subject(Vec<u8>);

impl PublicKeyData for Subject {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// An authority looks at a proof, and believes nothing else of the certificate.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519]
    }
}
