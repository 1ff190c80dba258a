//! The state of all engines of a kind, and the choice among them.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use super::Member;
use super::breaker::Gate;
use super::policy::{self, Ask, Choice, Fate, Order, ResolvedRoute, Standing};
use super::share::Share;
use super::ticket::{Breakers, Ticket};
use super::tries::Tries;
use crate::config::Route;
use crate::route::{EngineKind, Reason, Routed};

/// Most copies of requests at once, per kind.
const SHADOWS: usize = 4;
/// Longest wait for an engine that is asked again, unless its route has a longer one.
const AGAIN: Duration = Duration::from_secs(3);

/// The engines of one kind: their health, their breakers and the routes to them.
#[derive(Debug)]
pub struct Board {
    kind: EngineKind,
    members: Vec<Member>,
    /// In the order of the configuration. A reload changes numbers in them, no conditions and no order.
    routes: watch::Sender<Arc<[ResolvedRoute]>>,
    breakers: Arc<Breakers>,
    pub(super) shadows: Arc<Semaphore>,
}

/// An engine chosen for a request.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) engine: usize,
    pub(super) reason: Reason,
    /// No other engine could serve now, so this one is waited for.
    pub(super) last: bool,
    /// It was asked before: how long it is waited for; none: to its own end.
    pub(super) within: Option<Duration>,
    pub(super) ticket: Ticket,
}

/// The path of one request through the engines.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The index of its route.
    pub(super) route: usize,
    order: Order,
    tries: Tries,
    /// Engines that get copies.
    pub(super) shadows: Vec<usize>,
    /// Time for the first output; none: nobody waits.
    pub(super) first: Option<Duration>,
}

impl Plan {
    /// The same plan for a request that nobody waits for.
    pub(super) fn without_deadline(self) -> Self {
        Self { first: None, ..self }
    }

    /// The same plan, with this engine first if it is one of the route's.
    pub(super) fn keeping(self, engine: Option<usize>) -> Self {
        let order = engine.into_iter().fold(self.order, Order::keeping);
        Self { order, ..self }
    }

    /// The same plan, with this engine last.
    pub(super) fn avoiding(self, engine: Option<usize>) -> Self {
        let order = engine.into_iter().fold(self.order, Order::avoiding);
        Self { order, ..self }
    }

    /// An engine that was asked has not failed: another one was faster. It may be asked again if that one fails.
    pub(super) fn spare(&mut self, engine: usize) {
        self.tries.beaten(engine);
    }

    /// An engine has failed or refused before its first output.
    pub(super) fn failed(&mut self, engine: usize, fate: Fate) {
        match fate {
            Fate::Refused => self.tries.refused(engine),
            Fate::Late | Fate::Failed | Fate::Absent => self.tries.failed(engine),
        }
    }

    /// An engine has failed after its first output.
    pub(super) fn lost(&mut self, engine: usize) {
        self.tries.lost(engine);
    }

    /// The output has come, and more is wanted of the same request.
    pub(super) fn goes_on(&mut self) {
        self.tries.goes_on();
    }

    /// The plan as it will be if the engine that serves fails now.
    pub(super) fn without(&self, engine: usize) -> Self {
        let mut plan = self.clone();
        plan.lost(engine);
        plan
    }

    /// Whether all engines but this one have refused the request.
    pub(super) fn is_refused_by_all_but(&self, engine: usize) -> bool {
        self.order.engines.iter().all(|other| *other == engine || self.tries.has_refused(*other))
    }

    /// How long this engine is waited for; none: to its own end. One that was asked before may hang, so that it gets more time than before,
    /// but not much more.
    fn within(&self, engine: usize) -> Option<Duration> {
        let first = self.first.filter(|_| self.tries.is_doubtful(engine))?;
        Some((first * 2).min(AGAIN).max(first))
    }
}

/// A report on a backend for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackendReport {
    /// Its kind.
    pub kind: EngineKind,
    /// Its name in routes.
    pub name: String,
    /// It takes requests.
    pub ready: bool,
    /// What it is waiting for, or what is wrong.
    pub message: String,
    /// The name of its model.
    pub model: String,
    /// The state of its breaker: closed, open or half-open; none: no route names it, so it does not run.
    pub breaker: Option<&'static str>,
    /// Percent of the users for whom it is the first engine, by the first route that gives it a share.
    pub share: Option<u32>,
}

impl BackendReport {
    /// A report on a backend that no route names.
    #[must_use]
    pub fn unused(kind: EngineKind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            ready: false,
            message: "is not running: no route names it".into(),
            model: String::new(),
            breaker: None,
            share: None,
        }
    }
}

impl Board {
    /// The engines of a kind, with the routes of this kind; other routes are ignored. Names that are no member's are ignored as
    /// well; the configuration has checked them.
    ///
    /// # Panics
    /// If there are no members.
    #[must_use]
    pub fn new(kind: EngineKind, members: Vec<Member>, routes: &[Route]) -> Arc<Self> {
        assert!(!members.is_empty(), "a kind has an engine");
        let resolved = watch::channel(resolve_all(kind, &members, routes)).0;
        let breakers = Breakers::new(members.len());
        let shadows = Arc::new(Semaphore::new(SHADOWS));
        Arc::new(Self { kind, members, routes: resolved, breakers, shadows })
    }

    /// Has further requests go by these routes: those of before in all but `share`, `shadow` and `first_ms`.
    pub fn reroute(&self, routes: &[Route]) {
        self.routes.send_replace(resolve_all(self.kind, &self.members, routes));
    }

    /// The routes now.
    fn routes(&self) -> Arc<[ResolvedRoute]> {
        self.routes.borrow().clone()
    }

    /// Tells when the routes have changed.
    pub(super) fn rerouted(&self) -> watch::Receiver<Arc<[ResolvedRoute]>> {
        self.routes.subscribe()
    }

    /// All engines, in order.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// What the engines do.
    #[must_use]
    pub fn kind(&self) -> EngineKind {
        self.kind
    }

    pub(super) fn name(&self, engine: usize) -> &Arc<str> {
        &self.members[engine].name
    }

    pub(super) fn is_ready(&self, engine: usize) -> bool {
        self.members[engine].status.borrow().ready
    }

    /// Whether it may serve some request, and not only get copies.
    pub(super) fn is_serving(&self, engine: usize) -> bool {
        self.routes().iter().any(|route| {
            route.engines.contains(&engine) || route.shares.iter().any(|share| share.engine == engine)
        })
    }

    /// The engines that serve requests.
    pub(crate) fn serving(&self) -> Vec<Member> {
        let all = self.members.iter().enumerate();
        all.filter(|(engine, _)| self.is_serving(*engine)).map(|(_, member)| member.clone()).collect()
    }

    /// The plan for a request.
    pub(super) fn plan(&self, ask: &Ask<'_>) -> Plan {
        let routes = self.routes();
        let fits = routes.iter().position(|route| route.fits(ask));
        let route = fits.unwrap_or(routes.len() - 1);
        let ResolvedRoute { shadows, first, .. } = &routes[route];
        let order = routes[route].order(ask.user);
        Plan { route, order, tries: Tries::default(), shadows: shadows.clone(), first: Some(*first) }
    }

    fn standing(&self, engine: usize) -> Standing {
        if !self.is_ready(engine) {
            return Standing::Unready;
        }
        match self.breakers.gate(engine) {
            Gate::Open | Gate::Probe => Standing::Fit,
            Gate::Shut => Standing::Shut,
        }
    }

    /// The engine to ask next, without marking it as asked.
    pub(super) fn peek(&self, plan: &Plan, after: Option<Fate>) -> Option<Choice> {
        policy::next(&plan.order, |engine| self.standing(engine), &plan.tries, after)
    }

    /// The engine that a new request would go to now, if it is ready: by its route, the user's share, health and breakers.
    #[must_use]
    pub fn next_up(&self, ask: &Ask<'_>) -> Option<Member> {
        let engine = self.peek(&self.plan(ask), None)?.engine;
        self.is_ready(engine).then(|| self.members[engine].clone())
    }

    /// Asks the next engine; none: none may be asked any more.
    pub(super) fn pick(&self, plan: &mut Plan, after: Option<Fate>) -> Option<Picked> {
        let Choice { engine, reason, last } = self.peek(plan, after)?;
        let (within, ticket) = (plan.within(engine), self.breakers.enter(engine));
        plan.tries.asks(engine);
        Some(Picked { engine, reason, last, within, ticket })
    }

    /// Chooses an engine again that was not ready or was too busy, while another is waited for.
    pub(super) fn again(&self, engine: usize) -> Picked {
        let ticket = self.breakers.enter(engine);
        Picked { engine, reason: Reason::LastResort, last: false, within: None, ticket }
    }

    /// The engines that may serve a request without any attributes, in order; those that serve only a share come last.
    pub(super) fn usual(&self) -> Vec<usize> {
        let Plan { route, order: Order { mut engines, .. }, .. } = self.plan(&Ask::default());
        for share in &self.routes()[route].shares {
            if !engines.contains(&share.engine) {
                engines.push(share.engine);
            }
        }
        engines
    }

    /// Counts and reports that an engine serves a request.
    pub(super) fn serves(&self, engine: usize, reason: Reason) -> Routed {
        let (kind, name) = (self.kind.name(), self.name(engine).clone());
        metrics::counter!("visavis_route_total", "kind" => kind, "engine" => name.to_string(), "reason" => reason.name())
            .increment(1);
        if !reason.is_planned() {
            tracing::warn!(kind, engine = %name, reason = reason.name(), "a request was not routed as planned");
        }
        Routed { engine: name, reason }
    }

    /// Reports on all engines for operators.
    #[must_use]
    pub fn report(&self) -> Vec<BackendReport> {
        let routes = self.routes();
        let one = |(engine, member): (usize, &Member)| {
            let status = member.status.borrow();
            let share = routes.iter().flat_map(|route| &route.shares).find(|share| share.engine == engine);
            BackendReport {
                kind: self.kind,
                name: member.name.to_string(),
                ready: status.ready,
                message: status.message.clone(),
                model: status.model.clone(),
                breaker: Some(self.breakers.name(engine)),
                share: share.map(|share| share.percent),
            }
        };
        self.members.iter().enumerate().map(one).collect()
    }
}

/// The routes of a kind; behind those of the configuration one for what none of them matches.
fn resolve_all(kind: EngineKind, members: &[Member], routes: &[Route]) -> Arc<[ResolvedRoute]> {
    let of_kind = routes.iter().filter(|route| route.kind == kind);
    let mut resolved: Vec<ResolvedRoute> = of_kind.map(|route| resolve(route, members)).collect();
    if !routes.iter().any(|route| route.kind == kind && route.matches_all()) {
        let main = members.iter().position(|member| &*member.name == crate::config::MAIN);
        let rest = main.map_or_else(|| (0..members.len()).collect(), |main| vec![main]);
        resolved.push(ResolvedRoute { engines: rest, first: usual_first(kind), ..ResolvedRoute::default() });
    }
    resolved.into()
}

fn resolve(route: &Route, members: &[Member]) -> ResolvedRoute {
    let index = |name: &String| members.iter().position(|member| *member.name == **name);
    let indices = |names: &[String]| names.iter().filter_map(index).collect();
    let share = |(name, percent): (&String, &u32)| {
        Some(Share { engine: index(name)?, name: name.clone(), percent: *percent })
    };
    ResolvedRoute {
        languages: route.languages.clone(),
        voices: route.voices.clone(),
        tiers: route.tiers.clone(),
        engines: indices(&route.engines),
        shares: route.share.iter().filter_map(share).collect(),
        shadows: indices(&route.shadow),
        first: match route.first_ms {
            0 => usual_first(route.kind),
            ms => Duration::from_millis(ms.into()),
        },
    }
}

/// Deadline for an engine's first output, which leaves the next engine enough of a second to begin.
fn usual_first(kind: EngineKind) -> Duration {
    Duration::from_millis(match kind {
        EngineKind::Stt => 1500,
        EngineKind::Llm => 1000,
        EngineKind::Tts => 700,
    })
}
