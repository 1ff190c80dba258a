//! Which checks there are, and in which order: the configuration and our own server first, then all at the same time but the start
//! of engines, which takes the whole machine and comes last.
//!
//! - `here`: checks of this host; `there`: of a server from outside; `relays`: of relays, in both

mod here;
mod relays;
mod there;

use std::sync::Arc;

use clap::ValueEnum;
use visavis_client::Server;
use visavis_config::{Config, Settings};

use crate::check::{Check, together};
use crate::finding::Finding;
use crate::judge::serving::Serving;
use crate::look::own::Own;

/// Checks that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Ports are free or our own server's, which is asked how it is
    Ports,
    /// UDP within this host, and its public address
    Network,
    /// Certificates
    Tls,
    /// The relay opens allocations
    Turn,
    /// Models are there and whole
    Models,
    /// Disk, memory, processors, limits, buffers
    Host,
    /// The store can be used
    Store,
    /// Engines have their programs and take requests
    Engines,
    /// A server from outside
    From,
}

/// What is to be checked.
pub(crate) struct Request {
    pub(crate) settings: Settings,
    pub(crate) from: Option<Server>,
    /// None: all groups.
    pub(crate) only: Vec<Group>,
    pub(crate) start_engines: bool,
}

impl Request {
    fn wants(&self, group: Group) -> bool {
        self.only.is_empty() || self.only.contains(&group)
    }
}

/// This host: its configuration, and our own server if it runs.
pub(crate) struct Host {
    pub(crate) config: Arc<Config>,
    pub(crate) own: Own,
    pub(crate) serving: Option<Serving>,
}

pub(crate) async fn examine(request: &Request, mut tell: impl FnMut(&Finding)) -> Vec<Finding> {
    let mut all = Vec::new();
    // Whoever asks for the view from outside alone may be on a machine without a configuration.
    let is_outside_alone = !request.only.is_empty() && request.only.iter().all(|group| *group == Group::From);
    let mut host = None;
    if !is_outside_alone {
        let (finding, found) = configured(&request.settings).await;
        tell(&finding);
        all.push(finding);
        host = found.map(Arc::new);
    }
    all.extend(together(at_once(request, host.as_ref()), &mut tell).await);
    if let Some(host) = host.filter(|_| request.wants(Group::Engines)) {
        let last = vec![here::engines(host, request.start_engines)];
        all.extend(together(last, &mut tell).await);
    }
    all
}

/// Lists checks of this host.
type OfHost = fn(&Arc<Host>) -> Vec<Check>;

/// The checks that run at the same time.
fn at_once(request: &Request, host: Option<&Arc<Host>>) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(host) = host {
        let of_host: [(Group, OfHost); 6] = [
            (Group::Ports, here::ports),
            (Group::Tls, here::tls),
            (Group::Turn, relays::own),
            (Group::Models, here::models),
            (Group::Host, here::machine),
            (Group::Store, here::store),
        ];
        for (group, of) in of_host {
            if request.wants(group) {
                checks.extend(of(host));
            }
        }
        if request.wants(Group::Network) {
            checks.extend(here::network(host, request.from.as_ref()));
        }
    }
    if let Some(server) = request.from.as_ref().filter(|_| request.wants(Group::From)) {
        checks.extend(there::all(server));
    }
    checks
}

/// The configuration, and with a valid one this host.
async fn configured(settings: &Settings) -> (Finding, Option<Host>) {
    const NAME: &str = "configuration";
    let failed = |message: String| {
        let fix = "correct what it names; `visavis config` prints every key there is. Nothing else was checked here";
        (Finding::failed(NAME, message, fix), None)
    };
    let config = match settings.load([]) {
        Ok(config) => config,
        Err(error) => return failed(format!("{error:#}")),
    };
    let own = match Own::of(&config) {
        Ok(own) => own,
        Err(fault) => return failed(fault),
    };
    let serving = own.serving().await;
    let finding = Finding::ok(NAME, format!("it is valid; the profile is {}", config.models.profile));
    (finding, Some(Host { config: Arc::new(config), own, serving }))
}
