//! What every engine program shares: command line, environment, listening socket, confinement, shutdown, and exiting
//! with the parent.

use std::convert::Infallible;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::Context;
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::confine::{Needs, Surroundings, confine};
use crate::state::{EngineService, EngineState};
use crate::v1::engine_server::EngineServer;

/// The arguments that every engine takes.
#[derive(Debug, Clone, clap::Args)]
pub struct HostArgs {
    /// Where to listen: unix:PATH or HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    pub listen: String,
    /// Exit when standard input closes: the parent holds the other end, so no engine outlives it, not even after SIGKILL
    #[arg(long)]
    pub exit_with_stdin: bool,
    /// PEM certificate chain for TLS on HOST:PORT
    #[arg(long, requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// PEM key for TLS on HOST:PORT
    #[arg(long, requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Allow the process everything that its user may do: read and write any file, start programs, open connections
    #[arg(long)]
    pub unconfined: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are described in its type")]
    pub surroundings: Surroundings,
    /// Log filter, such as info or debug
    #[arg(long, default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// Writes the log to standard error, which the server copies into its own log.
pub fn init_log(filter: &str) {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
}

/// The environment variable that tells OpenMP how its threads wait.
pub const WAIT_POLICY: &str = "OMP_WAIT_POLICY";
/// The wait policy for engines that share a machine: with OpenMP's default, spinning, waiting threads take the cores from
/// working ones, and two engines take ten times as long.
pub const PASSIVE: &str = "passive";

/// Restarts the program with `OMP_WAIT_POLICY=passive` if no policy is set. OpenMP reads the variable when its library is
/// loaded, before `main`.
pub fn wait_passively() {
    // The variable alone marks the restarted program; no argument is needed.
    if std::env::var_os(WAIT_POLICY).is_some() {
        return;
    }
    let again =
        |program| Command::new(program).args(std::env::args_os().skip(1)).env(WAIT_POLICY, PASSIVE).exec();
    // `exec` returns only on failure.
    let error = std::env::current_exe().map_or_else(|error| error, again);
    tracing::warn!(%error, "cannot restart with {WAIT_POLICY}={PASSIVE}; set it yourself, or engines slow each other down");
}

/// Disables ONNX Runtime's telemetry: its libraries send it from the first call on, before its interface can turn it off,
/// and only this variable is read earlier. Call this first in `main`.
pub fn silence_onnxruntime() {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    debug_assert_eq!(threads, 1, "other threads may read the environment");
    if threads == 1 {
        // SAFETY: there is no other thread that could read or write the environment.
        unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") };
    }
}

/// An engine's open socket.
#[derive(Debug)]
pub struct Host {
    listener: Listener,
    identity: Option<Identity>,
    exit_with_stdin: bool,
}

#[derive(Debug)]
enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Host {
    /// Binds the socket and reads the certificate, then confines the process to what else the engine `needs`. Call it before
    /// the process has a second thread.
    ///
    /// # Errors
    /// If it cannot listen on the address or read the certificate.
    pub fn open(args: &HostArgs, needs: &Needs) -> anyhow::Result<Self> {
        let read =
            |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let identity = match (&args.tls_cert, &args.tls_key) {
            (Some(cert), Some(key)) => Some(Identity::from_pem(read(cert)?, read(key)?)),
            _ => None,
        };
        let listener = listen(&args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;
        if args.unconfined {
            tracing::info!("not confined, by --unconfined");
        } else {
            confine(needs, &args.surroundings);
        }
        Ok(Self { listener, identity, exit_with_stdin: args.exit_with_stdin })
    }

    /// Serves `Engine` and the engine's own service until SIGTERM, SIGINT or (with `exit_with_stdin`) the parent's exit.
    ///
    /// # Errors
    /// If the socket or the certificate cannot be used.
    pub async fn serve<S>(self, state: Arc<EngineState>, service: S) -> anyhow::Result<()>
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        if self.exit_with_stdin {
            exit_with_stdin();
        }
        let mut server = Server::builder().tcp_nodelay(true);
        if let Some(identity) = self.identity {
            server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
        }
        let router = server.add_service(EngineServer::new(EngineService(state))).add_service(service);
        match self.listener {
            Listener::Unix(listener) => {
                let listener = tokio::net::UnixListener::from_std(listener)?;
                router.serve_with_incoming_shutdown(UnixListenerStream::new(listener), stopped()).await?;
            }
            Listener::Tcp(listener) => {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                router.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped()).await?;
            }
        }
        Ok(())
    }
}

fn listen(address: &str) -> std::io::Result<Listener> {
    let Some(path) = address.strip_prefix("unix:") else {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        tracing::info!(listen = %listener.local_addr()?, "listening");
        return Ok(Listener::Tcp(listener));
    };
    // A confined engine cannot remove its socket file on exit; a leftover one would make the bind fail.
    _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    tracing::info!(listen = address, "listening");
    Ok(Listener::Unix(listener))
}

/// Exits the process at once when standard input closes. Uses its own thread, because the model may occupy all others.
fn exit_with_stdin() {
    std::thread::spawn(|| {
        let mut buffer = [0; 64];
        let mut stdin = std::io::stdin();
        while stdin.read(&mut buffer).is_ok_and(|n| n > 0) {}
        end_now();
    });
}

/// Exits without the native libraries' clean-up, which crashes while a model thread is still computing.
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
    // Open streams would block a graceful shutdown; by now the parent has ended its calls.
    std::thread::spawn(|| {
        std::thread::sleep(std::time::Duration::from_secs(2));
        end_now();
    });
}
