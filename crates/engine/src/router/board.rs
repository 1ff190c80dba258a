//! What is known of a kind's engines, and which of them is asked.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use super::Member;
use super::breaker::Gate;
use super::policy::{self, Ask, Choice, Fate, Order, Rule, Standing};
use super::share::Share;
use super::ticket::{Breakers, Ticket};
use crate::config::Route;
use crate::route::{EngineKind, Reason, Routed};

/// Copies of requests at once, of one kind.
const SHADOWS: usize = 4;
/// Longest wait for an engine that was beaten, unless its route has a longer one.
const BEATEN: Duration = Duration::from_secs(3);

/// The engines of one kind: their health, their breakers and the routes to them.
#[derive(Debug)]
pub struct Board {
    kind: EngineKind,
    members: Vec<Member>,
    /// In the order of the configuration. A reload changes numbers in them, no conditions and no order.
    rules: watch::Sender<Arc<[Rule]>>,
    breakers: Arc<Breakers>,
    pub(super) shadows: Arc<Semaphore>,
}

/// An engine that is asked.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) engine: usize,
    pub(super) reason: Reason,
    /// No other is left that could serve now, so that it is waited for.
    pub(super) last: bool,
    /// It was beaten before: how long it is waited for; none: to its own end.
    pub(super) within: Option<Duration>,
    pub(super) ticket: Ticket,
}

/// The way of one request through the engines.
#[derive(Debug)]
pub(super) struct Plan {
    /// The index of its route.
    pub(super) rule: usize,
    order: Order,
    tried: Vec<usize>,
    /// Engines that were beaten.
    beaten: Vec<usize>,
    /// Engines that get copies.
    pub(super) shadows: Vec<usize>,
    /// Time for the first output; none: nobody waits.
    pub(super) first: Option<Duration>,
}

impl Plan {
    /// The same for a request that nobody waits for.
    pub(super) fn without_deadline(self) -> Self {
        Self { first: None, ..self }
    }

    /// The same, but this engine is asked first, if it is one of the route's.
    pub(super) fn keeping(self, engine: Option<usize>) -> Self {
        let order = engine.into_iter().fold(self.order, Order::keeping);
        Self { order, ..self }
    }

    /// The same, but this engine is asked last.
    pub(super) fn avoiding(self, engine: Option<usize>) -> Self {
        let order = engine.into_iter().fold(self.order, Order::avoiding);
        Self { order, ..self }
    }

    /// An engine that was asked has not failed: another one was first. It may be asked once more if that one fails.
    pub(super) fn spare(&mut self, engine: usize) {
        self.tried.retain(|tried| *tried != engine);
        if !self.beaten.contains(&engine) {
            self.beaten.push(engine);
        }
    }

    /// How long this engine is waited for; none: to its own end. One that was beaten may hang, so that it gets more time than before,
    /// but not much more.
    fn within(&self, engine: usize) -> Option<Duration> {
        let first = self.first.filter(|_| self.beaten.contains(&engine))?;
        Some((first * 2).min(BEATEN).max(first))
    }
}

/// What operators are told of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackendReport {
    /// What it does.
    pub kind: EngineKind,
    /// Its name in routes.
    pub name: String,
    /// It takes requests.
    pub ready: bool,
    /// What it is waiting for, or what is wrong.
    pub message: String,
    /// The name of its model.
    pub model: String,
    /// The state of its breaker: closed, open or half-open; none: no route names it, so that it does not run.
    pub breaker: Option<&'static str>,
    /// Percent of the users whose first engine it is, by the first route that gives it a share.
    pub share: Option<u32>,
}

impl BackendReport {
    /// Of a backend that no route names.
    #[must_use]
    pub fn unused(kind: EngineKind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            ready: false,
            message: "does not run: no route names it".into(),
            model: String::new(),
            breaker: None,
            share: None,
        }
    }
}

impl Board {
    /// The engines of a kind, and the routes to them, of which those of other kinds are left out. Names that are no member's are
    /// left out as well; the configuration has checked them.
    ///
    /// # Panics
    /// If there are no members.
    #[must_use]
    pub fn new(kind: EngineKind, members: Vec<Member>, routes: &[Route]) -> Arc<Self> {
        assert!(!members.is_empty(), "a kind has an engine");
        let rules = watch::channel(rules(kind, &members, routes)).0;
        let breakers = Breakers::new(members.len());
        Arc::new(Self { kind, members, rules, breakers, shadows: Arc::new(Semaphore::new(SHADOWS)) })
    }

    /// Has further requests go by these routes: those of before in all but `share`, `shadow` and `first_ms`.
    pub fn reroute(&self, routes: &[Route]) {
        self.rules.send_replace(rules(self.kind, &self.members, routes));
    }

    /// The routes now.
    fn rules(&self) -> Arc<[Rule]> {
        self.rules.borrow().clone()
    }

    /// Tells when the routes have changed.
    pub(super) fn rerouted(&self) -> watch::Receiver<Arc<[Rule]>> {
        self.rules.subscribe()
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

    /// Whether some request may be served by it: it gets more than copies.
    pub(super) fn is_serving(&self, engine: usize) -> bool {
        self.rules().iter().any(|rule| {
            rule.engines.contains(&engine) || rule.shares.iter().any(|share| share.engine == engine)
        })
    }

    /// The engines that serve requests.
    pub(crate) fn serving(&self) -> Vec<Member> {
        let all = self.members.iter().enumerate();
        all.filter(|(engine, _)| self.is_serving(*engine)).map(|(_, member)| member.clone()).collect()
    }

    /// The way of a request.
    pub(super) fn plan(&self, ask: &Ask<'_>) -> Plan {
        let rules = self.rules();
        let fits = rules.iter().position(|rule| rule.fits(ask));
        let rule = fits.unwrap_or(rules.len() - 1);
        let Rule { shadows, first, .. } = &rules[rule];
        let (order, tried, beaten) = (rules[rule].order(ask.user), Vec::new(), Vec::new());
        Plan { rule, order, tried, beaten, shadows: shadows.clone(), first: Some(*first) }
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

    /// The engine to ask next, without asking it.
    pub(super) fn peek(&self, plan: &Plan, after: Option<Fate>) -> Option<Choice> {
        policy::next(&plan.order, |engine| self.standing(engine), &plan.tried, after)
    }

    /// The engine that a new request would go to now, if it is ready: by its route, the user's share, health and breakers.
    #[must_use]
    pub fn next_up(&self, ask: &Ask<'_>) -> Option<Member> {
        let engine = self.peek(&self.plan(ask), None)?.engine;
        self.is_ready(engine).then(|| self.members[engine].clone())
    }

    /// Asks the next engine; none: all were asked.
    pub(super) fn pick(&self, plan: &mut Plan, after: Option<Fate>) -> Option<Picked> {
        let Choice { engine, reason, last } = self.peek(plan, after)?;
        plan.tried.push(engine);
        let (within, ticket) = (plan.within(engine), self.breakers.enter(engine));
        Some(Picked { engine, reason, last, within, ticket })
    }

    /// Asks an engine once more that was not ready or too busy, while another is waited for.
    pub(super) fn again(&self, engine: usize) -> Picked {
        let ticket = self.breakers.enter(engine);
        Picked { engine, reason: Reason::LastResort, last: false, within: None, ticket }
    }

    /// The engines that a request without any particulars could be sent to, in order; those that serve only a share come last.
    pub(super) fn usual(&self) -> Vec<usize> {
        let Plan { rule, order: Order { mut engines, .. }, .. } = self.plan(&Ask::default());
        for share in &self.rules()[rule].shares {
            if !engines.contains(&share.engine) {
                engines.push(share.engine);
            }
        }
        engines
    }

    /// An engine serves a request: counts it, and reports it.
    pub(super) fn serves(&self, engine: usize, reason: Reason) -> Routed {
        let (kind, name) = (self.kind.name(), self.name(engine).clone());
        metrics::counter!("visavis_route_total", "kind" => kind, "engine" => name.to_string(), "reason" => reason.name())
            .increment(1);
        if !reason.is_planned() {
            tracing::warn!(kind, engine = %name, reason = reason.name(), "a request went another way than planned");
        }
        Routed { engine: name, reason }
    }

    /// What operators are told of the engines.
    #[must_use]
    pub fn report(&self) -> Vec<BackendReport> {
        let rules = self.rules();
        let one = |(engine, member): (usize, &Member)| {
            let status = member.status.borrow();
            let share = rules.iter().flat_map(|rule| &rule.shares).find(|share| share.engine == engine);
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
fn rules(kind: EngineKind, members: &[Member], routes: &[Route]) -> Arc<[Rule]> {
    let of_kind = routes.iter().filter(|route| route.kind == kind);
    let mut rules: Vec<Rule> = of_kind.map(|route| rule(route, members)).collect();
    if !routes.iter().any(|route| route.kind == kind && route.matches_all()) {
        let main = members.iter().position(|member| &*member.name == crate::config::MAIN);
        let rest = main.map_or_else(|| (0..members.len()).collect(), |main| vec![main]);
        rules.push(Rule { engines: rest, first: usual_first(kind), ..Rule::default() });
    }
    rules.into()
}

fn rule(route: &Route, members: &[Member]) -> Rule {
    let index = |name: &String| members.iter().position(|member| *member.name == **name);
    let indices = |names: &[String]| names.iter().filter_map(index).collect();
    let share = |(name, percent): (&String, &u32)| {
        Some(Share { engine: index(name)?, name: name.clone(), percent: *percent })
    };
    Rule {
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

/// Time for an engine's first output: what it leaves of a second is for the next one to begin.
fn usual_first(kind: EngineKind) -> Duration {
    Duration::from_millis(match kind {
        EngineKind::Stt => 1500,
        EngineKind::Llm => 1000,
        EngineKind::Tts => 700,
    })
}
