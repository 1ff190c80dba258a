//! Spans for an OpenTelemetry collector, by OTLP over gRPC. The collector may be slow or absent: no call waits for it, and it
//! is logged once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter,
};
use tonic::transport::ClientTlsConfig;

use crate::config;

/// Longest time to send one batch.
const SENDING: Duration = Duration::from_secs(5);
/// How often spans are sent.
const EVERY: Duration = Duration::from_secs(2);
/// Longest time to send the last spans when the server stops.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Sends spans until it is stopped.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Starts sending, if a collector is configured. Call it within the runtime.
    ///
    /// # Errors
    /// If the endpoint is not a valid address.
    pub fn start(settings: &config::Telemetry) -> anyhow::Result<Option<Self>> {
        let endpoint = &settings.otlp_endpoint;
        if endpoint.is_empty() {
            return Ok(None);
        }
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(SENDING);
        let exporter = if endpoint.starts_with("https:") {
            exporter.with_tls_config(ClientTlsConfig::new().with_enabled_roots())
        } else {
            exporter
        };
        let exporter = exporter.build().with_context(|| format!("telemetry.otlp_endpoint: {endpoint:?}"))?;
        let counted = Counted { exporter, endpoint: endpoint.clone(), lost: AtomicBool::new(false) };
        let batches = BatchConfigBuilder::default().with_scheduled_delay(EVERY).build();
        let processor = BatchSpanProcessor::builder(counted).with_batch_config(batches).build();
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("visavis").with_attribute(version).build();
        let provider =
            SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build();
        global::set_tracer_provider(provider.clone());
        metrics::counter!("visavis_spans_lost_total").absolute(0);
        Ok(Some(Self { provider }))
    }

    /// Sends the remaining spans, for a limited time.
    pub async fn stop(self) {
        let stop = move || self.provider.shutdown_with_timeout(LAST_SPANS);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(stop).await {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// Counts spans that the collector did not take, and logs when that begins and ends.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    endpoint: String,
    lost: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let sent = self.exporter.export(batch).await;
        let was_lost = self.lost.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) => {
                metrics::counter!("visavis_spans_lost_total").increment(spans);
                if !was_lost {
                    tracing::warn!(endpoint = %self.endpoint, %error, "the collector accepts no spans; they are dropped until it does");
                }
            }
            Ok(()) if was_lost => {
                tracing::info!(endpoint = %self.endpoint, "the collector accepts spans again")
            }
            Ok(()) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
