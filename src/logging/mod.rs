//! The log: structured, on standard error, and without what people say unless configured. Lines that outsiders can cause are
//! written at a bounded rate; the rest are counted (`flood`).

mod flood;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::flood::FloodGate;
use crate::audit;
use crate::config::Log;

/// The target of lines that hold spoken content.
const CONTENT: &str = "visavis::content";

/// Starts logging.
///
/// # Errors
/// If `log.filter` is not a valid filter.
pub fn init(settings: &Log) -> anyhow::Result<()> {
    let content = if settings.content { "info" } else { "off" };
    // Transport libraries log every ordinary network event.
    let quiet = "rtc=warn,webrtc=warn,rtc_ice=error,rtc_sctp=error,rtc_dtls=error,ort=warn";
    // Written whatever else is left out, unless the filter names it.
    let audited = format!("{}=info", audit::TARGET);
    let filter = EnvFilter::try_new(format!("{quiet},{audited},{},{CONTENT}={content}", settings.filter))?;
    let registry = tracing_subscriber::registry().with(filter).with(FloodGate::default());
    if settings.json {
        registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init()?;
    } else {
        let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
        registry
            .with(tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(std::io::stderr))
            .try_init()?;
    }
    Ok(())
}
