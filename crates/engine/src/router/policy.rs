//! Chooses the engine for a request, and the next one. Pure: the state of the engines is passed in.

use std::time::Duration;

use super::share::{Share, engine_of};
use super::tries::{Chance, Tries};
use crate::route::Reason;

/// The attributes that a request is matched by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// ISO 639-1; empty: not known.
    pub language: &'a str,
    /// Empty: none is named.
    pub voice: &'a str,
    /// Empty: not known.
    pub user: &'a str,
    /// Empty: none.
    pub tier: &'a str,
}

/// A configured route whose engine names are resolved to indices.
#[derive(Debug, Clone, Default)]
pub struct ResolvedRoute {
    /// Languages that it applies to; empty: any.
    pub languages: Vec<String>,
    /// Voices that it applies to; empty: any.
    pub voices: Vec<String>,
    /// Tiers that it applies to; empty: any.
    pub tiers: Vec<String>,
    /// Engines in the order in which they are tried.
    pub engines: Vec<usize>,
    /// Shares of the users.
    pub shares: Vec<Share>,
    /// Engines that get copies.
    pub shadows: Vec<usize>,
    /// Deadline for an engine's first output, after which the next one is asked as well.
    pub first: Duration,
}

impl ResolvedRoute {
    /// Whether it applies to a request.
    #[must_use]
    pub fn fits(&self, ask: &Ask<'_>) -> bool {
        let in_any = |list: &[String], one: &str| list.is_empty() || list.iter().any(|listed| listed == one);
        let first = ask.voice.split(['+', '(', '#']).next().unwrap_or_default().trim();
        in_any(&self.languages, ask.language)
            && in_any(&self.tiers, ask.tier)
            && (in_any(&self.voices, ask.voice) || in_any(&self.voices, first))
    }

    /// The order of engines for a user: that of the user's share, then those without a share, then those with another share.
    #[must_use]
    pub fn order(&self, user: &str) -> Order {
        let own = engine_of(user, &self.shares);
        let shared = |engine: usize| self.shares.iter().any(|share| share.engine == engine);
        let mut engines: Vec<usize> = own.into_iter().collect();
        for with_share in [false, true] {
            let more = self.engines.iter().copied().filter(|engine| shared(*engine) == with_share);
            engines.extend(more.filter(|engine| Some(*engine) != own));
        }
        Order { engines, lead: if own.is_some() { Reason::Share } else { Reason::Route } }
    }
}

/// Engines in the order in which a request tries them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Their indices.
    pub engines: Vec<usize>,
    /// Why the first one is first.
    pub lead: Reason,
}

impl Order {
    /// The order with this engine first, if it is one of them: the conversation used it before.
    #[must_use]
    pub fn keeping(mut self, engine: usize) -> Self {
        if let Some(at @ 1..) = self.engines.iter().position(|other| *other == engine) {
            self.engines[..=at].rotate_right(1);
            self.lead = Reason::Kept;
        }
        self
    }

    /// The order with this engine last, if it is one of several: it has just failed the conversation.
    #[must_use]
    pub fn avoiding(mut self, engine: usize) -> Self {
        let at = self.engines.iter().position(|other| *other == engine);
        if let Some(at) = at.filter(|_| self.engines.len() > 1) {
            self.engines[at..].rotate_left(1);
            if at == 0 {
                self.lead = Reason::Failed;
            }
        }
        self
    }
}

/// The current state of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is ready, and its breaker lets requests pass.
    Fit,
    /// It is not ready.
    Unready,
    /// It is ready, but its breaker is open.
    Shut,
}

/// Why an engine that was asked does not serve, or not alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has returned nothing by the deadline.
    Late,
    /// It failed.
    Failed,
    /// It refused the request.
    Refused,
    /// It turned out not to be ready, or was too busy.
    Absent,
}

/// The engine to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Its index.
    pub engine: usize,
    /// Why.
    pub reason: Reason,
    /// No other engine could serve now, so this one is waited for.
    pub last: bool,
}

/// The engine to ask next; none: none may be asked any more. `after`: the outcome of the previous one.
#[must_use]
pub fn next(
    order: &Order,
    standing: impl Fn(usize) -> Standing,
    tries: &Tries,
    after: Option<Fate>,
) -> Option<Choice> {
    let with = |chance: Chance| {
        let engines = order.engines.iter().filter(move |engine| tries.chance(**engine) == chance);
        engines.map(|engine| (*engine, standing(*engine))).collect::<Vec<_>>()
    };
    let (left, mut failed) = (with(Chance::First), with(Chance::Second));
    failed.retain(|(_, standing)| *standing == Standing::Fit);
    let fit = left.iter().chain(&failed).find(|(_, standing)| *standing == Standing::Fit);
    let Some((engine, _)) = fit.copied() else {
        // A ready engine may have recovered before its breaker allows a probe; any other must first become ready.
        let shut = left.iter().find(|(_, standing)| *standing == Standing::Shut);
        let engine = shut.or(left.first())?.0;
        return Some(Choice { engine, reason: Reason::LastResort, last: left.len() == 1 });
    };
    let mut others = left.iter().chain(&failed).filter(|(other, _)| *other != engine);
    let last = others.all(|(_, standing)| *standing == Standing::Unready);
    let reason = match (after, left.first()) {
        (Some(Fate::Late), _) => Reason::Late,
        (Some(Fate::Failed), _) | (None, None) => Reason::Failed,
        (Some(Fate::Refused), _) => Reason::Refused,
        (Some(Fate::Absent), _) | (None, Some((_, Standing::Unready))) => Reason::Unhealthy,
        (None, Some((_, Standing::Shut))) => Reason::BreakerOpen,
        (None, Some((_, Standing::Fit))) => order.lead,
    };
    Some(Choice { engine, reason, last })
}

#[cfg(test)]
mod tests;
