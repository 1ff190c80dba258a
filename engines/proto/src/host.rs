//! Command line, listening socket, shutdown, and death with the parent: the same for every engine program.

use std::convert::Infallible;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::state::{EngineService, EngineState};
use crate::v1::engine_server::EngineServer;

/// The arguments that every engine takes.
#[derive(Debug, Clone, clap::Args)]
pub struct HostArgs {
    /// Where to listen: unix:PATH or HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    pub listen: String,
    /// End when standard input closes: the parent holds the other end, so no engine outlives it, not even after SIGKILL
    #[arg(long)]
    pub exit_with_stdin: bool,
    /// PEM certificate chain for TLS on HOST:PORT
    #[arg(long, requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// PEM key for TLS on HOST:PORT
    #[arg(long, requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Log filter, such as info or debug
    #[arg(long, default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// Writes the log to standard error: a child's lines go into the server's log.
pub fn init_log(filter: &str) {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
}

/// Serves `Engine` and the engine's own service until SIGTERM, SIGINT or (with `exit_with_stdin`) the parent's end.
///
/// # Errors
/// When the address cannot be listened on or the certificate cannot be read.
pub async fn serve<S>(args: &HostArgs, state: Arc<EngineState>, service: S) -> anyhow::Result<()>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    if args.exit_with_stdin {
        exit_with_stdin();
    }
    let mut server = Server::builder().tcp_nodelay(true);
    if let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) {
        let read =
            |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        server = server
            .tls_config(ServerTlsConfig::new().identity(Identity::from_pem(read(cert)?, read(key)?)))?;
    }
    let router = server.add_service(EngineServer::new(EngineService(state))).add_service(service);
    if let Some(path) = args.listen.strip_prefix("unix:") {
        // A socket file left by a killed process would refuse the bind.
        _ = std::fs::remove_file(path);
        let listener =
            UnixListener::bind(path).with_context(|| format!("cannot listen on {}", args.listen))?;
        tracing::info!(listen = %args.listen, "listening");
        router.serve_with_incoming_shutdown(UnixListenerStream::new(listener), stopped()).await?;
        _ = std::fs::remove_file(path);
    } else {
        let listener = TcpListener::bind(&args.listen)
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        tracing::info!(listen = %listener.local_addr()?, "listening");
        router.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped()).await?;
    }
    Ok(())
}

/// Ends the process at once when standard input closes. A thread of its own: the model may hold all others.
fn exit_with_stdin() {
    std::thread::spawn(|| {
        let mut buffer = [0; 64];
        let mut stdin = std::io::stdin();
        while stdin.read(&mut buffer).is_ok_and(|n| n > 0) {}
        end_now();
    });
}

/// Ends the process without the native libraries' clean-up, which crashes under a model thread that still computes.
fn end_now() -> ! {
    // SAFETY: `_exit` takes no pointer and runs no code of this process; the kernel frees what it held.
    unsafe { libc::_exit(0) }
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).expect("signal handlers can be set at the start");
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    // Streams in work would hold a graceful shutdown open; the parent has said goodbye to its calls by now.
    std::thread::spawn(|| {
        std::thread::sleep(std::time::Duration::from_secs(2));
        end_now();
    });
}
