//! The checks of this host.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use visavis_client::Server;
use visavis_config::{Config, Metadata};
use visavis_engine::model_files::ModelFiles;

use super::Host;
use crate::check::{Check, blocking};
use crate::finding::Finding;
use crate::judge;
use crate::judge::address::{Addresses, Seen};
use crate::judge::disk::Purpose;
use crate::judge::machine::Memory;
use crate::judge::ports::{Bound, Ours, Port};
use crate::judge::relays::Target;
use crate::judge::store::Stored;
use crate::judge::tls::Place;
use crate::look;

const BROKEN: &str = "the check itself broke off";

pub(super) fn ports(host: &Arc<Host>) -> Vec<Check> {
    let (server, turn) = (&host.config.server, &host.config.turn);
    let mut wanted = vec![(Port::Http, server.listen), (Port::Calls, server.udp)];
    if turn.enabled {
        wanted.extend([(Port::RelayUdp, turn.listen), (Port::RelayTcp, turn.listen)]);
        wanted.extend(turn.has_tls().then_some((Port::RelayTls, turn.tls_listen)));
    }
    let mut checks: Vec<Check> = wanted.into_iter().map(|(port, at)| port_check(host, port, at)).collect();
    let serving = host.serving.clone();
    checks.push(Check::new("server", 5, async move {
        vec![match serving {
            Some(serving) => judge::serving::judge("server", &serving, env!("CARGO_PKG_VERSION")),
            None => Finding::skipped("server", "no server of ours runs at server.listen"),
        }]
    }));
    checks
}

fn port_check(host: &Host, port: Port, address: SocketAddr) -> Check {
    let ours = match (&host.serving, port) {
        (None, _) => Ours::NotRunning,
        (Some(serving), Port::Calls) if !serving.has_udp => Ours::Lacks,
        (Some(_), _) => Ours::Holds,
    };
    Check::new(port.name(), 5, async move {
        let bound = blocking(move || look::ports::bound(port, address)).await;
        let bound = bound.unwrap_or_else(|| Bound::Fault(BROKEN.to_owned()));
        vec![judge::ports::judge(port, address, &bound, ours)]
    })
}

/// `from`: a server that may tell from where it sees this host.
pub(super) fn network(host: &Arc<Host>, from: Option<&Server>) -> Vec<Check> {
    let loopback = Check::new("udp-loopback", 8, async {
        vec![judge::udp::loopback(&look::network::echo(Ipv4Addr::LOCALHOST.into()).await)]
    });
    let own = Check::new("udp-own", 20, async {
        let mut sent = Vec::new();
        for address in look::network::own_addresses() {
            sent.push(look::network::echo(address).await);
        }
        vec![judge::udp::own(&sent)]
    });
    let (host, from) = (host.clone(), from.cloned());
    let public = Check::new("public-address", 25, async move {
        let (server, webrtc) = (&host.config.server, &host.config.webrtc);
        let told = told(&host).await;
        let facts = Addresses {
            is_open: host.config.expects_callers_from_elsewhere(),
            listen: server.listen,
            udp: server.udp,
            public: server.public_addresses.clone(),
            host: look::network::own_addresses(),
            told: told.map(|told| told.iter().map(SocketAddr::ip).collect()),
            looks: looks(&host.config),
            relay_only: webrtc.relay_only,
            seen: seen(&host.config, from.as_ref()).await,
        };
        vec![judge::address::judge(&facts)]
    });
    vec![loopback, own, public]
}

/// Whether the server looks for an outer address when it runs.
fn looks(config: &Config) -> bool {
    !config.webrtc.stun.is_empty() || config.webrtc.metadata != Metadata::None
}

/// What our own server tells callers of the port of calls; none: it does not run.
async fn told(host: &Host) -> Option<Vec<SocketAddr>> {
    host.serving.as_ref()?;
    host.own.told().await
}

/// The addresses at which the named servers see this host; no other server is asked.
async fn seen(config: &Config, from: Option<&Server>) -> Vec<Seen> {
    let mut all = Vec::new();
    if let Some(server) = from {
        let address = look::outside::seen(server).await;
        all.extend(address.map(|address| Seen { by: server.address().to_owned(), address }));
    }
    let mut urls = config.server.ice_servers.iter().flat_map(|server| &server.urls);
    if let Some(url) = urls.find(|url| url.starts_with("stun:"))
        && let Some(target) = Target::read(url)
    {
        let address = look::turn::seen_by(&target).await;
        all.extend(address.map(|address| Seen { by: url.clone(), address: address.ip() }));
    }
    all
}

pub(super) fn tls(host: &Arc<Host>) -> Vec<Check> {
    let (server, turn) = (&host.config.server, &host.config.turn);
    let own = Place {
        name: "tls",
        cert: "server.tls_cert",
        key: "server.tls_key",
        names: server.names.clone(),
        is_ordered: !server.acme_directory.is_empty(),
    };
    let relay = Place {
        name: "tls-relay",
        cert: "turn.tls_cert",
        key: "turn.tls_key",
        names: Some(&turn.host).filter(|host| !host.is_empty()).cloned().into_iter().collect(),
        is_ordered: false,
    };
    let mut checks = vec![certificate(own, server.tls_cert.clone(), server.tls_key.clone())];
    if turn.enabled && turn.has_tls() {
        checks.push(certificate(relay, turn.tls_cert.clone(), turn.tls_key.clone()));
    }
    checks
}

fn certificate(place: Place, cert: PathBuf, key: PathBuf) -> Check {
    Check::new(place.name, 10, async move {
        if cert.as_os_str().is_empty() {
            let why = "the server speaks http (server.tls_cert is empty): browsers give it a microphone on localhost or behind a proxy with https";
            return vec![Finding::skipped(place.name, why)];
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let read = blocking(move || look::tls::read(&cert, &key)).await;
        let read = read.unwrap_or_else(|| Err(judge::tls::Fault::Cert(BROKEN.to_owned())));
        vec![judge::tls::judge(&place, &read, now)]
    })
}

pub(super) fn models(host: &Arc<Host>) -> Vec<Check> {
    let config = host.config.clone();
    // Reading gigabytes from a slow disk takes minutes.
    let check = Check::new("models", 600, async move {
        let looked = config.clone();
        let found = blocking(move || look::models::look(&looked)).await;
        let found = found.unwrap_or_else(|| judge::models::Found::Missing(BROKEN.to_owned()));
        vec![judge::models::judge(&config.models.profile, &found)]
    });
    vec![check]
}

pub(super) fn machine(host: &Arc<Host>) -> Vec<Check> {
    let config = &host.config;
    let mut folders = vec![(Purpose::Models, config.models.dir.clone())];
    let has_place = config.store.is_asked_for || !config.store_has_no_place();
    if config.store.enabled && config.store.url.is_empty() && has_place {
        let purpose = if config.store.is_asked_for { Purpose::Store } else { Purpose::StoreByDefault };
        folders.push((purpose, config.store_dir()));
    }
    if !config.recording.dir.as_os_str().is_empty() {
        folders.push((Purpose::Recordings, config.recording.dir.clone()));
    }
    let mut checks: Vec<Check> = folders.into_iter().map(|(purpose, path)| disk(purpose, path)).collect();
    checks.push(memory(host));
    let config = config.clone();
    checks.push(Check::new("processors", 5, async move {
        let buffers = match look::host::buffers(&config) {
            Ok(buffers) => judge::machine::buffers(&buffers),
            Err(error) => Finding::skipped("udp-buffers", format!("no UDP socket can be opened: {error}")),
        };
        let processors = judge::machine::processors(&look::host::processors(&config));
        vec![processors, judge::machine::descriptors(&look::host::descriptors(&config)), buffers]
    }));
    checks
}

fn disk(purpose: Purpose, path: PathBuf) -> Check {
    Check::new(purpose.name(), 10, async move {
        let folder = blocking(move || look::host::folder(&path)).await;
        vec![judge::disk::judge(purpose, &folder.unwrap_or_else(|| Err(BROKEN.to_owned())))]
    })
}

fn memory(host: &Host) -> Check {
    const NAME: &str = "memory";
    let (config, is_running) = (host.config.clone(), host.serving.is_some());
    Check::new(NAME, 10, async move {
        if is_running {
            return vec![Finding::skipped(NAME, "our own server runs, and has what it needs already")];
        }
        let found = blocking(move || memory_facts(&config)).await;
        vec![match found.unwrap_or(Err(BROKEN)) {
            Ok(facts) => judge::machine::memory(&facts),
            Err(why) => Finding::skipped(NAME, why),
        }]
    })
}

fn memory_facts(config: &Config) -> Result<Memory, &'static str> {
    let available = look::host::available_memory().ok_or("this system does not tell how much is free")?;
    let files = ModelFiles::of(config).map_err(|_| "without its models there is nothing to compare")?;
    let models = look::host::size(&look::models::loaded(&files, config));
    Ok(Memory { available, models, calls: config.server.max_calls as u64 })
}

pub(super) fn store(host: &Arc<Host>) -> Vec<Check> {
    let (config, serving) = (host.config.clone(), host.serving.clone());
    let check = Check::new("store", 20, async move {
        // The file is our own server's alone while that runs.
        let told = serving.and_then(|serving| serving.store).map(Stored::Told);
        let stored = match told.filter(|_| config.store.enabled) {
            Some(told) => told,
            None if !config.store.is_asked_for && config.store_has_no_place() => {
                Stored::Without("neither XDG_DATA_HOME nor HOME names a place for it".to_owned())
            }
            None => look::store::look(&config.store, &config.store_dir()).await,
        };
        vec![judge::store::judge(&stored)]
    });
    vec![check]
}

/// The engines: those of our own server as it tells; else they are started, if that is wanted.
pub(super) fn engines(host: Arc<Host>, start: bool) -> Check {
    Check::new("engines", 180, async move {
        let mut found: Vec<Finding> = look::engines::started_here(&host.config)
            .into_iter()
            .map(|kind| judge::engines::program(kind.name(), look::engines::program_fault(kind).as_deref()))
            .collect();
        let engines = match &host.serving {
            Some(serving) => Ok(serving.engines.clone()),
            None if start => look::engines::started(host.config.clone()).await,
            None => {
                found.push(Finding::skipped("engines", "they were not to be started (--no-start)"));
                return found;
            }
        };
        match engines {
            Ok(engines) => found.extend(engines.iter().map(judge::engines::judge)),
            Err(fault) => found.push(Finding::failed(
                "engines",
                format!("they cannot be started: {fault}"),
                "mend what it names, such as models or programs that are missing",
            )),
        }
        found
    })
}

/// The addresses of the port of calls, as clients are told of it; none: they are not known before the server runs.
pub(super) async fn calls(host: &Host) -> Vec<SocketAddr> {
    if let Some(told) = told(host).await {
        return told;
    }
    let config = &host.config;
    let at = |ip: IpAddr| SocketAddr::new(ip, config.server.udp.port());
    if config.webrtc.relay_only {
        return config.webrtc.relay_peers.iter().copied().map(at).collect();
    }
    if config.server.public_addresses.is_empty() && looks(config) {
        return Vec::new();
    }
    let own = look::network::own_addresses();
    let bound = Some(config.server.udp.ip()).filter(|ip| !ip.is_unspecified());
    let ips: Vec<IpAddr> = match (config.server.public_addresses.as_slice(), bound) {
        ([], Some(ip)) => vec![ip],
        ([], None) => own,
        (public, _) => public.to_vec(),
    };
    ips.into_iter().map(at).collect()
}
